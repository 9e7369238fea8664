import { expect, test } from '@jest/globals';
import { createOperatorClock } from '../../../../sidecar/snapshot/operator-clock.ts';

function aClock() {
  const now = { wallMs: 1_000_000, monotonicMs: 500 };
  return { now, clock: createOperatorClock({ nowMs: () => now.wallMs, monotonicMs: () => now.monotonicMs }) };
}

test.each([300_000, -300_000])('follows an operator that is %d ms off, and not a step of the node', (offMs) => {
  const { now, clock } = aClock();
  clock.heard('A', now.wallMs + offMs);
  expect(clock.nowMs()).toBe(1_000_000 + offMs);
  now.wallMs += 60_000;
  now.monotonicMs += 10;
  expect(clock.nowMs()).toBe(1_000_010 + offMs);
});

test('is the node, as it was last known to be off, until a replica is heard', () => {
  const { clock } = aClock();
  expect(clock.nowMs()).toBe(1_000_000);
  clock.assume(-7_000);
  expect([clock.nowMs(), clock.offsetMs()]).toEqual([993_000, -7_000]);
});

test('knows how long a message was held up, and is not set back by it', () => {
  const { now, clock } = aClock();
  expect(clock.heard('A', 1_000_000)).toBe(0);
  now.monotonicMs += 20_000;
  expect(clock.heard('A', 1_005_000)).toBe(15_000);
  expect(clock.nowMs()).toBe(1_020_000);
});

test('of replicas that differ believes the one closest to the node, and keeps what it knew when all are gone', () => {
  const { clock } = aClock();
  clock.heard('A', 1_000_000 + 86_400_000);
  clock.heard('B', 1_000_000 + 2_000);
  expect(clock.offsetMs()).toBe(2_000);
  clock.forget('A');
  clock.forget('B');
  expect(clock.offsetMs()).toBe(2_000);
});
