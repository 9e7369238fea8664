import { describe, expect, test } from '@jest/globals';
import { median, percentile, spread } from '../../../bench/statistics.ts';

describe('the numbers', () => {
  test.each([[[3, 1, 2], 2], [[4, 1, 2, 3], 2.5], [[7], 7]])('the median of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test('the median of nothing is no number', () => expect(median([])).toBeNaN());

  test('a percentile is a value that was measured', () => {
    expect([percentile([3, 1, 2, 4], 0.5), percentile([3, 1, 2, 4], 0.99), percentile([], 0.99)]).toEqual([2, 4, Number.NaN]);
  });

  test('a spread names the median, the least and the most', () => {
    expect(spread([3, 1, 2], 1)).toBe('2.0 (1.0–3.0)');
  });
});
