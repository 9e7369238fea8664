import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { asPartlyUnknown, compilePatterns, coversAny, matchesAny, meetsAny, UNKNOWN_TEXT } from '../../../../core/policy/pattern.ts';
import { growth, LINEAR_GROWTH } from '../../../kit/cpu-time.ts';

const matches = (pattern: string, text: string): boolean => matchesAny(compilePatterns([pattern]), text);
const glob = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map((parts) => parts.join(''));
const word = fc.array(fc.constantFrom('a', 'b'), { maxLength: 12 }).map((parts) => parts.join(''));

describe('G20 a pattern', () => {
  test.each([
    ['get_*', 'get_x', true],
    ['get_*', 'get_', true],
    ['get_*', 'xget_x', false],
    ['get_*', 'Get_x', false],
    ['*', '', true],
    ['*', 'any/../thing\n', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'acb', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*a**b*', 'xaybz', true],
    ['*ab*ab*', 'abab', true],
    ['*ab*ab*', 'aba', false],
    ['a.c', 'abc', false],
    ['a?c', 'abc', false],
    ['[ab]', 'a', false],
    ['a\\*', 'a*', false],
    ['(a+)+$', '(a+)+$', true],
    ['a__b', 'a_ _b', false],
    ['a', 'a/../b', false],
    ['', '', true],
    ['', 'a', false],
    ['\ud800*', '\ud800x', false],
  ])('%j against %j: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test('means what the same regular expression means', () => {
    fc.assert(fc.property(glob, word, (pattern, text) => {
      expect(matches(pattern, text)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's').test(text));
    }), { numRuns: 3000 });
  });

  test('J5 is matched in linear time, whatever it repeats', () => {
    const matching = (length: number) => {
      const set = compilePatterns([`*${'a'.repeat(length)}b*${'a'.repeat(length)}c*`]);
      const text = 'a'.repeat(4 * length);
      return () => expect(matchesAny(set, text)).toBe(false);
    };
    expect(growth(100_000, matching)).toBeLessThan(LINEAR_GROWTH);
  });
});

describe('partly unknown texts', () => {
  const fill = (text: string, ...fillings: readonly string[]): string => fillings.reduce((filled, each) => filled.replace(UNKNOWN_TEXT, each), text);
  const unknown = fc.array(fc.constantFrom('a', 'b', UNKNOWN_TEXT), { maxLength: 6 }).map((parts) => parts.join(''));
  const fillings = fc.tuple(word, word, word, word, word, word);

  test('what covers one matches every filling', () => {
    fc.assert(fc.property(glob, unknown, fillings, (pattern, text, words) => {
      if (coversAny(compilePatterns([pattern]), text)) expect(matches(pattern, fill(text, ...words))).toBe(true);
    }), { numRuns: 3000 });
  });

  test('what does not meet one matches no filling', () => {
    fc.assert(fc.property(glob, unknown, fillings, (pattern, text, words) => {
      if (matches(pattern, fill(text, ...words))) expect(meetsAny(compilePatterns([pattern]), text)).toBe(true);
    }), { numRuns: 3000 });
  });

  test.each([
    ['a*', 'a\udc00', true, true],
    ['a*', '\udc00', false, true],
    ['*b', 'a\udc00', false, true],
    ['b*', 'a\udc00', false, false],
    ['*b', '\udc00a', false, false],
    ['ab', 'a\udc00', false, true],
    ['ba', 'a\udc00', false, false],
    ['a', 'a', true, true],
  ])('%j against %j: covers %s, meets %s', (pattern, text, covers, meets) => {
    const set = compilePatterns([pattern]);
    expect({ covers: coversAny(set, text), meets: meetsAny(set, text) }).toEqual({ covers, meets });
  });

  test('a pattern can be seen as one', () => {
    expect(asPartlyUnknown('a*b*')).toBe(`a${UNKNOWN_TEXT}b${UNKNOWN_TEXT}`);
  });
});
