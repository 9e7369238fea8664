import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Bundle, BundleToken } from '../../../api/bundle.ts';
import { createPublicationRecord } from '../../../operator/publication-record.ts';
import type { PublicationRecord } from '../../../operator/publication-record.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';

let record: PublicationRecord;
let nowMs: number;

beforeEach(() => {
  record = createPublicationRecord();
  nowMs = 1000;
});

const { token: CI } = aToken({ name: 'ci' });
const { token: BOT } = aToken({ name: 'bot' });
const revoked = (token: BundleToken): BundleToken => ({ ...token, revoked: true });

/** Published `afterMs` after what came before. */
function publish(tokens: readonly BundleToken[], afterMs = 0): Bundle {
  nowMs += afterMs;
  const bundle = { ...aBundle({ port: 1 }), tokens };
  record.published(bundle, nowMs);
  return bundle;
}

function acknowledge(podUid: string, { revision }: Bundle, { afterMs = 0, subscribedAtMs = 0 } = {}): readonly string[] {
  nowMs += afterMs;
  return record.acknowledged({ podUid, revision, atMs: nowMs, subscribedAtMs }).map(({ namespace, name }) => `${namespace}/${name}`);
}

describe('a publication', () => {
  test('has a number, unless it says what is in force already', () => {
    expect(record.latest()).toBe(0);
    const first = publish([CI]);
    record.published({ ...first, order: { GatewayToken: '9' } }, nowMs);
    expect(record.latest()).toBe(1);
    publish([CI]);
    record.published(first, nowMs);
    expect(record.latest()).toBe(3);
  });

  test('changes the tokens that it says something new of, and no other', () => {
    publish([CI, BOT]);
    publish([revoked(CI), { ...BOT }]);
    expect([record.lastChange(CI.uid), record.lastChange(BOT.uid)]).toMatchObject([{ publication: 2, isDropped: false }, { publication: 1, isDropped: false }]);
    expect(record.lastChange('nobody')).toBeUndefined();
  });

  test('without a token drops it, and that is remembered as long as a sidecar may be behind', () => {
    publish([CI]);
    publish([]);
    expect(record.lastChange(CI.uid)).toMatchObject({ publication: 2, isDropped: true });
    for (let more = 0; more < 63; more += 1) publish([]);
    expect(record.lastChange(CI.uid)).toMatchObject({ publication: 2, isDropped: true });
    publish([]);
    expect(record.lastChange(CI.uid)).toBeUndefined();
  });

  test('with a token that was dropped changes it', () => {
    for (const tokens of [[CI], [], [CI]]) publish(tokens);
    expect(record.lastChange(CI.uid)).toMatchObject({ publication: 3, isDropped: false });
  });
});

describe('an acknowledgement', () => {
  test('enforces every change up to its publication, each once', () => {
    publish([CI, BOT]);
    const second = publish([revoked(CI), BOT]);
    expect(acknowledge('a', second)).toEqual(['default/ci', 'default/bot']);
    const third = publish([revoked(CI)]);
    expect(acknowledge('a', second)).toEqual([]);
    expect(acknowledge('a', third)).toEqual(['default/bot']);
    expect(record.heldBy('a')).toBe(3);
    expect(acknowledge('b', second)).toEqual(['default/ci']);
    expect([record.heldBy('b'), record.heldBy('c')]).toEqual([2, undefined]);
  });

  test('of a revision that was never published, or long ago, is none', () => {
    const first = publish([CI]);
    expect(acknowledge('a', aBundle({ port: 1 }))).toEqual([]);
    for (let more = 0; more < 64; more += 1) publish([CI]);
    expect(acknowledge('a', first)).toEqual([]);
    expect(record.heldBy('a')).toBeUndefined();
  });

  test('of a revision that was published again counts for the last time', () => {
    const first = publish([CI]);
    publish([revoked(CI)]);
    record.published(first, nowMs);
    acknowledge('a', first);
    expect(record.heldBy('a')).toBe(3);
  });

  test('takes the time since the change that it enforces, and the slowest counts', () => {
    publish([CI, BOT]);
    const second = publish([revoked(CI), BOT], 500);
    acknowledge('a', second, { afterMs: 12 });
    acknowledge('b', second, { afterMs: 30 });
    expect(record.lastChange(CI.uid)?.slowestAckMs).toBe(42);
    expect(record.lastChange(BOT.uid)?.slowestAckMs).toBe(542);
    publish([CI, BOT]);
    expect(record.lastChange(CI.uid)?.slowestAckMs).toBeUndefined();
  });

  test('of a pod that came after the change says nothing of how long it took', () => {
    const bundle = publish([CI]);
    expect(acknowledge('late', bundle, { afterMs: 9000, subscribedAtMs: nowMs + 8000 })).toEqual(['default/ci']);
    expect(record.lastChange(CI.uid)?.slowestAckMs).toBeUndefined();
  });

  test('of pods that are long gone is forgotten', () => {
    const bundle = publish([]);
    for (let pod = 0; pod < 10_001; pod += 1) acknowledge(`pod-${String(pod)}`, bundle);
    expect([record.heldBy('pod-0'), record.heldBy('pod-1'), record.heldBy('pod-10000')]).toEqual([undefined, 1, 1]);
  });
});
