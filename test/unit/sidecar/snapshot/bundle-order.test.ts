import { expect, test } from '@jest/globals';
import { compareOrders, isNewer, mergeOrders } from '../../../../sidecar/snapshot/bundle-order.ts';

test.each<[string, Record<string, string>, Record<string, string>, string]>([
  ['equal', { a: '1' }, { a: '1' }, 'same'],
  ['a higher version', { a: '1', b: '2' }, { a: '1', b: '3' }, 'newer'],
  ['a lower version', { a: '1', b: '2' }, { a: '1', b: '1' }, 'older'],
  ['9 and 10 as numbers', { a: '9' }, { a: '10' }, 'newer'],
  ['both', { a: '1', b: '2' }, { a: '2', b: '1' }, 'mixed'],
  ['an object more', { a: '1' }, { a: '1', 'b/x': '2' }, 'newer'],
  ['an object less', { a: '1', 'b/x': '2' }, { a: '1' }, 'newer'],
  ['an object less that it says it has not seen', { 'b/x': '20' }, { b: '19' }, 'older'],
  ['an object less that it says it saw go', { 'b/x': '20', b: '20' }, { b: '21' }, 'newer'],
  ['an object more, of a kind it has seen less of', { b: '30' }, { b: '25', 'b/x': '25' }, 'older'],
])('%s', (_case, have, offered, verdict) => {
  expect(compareOrders(have, offered)).toBe(verdict);
});

test('compares beyond what a number holds', () => {
  expect(isNewer('18446744073709551615', '18446744073709551614')).toBe(true);
  expect(isNewer('7', '7')).toBe(false);
});

test('merges to the newest of each', () => {
  expect(mergeOrders({ a: '9', b: '2' }, { a: '10', b: '1', c: '1' })).toEqual({ a: '10', b: '2', c: '1' });
});
