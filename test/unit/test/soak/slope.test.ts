import { expect, test } from '@jest/globals';
import { lowestOfWindows, slopePerHour } from '../../../soak/slope.ts';

const MINUTE_MS = 60_000;

test.each([
  ['what grows by one a minute', [100, 101, 102, 103], 60],
  ['what shrinks', [103, 102, 101, 100], -60],
  ['what stays', [100, 100, 100, 100], 0],
  ['what goes up and down again', [100, 110, 110, 100], 0],
])('%s has its slope', (_, values, perHour) => {
  expect(slopePerHour(values.map((value, minute) => ({ atMs: 1_000 + minute * MINUTE_MS, value })))).toBeCloseTo(perHour, 6);
});

test('what rises between collections and falls back each time has level troughs', () => {
  const samples = [5, 1, 2, 3, 1, 4, 2, 9, 1, 7].map((value, atMs) => ({ atMs, value }));
  expect(lowestOfWindows(samples, 5)).toEqual([{ atMs: 1, value: 1 }, { atMs: 2, value: 2 }, { atMs: 4, value: 1 }, { atMs: 6, value: 2 }, { atMs: 8, value: 1 }]);
});
