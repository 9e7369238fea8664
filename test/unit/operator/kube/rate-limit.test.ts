import { expect, test } from '@jest/globals';
import { createRateLimit } from '../../../../operator/kube/rate-limit.ts';
import { createManualScheduler } from '../../../kit/kube-clock.ts';

const never = new AbortController().signal;

test('lets a burst pass, then so many per second, in the order of asking', async () => {
  const clock = createManualScheduler();
  const limit = createRateLimit(clock, { perSecond: 10, burst: 3 });
  const passed: number[] = [];
  for (let at = 0; at < 6; at += 1) void limit.turn(never).finally(() => void passed.push(at));
  await clock.advance(0);
  expect(passed).toEqual([0, 1, 2]);
  await clock.advance(200);
  expect(passed).toEqual([0, 1, 2, 3, 4]);
  await clock.advance(100);
  expect(passed).toEqual([0, 1, 2, 3, 4, 5]);
});

test('never saves more than a burst', async () => {
  const clock = createManualScheduler();
  const limit = createRateLimit(clock, { perSecond: 10, burst: 3 });
  await clock.advance(3_600_000);
  let passed = 0;
  for (let at = 0; at < 5; at += 1) void limit.turn(never).finally(() => (passed += 1));
  await clock.advance(0);
  expect(passed).toBe(3);
});

test('a caller that gives up waits no longer and takes no turn', async () => {
  const clock = createManualScheduler();
  const limit = createRateLimit(clock, { perSecond: 1, burst: 1 });
  await limit.turn(never);
  const stop = new AbortController();
  const given = limit.turn(stop.signal);
  stop.abort();
  await given;
  let passed = false;
  void limit.turn(never).finally(() => (passed = true));
  await clock.advance(1_000);
  expect(passed).toBe(true);
});
