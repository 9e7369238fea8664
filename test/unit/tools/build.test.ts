import { describe, expect, test } from '@jest/globals';
import { asciiOnly } from '../../../tools/build.ts';

describe('a bundle', () => {
  test('has no character outside ASCII, and its regular expressions match what they matched', () => {
    const source = asciiOnly('/^(µs|𝛍)$/ // ä');
    expect(source).toBe('/^(\\u00b5s|\\ud835\\udecd)$/ // \\u00e4');
    const pattern = new RegExp(source.slice(1, source.lastIndexOf('/ //')));
    expect(['µs', '𝛍', 'us'].map((text) => pattern.test(text))).toEqual([true, true, false]);
  });

  test('is left alone where it is ASCII', () => {
    expect(asciiOnly('const a = "\\u00b5";\n')).toBe('const a = "\\u00b5";\n');
  });
});
