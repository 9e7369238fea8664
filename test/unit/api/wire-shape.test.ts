import { describe, expect, test } from '@jest/globals';
import { arrayOf, integer, mapOf, matching, objectOf, oneOf, optional, parseJson, requireShape, text, WireError } from '../../../api/wire-shape.ts';
import type { ShapeOf } from '../../../api/wire-shape.ts';

interface Thing {
  readonly name: string;
  readonly size?: number;
  readonly parts: readonly { readonly id: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly kind: 'a' | 'b';
}

const SHAPE: ShapeOf<Thing> = objectOf<Thing>({
  name: text(4),
  size: optional(integer),
  parts: arrayOf(objectOf<Thing['parts'][number]>({ id: matching(/^[a-z]$/) }), 2, 'id'),
  labels: mapOf(text(1), 2),
  kind: oneOf('a', 'b'),
});
const GOOD = { name: 'abcd', parts: [{ id: 'x' }], labels: { l: 'v' }, kind: 'a' };

function faultOf(value: unknown): string {
  try {
    requireShape<Thing>(SHAPE, value);
  } catch (cause) {
    if (cause instanceof WireError) return cause.message;
    throw cause;
  }
  return '';
}

test('what has the shape is accepted, with and without what may be absent', () => {
  expect([faultOf(GOOD), faultOf({ ...GOOD, size: 0 })]).toEqual(['', '']);
});

describe('a fault is named by its path, and its value is not repeated:', () => {
  test.each<[unknown, string]>([
    [[], 'is not an object'],
    [{ ...GOOD, more: 1 }, 'has an unknown member'],
    [{ name: 'a', parts: [], kind: 'a' }, 'labels: is missing'],
    [{ ...GOOD, name: 'canary' }, 'name: is not a text of at most 4 characters'],
    [{ ...GOOD, size: 1.5 }, 'size: is not a whole number from 0'],
    [{ ...GOOD, size: undefined }, 'size: is not a whole number from 0'],
    [{ ...GOOD, parts: {} }, 'parts: is not a list'],
    [{ ...GOOD, parts: [{ id: 'x' }, { id: 'x' }] }, 'parts: has a id twice'],
    [{ ...GOOD, parts: [{ id: 'x' }, { id: 'y' }, { id: 'z' }] }, 'parts: has more than 2 elements'],
    [{ ...GOOD, parts: [{ id: 'canary' }] }, 'parts.[0].id: is malformed'],
    [{ ...GOOD, labels: { canary: 'canary' } }, 'labels.*: is not a text of at most 1 characters'],
    [{ ...GOOD, labels: JSON.parse('{"__proto__":"v"}') as object }, 'labels: has a malformed key'],
    [{ ...GOOD, labels: { ['k'.repeat(641)]: 'v' } }, 'labels: has a malformed key'],
    [{ ...GOOD, kind: 'c' }, 'kind: is not one of the known values'],
  ])('%#', (value, fault) => {
    expect(faultOf(value)).toBe(fault);
  });
});

test('what is no JSON is not quoted', () => {
  expect(parseJson('{"a":1}')).toEqual({ a: 1 });
  expect(() => parseJson('canary')).toThrow(new WireError('is not JSON'));
});
