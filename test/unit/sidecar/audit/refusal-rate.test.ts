import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createRefusalRate, OTHER_PEERS } from '../../../../sidecar/audit/refusal-rate.ts';
import { aClock } from './kit.ts';

describe('the rate of refusals', () => {
  test('admits so many per peer and counts the rest by reason', () => {
    const rate = createRefusalRate({ perPeer: 2, maxPeers: 10, clock: aClock() });
    const admitted = Array.from({ length: 5 }, () => rate.admit('a', 'ERR_CREDENTIAL_MISSING'));
    rate.admit('a', 'ERR_PATH_UNKNOWN');
    expect(admitted).toEqual([true, true, false, false, false]);
    expect(rate.admit('b', 'ERR_PATH_UNKNOWN')).toBe(true);
    expect(rate.drain()).toEqual([
      {
        peer: 'a',
        count: 4,
        reasons: new Map([
          ['ERR_CREDENTIAL_MISSING', 3],
          ['ERR_PATH_UNKNOWN', 1],
        ]),
      },
    ]);
    expect(rate.drain()).toEqual([]);
  });

  test('a window begins with its first refusal and lasts a minute', () => {
    const clock = aClock();
    const rate = createRefusalRate({ perPeer: 1, maxPeers: 10, clock });
    clock.advance(1_000_000);
    expect(rate.isOver()).toBe(false);
    rate.admit('a', 'ERR_CREDENTIAL_INVALID');
    expect(rate.remainingMs()).toBe(60_000);
    clock.advance(59_999);
    rate.admit('b', 'ERR_CREDENTIAL_INVALID');
    expect(rate.isOver()).toBe(false);
    clock.advance(1);
    expect(rate.isOver()).toBe(true);
    rate.drain();
    expect(rate.admit('a', 'ERR_CREDENTIAL_INVALID')).toBe(true);
    expect(rate.remainingMs()).toBe(60_000);
  });

  test('peers beyond the table share one place', () => {
    const rate = createRefusalRate({ perPeer: 1, maxPeers: 2, clock: aClock() });
    const admitted = ['a', 'b', 'c', 'd', 'e', 'a'].map((peer) => rate.admit(peer, 'ERR_CREDENTIAL_INVALID'));
    expect(admitted).toEqual([true, true, true, false, false, false]);
    expect(rate.drain().map(({ peer, count }) => [peer, count])).toEqual([
      ['a', 1],
      [OTHER_PEERS, 2],
    ]);
  });

  test('whatever comes, admitted and counted add up to what came, and the table is bounded', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), fc.integer({ min: 0, max: 5 }), (arrivals, perPeer) => {
        const rate = createRefusalRate({ perPeer, maxPeers: 8, clock: aClock() });
        const admitted = arrivals.filter((peer) => rate.admit(`10.0.0.${peer}`, 'ERR_CREDENTIAL_INVALID')).length;
        const summaries = rate.drain();
        expect(summaries.length).toBeLessThanOrEqual(9);
        expect(admitted + summaries.reduce((sum, { count }) => sum + count, 0)).toBe(arrivals.length);
      }),
    );
  });
});
