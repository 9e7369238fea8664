import { expect, test } from '@jest/globals';
import { named } from '../../../../../operator/controllers/mcp-server/named.ts';

test.each([
  [[], ''],
  [['b', 'a'], 'a, b'],
  [['e', 'd', 'c', 'b', 'a'], 'a, b, c, d, e'],
  [['g', 'f', 'e', 'd', 'c', 'b', 'a'], 'a, b, c, d, e and 2 more'],
])('%j is %s', (names, expected) => {
  expect(named(names)).toBe(expected);
});
