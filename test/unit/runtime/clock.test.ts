import { expect, test } from '@jest/globals';
import { systemClock } from '../../../runtime/clock.ts';

test('the system clock names moments since the epoch', () => {
  const before = Date.now();
  const now = systemClock.nowMs();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

test('monotonic time never goes back and has fractions of a millisecond', () => {
  const readings = Array.from({ length: 200 }, () => systemClock.monotonicMs());
  expect(readings).toEqual(readings.toSorted((a, b) => a - b));
  expect(readings.some((reading) => !Number.isInteger(reading))).toBe(true);
});
