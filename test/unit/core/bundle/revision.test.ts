import { expect, test } from '@jest/globals';
import { revisionOf } from '../../../../core/bundle/revision.ts';

test('does not depend on the order of keys, at any depth', () => {
  expect(revisionOf({ a: 1, b: { c: [{ d: 1, e: 2 }], f: null } })).toBe(revisionOf({ b: { f: null, c: [{ e: 2, d: 1 }] }, a: 1 }));
});

test.each([{ a: 2 }, { a: '1' }, { a: [1] }, { b: 1 }, { a: 1, b: undefined, c: null }, JSON.parse('{"a":1,"__proto__":2}') as object])('differs for %j', (other) => {
  expect(revisionOf(other)).not.toBe(revisionOf({ a: 1 }));
});

test('depends on the order of lists', () => {
  expect(revisionOf({ a: [1, 2] })).not.toBe(revisionOf({ a: [2, 1] }));
});

test('is the SHA-256 of canonical JSON', () => {
  // printf '{"a":1,"b":2}' | sha256sum
  expect(revisionOf({ b: 2, a: 1 })).toBe('43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777');
});
