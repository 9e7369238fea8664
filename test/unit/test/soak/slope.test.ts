import { expect, test } from '@jest/globals';
import { slopePerHour } from '../../../soak/slope.ts';

const MINUTE_MS = 60_000;

test.each([
  ['what grows by one a minute', [100, 101, 102, 103], 60],
  ['what shrinks', [103, 102, 101, 100], -60],
  ['what stays', [100, 100, 100, 100], 0],
  ['what goes up and down again', [100, 110, 110, 100], 0],
])('%s has its slope', (_, values, perHour) => {
  expect(slopePerHour(values.map((value, minute) => ({ atMs: 1_000 + minute * MINUTE_MS, value })))).toBeCloseTo(perHour, 6);
});
