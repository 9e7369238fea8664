import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseGoDuration } from '../../../core/go-duration.ts';

describe('parseGoDuration', () => {
  test.each([
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['90s', 90_000],
    ['250ms', 250],
    ['1m5ms', 60_005],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['1h1h', 7_200_000],
  ])('reads %s', (text, expected) => {
    expect(parseGoDuration(text)).toBe(expected);
  });

  test.each(['', '24', '0', 'h', '1d', '-1h', '+1h', '1 h', '1h ', '1H', '1.h', '.5h', '1us', '1e3s', '1h30', '٣h', 'NaNs', '1'.repeat(10) + 'h', '1h'.repeat(40)])(
    'refuses %j',
    (text) => {
      expect(parseGoDuration(text)).toBeUndefined();
    },
  );

  test('never throws and never gives a negative or infinite number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.hms+-]{0,20}$/)), (text) => {
        const ms = parseGoDuration(text);
        expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });

  test('adds up its parts', () => {
    const part = fc.integer({ min: 0, max: 99_999 });
    fc.assert(
      fc.property(part, part, part, part, (h, m, s, ms) => {
        expect(parseGoDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(h * 3_600_000 + m * 60_000 + s * 1000 + ms);
      }),
    );
  });
});
