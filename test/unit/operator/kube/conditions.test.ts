import { expect, test } from '@jest/globals';
import { type Condition, type Finding, sameStatus, setConditions } from '../../../../operator/kube/conditions.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0, 123);
const at = { generation: 3, nowMs: NOW };
const ready: Finding = { type: 'Ready', status: 'True', reason: 'AllReady', message: 'yes' };
const before: Condition = { ...ready, observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' };

test('a new condition has changed now', () => {
  expect(setConditions([], [ready], at)).toEqual([{ ...ready, observedGeneration: 3, lastTransitionTime: '2026-11-23T12:00:00Z' }]);
});

test('the time of the transition stays while the status does, whatever the reason', () => {
  expect(setConditions([before], [{ ...ready, reason: 'Other', message: 'still' }], at)).toEqual([
    { type: 'Ready', status: 'True', reason: 'Other', message: 'still', observedGeneration: 3, lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]);
});

test('it moves with the status', () => {
  expect(setConditions([before], [{ ...ready, status: 'Unknown' }], at)).toMatchObject([{ status: 'Unknown', lastTransitionTime: '2026-11-23T12:00:00Z' }]);
});

test('conditions of others are kept, after ours', () => {
  const other: Condition = { ...before, type: 'Other' };
  expect(setConditions([other, before], [ready], at).map(({ type }) => type)).toEqual(['Ready', 'Other']);
});

test('the same findings about the same generation change nothing', () => {
  const first = setConditions([], [ready, { ...ready, type: 'Accepted' }], at);
  expect(sameStatus(first, setConditions(first, [ready, { ...ready, type: 'Accepted' }], { ...at, nowMs: NOW + 60_000 }))).toBe(true);
  expect(sameStatus(first, setConditions(first, [ready, { ...ready, type: 'Accepted' }], { ...at, generation: 4 }))).toBe(false);
});

test('two findings of one type are a fault of ours', () => {
  expect(() => setConditions([], [ready, ready], at)).toThrow(TypeError);
});

test.each<[string, unknown, unknown, boolean]>([
  ['the order of members', { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ['members that would not be sent', { a: 1, b: undefined }, { a: 1 }, true],
  ['nothing and nothing', undefined, undefined, true],
  ['nothing and something', undefined, {}, false],
  ['the order of a list', [1, 2], [2, 1], false],
  ['a value inside', { a: [{ b: 1 }] }, { a: [{ b: 2 }] }, false],
])('of two statuses, %s', (_title, former, desired, same) => {
  expect(sameStatus(former, desired)).toBe(same);
});
