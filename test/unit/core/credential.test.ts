import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { CREDENTIAL_PATTERN, formatCredential, hashCredential, parseCredential } from '../../../core/credential.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const random = fc.record({
  generation: fc.uint8Array({ minLength: 8, maxLength: 16 }),
  secret: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});
const SAMPLE = formatCredential({ generation: new Uint8Array(8).fill(7), secret: new Uint8Array(32).fill(200) }).text;

function toNumber(digits: string): bigint {
  return Array.from(digits).reduce((value, digit) => value * 62n + BigInt(ALPHABET.indexOf(digit)), 0n);
}

describe('a credential', () => {
  test('is read back with its generation', () => {
    fc.assert(fc.property(random, (bytes) => {
      const { text, generation } = formatCredential(bytes);
      expect(text).toMatch(CREDENTIAL_PATTERN);
      expect(parseCredential(text)).toEqual({ generation });
      expect(text.startsWith(`mgt_${generation}_`)).toBe(true);
    }));
  });

  test('carries all 256 bits of its secret', () => {
    fc.assert(fc.property(random, (bytes) => {
      const [, , secret = ''] = formatCredential(bytes).text.split('_');
      expect(toNumber(secret)).toBe(BigInt(`0x${Buffer.from(bytes.secret).toString('hex')}`));
    }));
  });

  test('ends in the CRC-32 of what stands before its last underscore', () => {
    fc.assert(fc.property(random, (bytes) => {
      const { text } = formatCredential(bytes);
      const end = text.lastIndexOf('_');
      expect(toNumber(text.slice(end + 1))).toBe(BigInt(crc32(text.slice(0, end))));
    }));
  });

  test('F1 and F3 is refused after any change of one character', () => {
    for (let index = 0; index < SAMPLE.length; index += 1) {
      for (const character of `${ALPHABET}_- %\u0000é`) {
        if (SAMPLE[index] === character) continue;
        expect(parseCredential(`${SAMPLE.slice(0, index)}${character}${SAMPLE.slice(index + 1)}`)).toBeUndefined();
      }
    }
  });

  test.each([
    ['shortened by one', SAMPLE.slice(0, -1)],
    ['extended by one', `${SAMPLE}0`],
    ['after a space', ` ${SAMPLE}`],
    ['before a newline', `${SAMPLE}\n`],
    ['in upper case', SAMPLE.toUpperCase()],
    ['percent-encoded', SAMPLE.replace('_', '%5F')],
    ['with a Cyrillic letter', SAMPLE.replace('m', 'м')],
    ['empty', ''],
    ['very long', 'mgt_'.repeat(100_000)],
  ])('F1 is refused when it is %s', (_title, text) => {
    expect(parseCredential(text)).toBeUndefined();
  });

  test('no text makes reading throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      parseCredential(text);
    }));
  });

  test('is not written from too little randomness', () => {
    expect(() => formatCredential({ generation: new Uint8Array(7), secret: new Uint8Array(32) })).toThrow(TypeError);
    expect(() => formatCredential({ generation: new Uint8Array(8), secret: new Uint8Array(31) })).toThrow(TypeError);
    expect(() => formatCredential({ generation: new Uint8Array(8), secret: new Uint8Array(33) })).toThrow(TypeError);
  });

  test('is stored as the SHA-256 of its text', () => {
    expect(hashCredential(SAMPLE)).toBe(createHash('sha256').update(SAMPLE).digest('hex'));
  });
});
