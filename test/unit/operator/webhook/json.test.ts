import { describe, expect, test } from '@jest/globals';
import { isSameJson } from '../../../../operator/webhook/json.ts';

describe('two values are the same JSON', () => {
  test.each<[unknown, unknown]>([
    [1, 1],
    [null, null],
    [[], []],
    [{ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }],
    [{ a: 1 }, structuredClone({ a: 1 })],
  ])('%j and %j', (left, right) => expect(isSameJson(left, right)).toBe(true));
});

describe('two values differ', () => {
  test.each<[unknown, unknown]>([
    [1, '1'],
    [null, undefined],
    [[], {}],
    [{}, []],
    [{ 0: 1 }, [1]],
    [[1, 2], [2, 1]],
    [[1], [1, 2]],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1, c: 2 }],
    [{ toString: 1 }, { other: 1 }],
    [{ a: undefined }, { b: undefined }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [{}, null],
  ])('%j and %j', (left, right) => expect(isSameJson(left, right)).toBe(false));
});
