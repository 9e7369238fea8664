import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { escapeNonAscii } from '../../../runtime/ascii-json.ts';

test('any JSON text becomes printable ASCII and keeps its value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeNonAscii(JSON.stringify(text));
      expect(escaped).toMatch(/^[\x20-\x7e]*$/);
      expect(JSON.parse(escaped)).toBe(text);
    }),
  );
});

test.each([
  ['DEL', '\u007f'],
  ['a C1 control sequence introducer', '\u009b31m'],
  ['line separators', '\u2028\u2029'],
  ['a right-to-left override', '\u202egnp.exe'],
  ['a character beyond the basic plane', '\u{1f600}'],
])('%s is escaped', (_name, text) => {
  expect(escapeNonAscii(JSON.stringify(text))).toMatch(/^[\x20-\x7e]*$/);
});
