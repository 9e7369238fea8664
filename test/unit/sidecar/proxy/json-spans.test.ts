import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { AmbiguousKeys, elementSpans, foldKey, memberSpans, valueSpan } from '../../../../sidecar/proxy/json-spans.ts';
import type { Span } from '../../../../sidecar/proxy/json-spans.ts';

const at = (text: string, { start, end }: Span): string => text.slice(start, end);
const elements = (text: string): string[] => elementSpans(text, valueSpan(text, 0)).map((span) => at(text, span));
const members = (text: string): [string, string][] =>
  [...memberSpans(text, valueSpan(text, 0)).values()].map(({ key, value }) => [key, at(text, value)]);

describe('spans of a JSON text', () => {
  test.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1]', ['1']],
    ['[ 1 ,\n"a,]" , {"b":[2,"}"]} ,[[]],null,-1.5e+10, true ]', ['1', '"a,]"', '{"b":[2,"}"]}', '[[]]', 'null', '-1.5e+10', 'true']],
    ['["\\"","\\\\","\\\\\\"]"]', ['"\\""', '"\\\\"', '"\\\\\\"]"']],
    ['[9007199254740993,1e400]', ['9007199254740993', '1e400']],
  ])('finds the elements of %s', (text, expected) => {
    expect(elements(text)).toEqual(expected);
  });

  test.each([
    ['{}', []],
    ['{ }', []],
    ['{"a":1}', [['a', '1']]],
    ['{ "a" : {"a":2} , "b":[ ] }', [['a', '{"a":2}'], ['b', '[ ]']]],
    ['{"\\u0061\\"":"x:y,}"}', [['a"', '"x:y,}"']]],
    ['{"__proto__":1,"constructor":2}', [['__proto__', '1'], ['constructor', '2']]],
  ])('finds the members of %s', (text, expected) => {
    expect(members(text)).toEqual(expected);
  });

  test.each(['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"a":1,"A":2}', '{"s":1,"\u017f":2}', '{"k":1,"\u212a":2}', '{"":1,"":2}'])(
    'G1 G2 G3 refuses %s, of which each reader takes its own',
    (text) => {
      expect(() => members(text)).toThrow(AmbiguousKeys);
    },
  );

  test('agrees with JSON.parse about every part of every text', () => {
    const spacing = fc.constantFrom<string | number | undefined>(undefined, 1, '\t', ' \n\r ');
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), spacing, (values, space) => {
        const text = JSON.stringify(values, undefined, space);
        expect(elements(text).map((part): unknown => JSON.parse(part))).toEqual(JSON.parse(text));
      }),
    );
    const objects = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.jsonValue()), { selector: ([key]) => foldKey(key) });
    fc.assert(
      fc.property(objects, spacing, (entries, space) => {
        const text = `{${entries.map(([key, value]) => `${JSON.stringify(key)} :${JSON.stringify(value, undefined, space)}`).join(' , ')}}`;
        const found = members(text).map(([key, part]): [string, unknown] => [key, JSON.parse(part)]);
        expect(found).toEqual(entries.map(([key, value]) => [key, JSON.parse(JSON.stringify(value))]));
      }),
    );
  });

  test('G15 does not recurse: depth is not its concern', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(at(`[${deep},1]`, elementSpans(`[${deep},1]`, { start: 0, end: deep.length + 4 })[1] ?? { start: 0, end: 0 })).toBe('1');
  });
});
