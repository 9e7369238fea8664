import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { endOfString, parseEscapedKeys } from '../../../../core/mcp/escaped-keys.ts';
import { parseStrictJson } from '../../../../core/mcp/strict-json.ts';
import { denialOf } from '../kit.ts';
import { growth, LINEAR_GROWTH } from '../../../kit/cpu-time.ts';

/**
 * The attack: a first request teaches the JSON parser of the gateway's process to expect the key `\u00` after `name`.
 * A second one names an allowed tool in `name` and a secret one in `\u006eame`, which is `name` again. The parser takes
 * the first characters of that text for the key it expects: no duplicate, the allowed tool is judged. The upstream, in
 * a process of its own, runs the secret one.
 */
describe('a key whose text begins like a key that the parser expects', () => {
  const prime = (key: string): void => {
    for (let round = 0; round < 10; round += 1) JSON.parse(`{"name":1,${JSON.stringify(key)}:1}`);
  };

  test('is still seen as a duplicate', () => {
    prime('\\u00');
    expect(denialOf(() => parseStrictJson(Buffer.from('{"name":"allowed","\\u006eame":"secret"}'))).message).toBe('The body repeats a key of an object');
  });

  test('is still read as what it says', () => {
    prime('\\');
    prime('\\u');
    expect(parseEscapedKeys('{"name":1,"\\u0064":2}')).toEqual({ name: 1, d: 2 });
    expect(parseStrictJson(Buffer.from('{"name":1,"\\u0064\\u0065":2}'))).toEqual({ name: 1, de: 2 });
  });
});

test('reads whatever JSON.stringify writes', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, indent) => {
    const text = JSON.stringify(value, undefined, indent);
    expect(JSON.stringify(parseEscapedKeys(text))).toBe(JSON.stringify(value));
  }));
});

test.each([
  ['{}', {}],
  ['[ ]', []],
  ['{ "a" : [ 1 , -2.5e+3 , true , null ] , "b" : { } }', { a: [1, -2500, true, null], b: {} }],
  ['\t"\\u0041\\n"\r\n', 'A\n'],
  ['{"\\"}":"]\\\\"}', { '"}': ']\\' }],
])('reads %s', (text, value) => {
  expect(parseEscapedKeys(text)).toEqual(value);
});

test('G4 a key named __proto__ is an ordinary member', () => {
  const value = parseEscapedKeys('{"\\u005f_proto__":{"polluted":true}}');
  expect(Object.getOwnPropertyNames(value)).toEqual(['__proto__']);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test.each([['a"', 1], ['\\"a"', 3], ['\\\\"', 2], ['\\\\\\"x"', 5], ['open', 4], ['\\"', 2]])('the string that begins %j ends at %d', (text, end) => {
  expect(endOfString(text, 0)).toBe(end);
});

test('finds the ends of strings full of backslashes in linear time', () => {
  const reading = (length: number) => {
    const body = Buffer.from(`"${'\\"'.repeat(length)}"`);
    return () => expect(parseStrictJson(body)).toHaveLength(length);
  };
  expect(growth(250_000, reading)).toBeLessThan(LINEAR_GROWTH);
});
