import { expect, test } from '@jest/globals';
import { refusalOf, TOKENS_PER_NAMESPACE } from '../../../../../operator/controllers/gateway-token/refusal.ts';
import { anEntry } from './kit.ts';

test('a namespace has so many tokens and no more, and those that it has stay', () => {
  expect(refusalOf({ entry: undefined, onRecord: TOKENS_PER_NAMESPACE - 1, isRetired: false })).toBeUndefined();
  expect(refusalOf({ entry: undefined, onRecord: TOKENS_PER_NAMESPACE, isRetired: false })).toEqual({
    reason: 'TooManyTokens', message: 'The namespace has 10000 tokens, which is the most; delete some that are no longer used.',
  });
  expect(refusalOf({ entry: anEntry(), onRecord: TOKENS_PER_NAMESPACE + 5, isRetired: false })).toBeUndefined();
});

test('a hash that was in force before is refused, also on record', () => {
  for (const entry of [undefined, anEntry()]) {
    expect(refusalOf({ entry, onRecord: 1, isRetired: true })).toEqual({ reason: 'HashRetired', message: 'This hash was revoked or deleted before: make a new token.' });
  }
});
