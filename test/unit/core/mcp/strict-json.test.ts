import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseStrictJson } from '../../../../core/mcp/strict-json.ts';
import { denialOf } from '../kit.ts';
import { cpuMsOf } from '../../../kit/cpu-time.ts';

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));
const refusal = (body: string | Uint8Array): string => {
  const { code, message } = denialOf(() => parseStrictJson(typeof body === 'string' ? Buffer.from(body) : body));
  expect(code).toBe('ERR_REQUEST_MALFORMED');
  return message;
};
const REPEATED = 'The body repeats a key of an object';
const NOT_JSON = 'The body is not valid JSON';

describe('G1 refuses a duplicate', () => {
  test.each(['method', 'params', 'name', 'id', 'jsonrpc', '__proto__', ''])('%j', (key) => {
    expect(refusal(`{"${key}":1,"other":2,"${key}":3}`)).toBe(REPEATED);
  });

  test.each([
    ['nested in an object', '{"a":{"b":1,"c":2,"b":1}}'],
    ['nested in arrays', '[[{"b":1,"b":1}]]'],
    ['whose first value held keys of its own', '{"a":{"x":1,"y":2},"a":1}'],
    ['whose values are equal', '{"a":1,"a":1}'],
    ['that looks like an index', '{"1":1,"1":2}'],
  ])('%s', (_title, text) => {
    expect(refusal(text)).toBe(REPEATED);
  });

  test('but not the same key in two objects, nor colons in strings', () => {
    expect(parse('{"a":{"k":1},"b":{"k":":"},"c":[{"k":"\\":"},{"k":"\\\\"}]}')).toEqual({ a: { k: 1 }, b: { k: ':' }, c: [{ k: '":' }, { k: '\\' }] });
  });
});

describe('G2 refuses a duplicate written with escapes', () => {
  test.each(['{"method":1,"\\u006dethod":2}', '{"a/b":1,"a\\/b":2}', '{"\\u0000":1,"\\u0000":2}', '{"\\"":1,"\\u0022":2}'])('%s', (text) => {
    expect(refusal(text)).toBe(REPEATED);
  });
});

test('G2 refuses a key that is not Unicode, because other parsers see two of them as one', () => {
  expect(refusal('{"\\ud800":1,"\\ud801":2}')).toBe('The body holds a key that is not Unicode');
  expect(refusal('[{"a":{"x\\udc00":1}}]')).toBe('The body holds a key that is not Unicode');
  expect(parse('{"\\ud83d\\ude00":"\\ud800"}')).toEqual({ '😀': '\ud800' });
});

test('G4 a key named __proto__ is an ordinary member and pollutes nothing', () => {
  const value = parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
  expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

describe('G11 refuses what is not one JSON document', () => {
  test.each([
    '', ' ', '{}{}', '{}\n{}', '[1],', '{}x', '// c\n{}', '{"a":NaN}', "{'a':1}", '{a:1}', '[1,]', '{"a":1,}', '{"a" 1}', '{"a"::1}', '[01]', '[+1]',
    '[.5]', '"\\x41"', '"a\nb"', '{"a":"unterminated', '"\\', '}{', ']', 'undefined', '[Infinity]', '\u00a0{}', '{"a":1}\u0000',
  ])('%j', (text) => {
    expect(refusal(text)).toBe(NOT_JSON);
  });

  test('and never quotes it', () => {
    expect(refusal('{"password":hunter2}')).toBe(NOT_JSON);
  });
});

describe('G12 refuses what is not UTF-8 without a byte order mark', () => {
  test('a byte order mark', () => {
    expect(refusal('\ufeff{}')).toBe('The body starts with a byte order mark');
  });

  test.each([
    ['UTF-16 little endian', Buffer.from('{}', 'utf16le'), NOT_JSON],
    ['UTF-16 with its mark', Buffer.from([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), 'The body is not valid UTF-8'],
    ['UTF-32', Buffer.from([0x7b, 0, 0, 0, 0x7d, 0, 0, 0]), NOT_JSON],
    ['an overlong encoding', Buffer.from([0x22, 0xc1, 0xa1, 0x22]), 'The body is not valid UTF-8'],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'The body is not valid UTF-8'],
    ['a truncated sequence', Buffer.from([0x22, 0xe2, 0x82, 0x22]), 'The body is not valid UTF-8'],
    ['Latin-1', Buffer.from('"é"', 'latin1'), 'The body is not valid UTF-8'],
  ])('%s', (_title, body, message) => {
    expect(refusal(body)).toBe(message);
  });
});

describe('G15 bounds the depth', () => {
  test('64 levels pass, 65 do not', () => {
    expect(parse('['.repeat(64) + ']'.repeat(64))).toBeDefined();
    expect(refusal('['.repeat(65) + ']'.repeat(65))).toBe('The body is nested too deeply');
    expect(refusal('{"a":'.repeat(65) + '1' + '}'.repeat(65))).toBe('The body is nested too deeply');
  });

  test('refuses 5,000,000 levels before a parser sees them', () => {
    const body = Buffer.alloc(5_000_000, '[');
    const refusing = cpuMsOf(() => expect(refusal(body)).toBe('The body is nested too deeply'));
    const parsing = cpuMsOf(() => expect(() => JSON.parse(body.toString('latin1'))).toThrow(SyntaxError));
    expect(refusing).toBeLessThan(parsing / 2);
  });

  test('brackets in strings are no levels', () => {
    expect(parse(JSON.stringify('['.repeat(1000) + '\\"{'))).toBe('['.repeat(1000) + '\\"{');
  });
});

describe('G16 bounds the number of keys', () => {
  const withKeys = (count: number): string => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0])));

  test('20,000 pass, one more does not', () => {
    expect(Object.keys(parse(withKeys(20_000)) as object)).toHaveLength(20_000);
    expect(refusal(withKeys(20_001))).toBe('The body holds too many keys');
  });

  test('counts the keys of all objects together', () => {
    expect(refusal(JSON.stringify(Array.from({ length: 20_001 }, () => ({ a: 1 }))))).toBe('The body holds too many keys');
  });
});

test('accepts all that JSON.stringify writes, and reads the same value from it', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(4), (value, indent) => {
    const text = JSON.stringify(value, undefined, indent);
    expect(JSON.stringify(parse(text))).toBe(JSON.stringify(value));
  }));
});

test('no bytes make it throw anything but a denial, and whatever it accepts JSON.parse reads alike', () => {
  const fragment = fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\', '"a"', '1', 'null', ' ', 'é', '\u0000', '-', 'e', '"a":');
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fragment, { maxLength: 24 }).map((parts) => parts.join('')));
  const body = fc.oneof(text.map((each) => Buffer.from(each)), fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)));
  fc.assert(fc.property(body, (bytes) => {
    let value: unknown;
    try {
      value = parseStrictJson(bytes);
    } catch {
      expect(denialOf(() => parseStrictJson(bytes)).code).toBe('ERR_REQUEST_MALFORMED');
      return;
    }
    // JSON.parse itself may misread escaped keys: see escaped-keys.ts.
    if (!bytes.includes('\\')) expect(value).toEqual(JSON.parse(bytes.toString('utf8')));
  }), { numRuns: 2000 });
});

test('a key is refused exactly when some object repeats it, whatever the escapes', () => {
  const escape = (key: string): string => `"${Array.from(key, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
  const members = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', '"', '\\', ':'), fc.boolean()), { maxLength: 5 });
  fc.assert(fc.property(members, (list) => {
    const text = `[{${list.map(([key, escaped]) => `${escaped ? escape(key) : JSON.stringify(key)}:{"a":1}`).join(',')}}]`;
    const unique = new Set(list.map(([key]) => key)).size === list.length;
    // Not compared with JSON.parse, which itself may misread escaped keys: see escaped-keys.ts.
    if (unique) expect(parse(text)).toEqual([Object.fromEntries(list.map(([key]) => [key, { a: 1 }]))]);
    else expect(refusal(text)).toBe(REPEATED);
  }), { numRuns: 2000 });
});

test('reads a view into a larger buffer', () => {
  const whole = Buffer.from('xx{"a":1}yy');
  expect(parseStrictJson(new Uint8Array(whole.buffer, whole.byteOffset + 2, 7))).toEqual({ a: 1 });
});
