import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseBundle } from '../../../api/bundle.ts';
import { WireError } from '../../../api/wire-shape.ts';
import { aRevision } from '../../kit/bundle-changes.ts';

const compiled = aRevision(['alice', 'bob']);
const good = (): Record<string, unknown> => structuredClone({ ...compiled });

test('takes what the compiler makes', () => {
  expect(parseBundle(good())).toEqual(good());
});

describe('refuses, and names the member, not its value,', () => {
  const tokens = () => structuredClone(compiled.tokens);
  test.each<[string, object, string]>([
    ['an unknown member', { secret: 'hunter2' }, 'has an unknown member'],
    ['a member that is missing', { rules: undefined }, 'rules: is not a list'],
    ['another format', { format: 2 }, 'format: is not one of the known values'],
    ['an order that is no number', { order: { a: 'hunter2' } }, 'order.*: is malformed'],
    ['an order with leading zeros, which would not compare', { order: { a: '01' } }, 'order.*: is malformed'],
    ['a token twice', { tokens: [tokens()[0], tokens()[0]] }, 'tokens: has a uid twice'],
    ['an unknown member in a token', { tokens: [{ ...tokens()[0], secret: 'hunter2' }] }, 'tokens.[0]: has an unknown member'],
    ['a revocation that is no boolean', { tokens: [{ ...tokens()[0], revoked: 'hunter2' }] }, 'tokens.[0].revoked: is not a boolean'],
    ['a text that is too long', { forwardedAttributes: ['x'.repeat(5000)] }, 'forwardedAttributes.[0]: is not a text of at most 4096 characters'],
  ])('%s', (_case, change, message) => {
    let thrown: unknown;
    try { parseBundle({ ...good(), ...change }); } catch (cause) { thrown = cause; }
    expect(thrown).toBeInstanceOf(WireError);
    expect(String(thrown)).toContain(message);
    expect(String(thrown)).not.toContain('hunter2');
  });

  test('each required member when it is absent', () => {
    for (const name of Object.keys(good())) {
      const { [name]: _absent, ...rest } = good();
      expect(() => parseBundle(rest)).toThrow(`${name}: is missing`);
    }
  });

  test('a prototype in the place of a key', () => {
    const bundle = { ...good(), order: JSON.parse('{"__proto__":"1"}') as object };
    expect(() => parseBundle(bundle)).toThrow('malformed key');
  });
});

test('throws nothing but a WireError, whatever it is given', () => {
  fc.assert(fc.property(fc.constantFrom(...Object.keys(good())), fc.jsonValue(), (name, value) => {
    try {
      parseBundle({ ...good(), [name]: value });
    } catch (cause) {
      expect(cause).toBeInstanceOf(WireError);
    }
  }));
});
