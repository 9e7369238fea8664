import { expect, test } from '@jest/globals';
import { areFewUris, isName, isUri } from '../../../../core/mcp/target.ts';

test.each([
  ['a', true, true],
  ['', false, false],
  ['x'.repeat(1024), true, true],
  ['x'.repeat(1025), false, true],
  ['x'.repeat(8193), false, false],
  ['a\ud800', false, false],
  ['name 😀 \u0000', true, true],
])('judges the text %#', (text, name, uri) => {
  expect({ name: isName(text), uri: isUri(text) }).toEqual({ name, uri });
});

test.each([null, undefined, 1, true, {}, ['a']])('G9 %j names nothing', (value) => {
  expect(isName(value)).toBe(false);
  expect(isUri(value)).toBe(false);
});

test('J5 the URIs of one message are few by their length', () => {
  expect(areFewUris([])).toBe(true);
  expect(areFewUris(Array.from({ length: 16 }, () => 'x'.repeat(8192)))).toBe(true);
  expect(areFewUris([...Array.from({ length: 16 }, () => 'x'.repeat(8192)), 'x'])).toBe(false);
});
