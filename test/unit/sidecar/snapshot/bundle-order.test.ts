import { expect, test } from '@jest/globals';
import { compareOrders, isNewer, mergeOrders } from '../../../../sidecar/snapshot/bundle-order.ts';

test.each<[string, Record<string, string>, Record<string, string>, string]>([
  ['equal', { 'a/x': '1' }, { 'a/x': '1' }, 'same'],
  ['a higher version', { 'a/x': '1', 'b/x': '2' }, { 'a/x': '1', 'b/x': '3' }, 'newer'],
  ['a lower version', { 'a/x': '1', 'b/x': '2' }, { 'a/x': '1', 'b/x': '1' }, 'older'],
  ['9 and 10 as numbers', { 'a/x': '9' }, { 'a/x': '10' }, 'newer'],
  ['both', { 'a/x': '1', 'b/x': '2' }, { 'a/x': '2', 'b/x': '1' }, 'mixed'],
  ['a newer object from a replica that is behind in another kind', { 'a/x': '1', a: '5', b: '9' }, { 'a/x': '6', a: '6', b: '7' }, 'newer'],
  ['a replica that is behind, and misses nothing', { 'a/x': '1', a: '9' }, { 'a/x': '1', a: '7' }, 'same'],
  ['an object more', { 'a/x': '1' }, { 'a/x': '1', 'b/x': '2' }, 'newer'],
  ['an object more, of a kind that it has seen more of', { b: '30' }, { b: '31', 'b/x': '25' }, 'newer'],
  ['an object less', { 'a/x': '1', 'b/x': '2' }, { 'a/x': '1' }, 'newer'],
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
