import { expect, test } from '@jest/globals';
import { isList, isRecord, own, ownString } from '../../../manifest/record.ts';

test('a record is an object that is neither null nor a list', () => {
  expect([{}, [], null, 'a', undefined].map(isRecord)).toEqual([true, false, false, false, false]);
  expect([{}, []].map(isList)).toEqual([false, true]);
});

test('only own properties are found', () => {
  expect(own({ a: 1 }, 'a')).toBe(1);
  expect(own({}, 'constructor')).toBeUndefined();
  expect(own(JSON.parse('{"__proto__": 1}'), '__proto__')).toBe(1);
  expect(own(null, 'a')).toBeUndefined();
  expect(ownString({ a: 1 }, 'a')).toBeUndefined();
  expect(ownString({ a: 'b' }, 'a')).toBe('b');
});
