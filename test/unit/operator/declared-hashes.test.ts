import { describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../api/ledger.ts';
import { createDeclaredHashes } from '../../../operator/declared-hashes.ts';
import { aToken, anEntry } from './controllers/gateway-token/kit.ts';

const SHA = 'a'.repeat(64);
const DECLARED = { source: { type: 'Hash' as const, id: 'aaaaaaaa', sha256: SHA }, expiresAt: '2026-07-01T00:00:00Z' };

describe('a token whose hash is declared', () => {
  const admits = (entry: LedgerToken | undefined, token = aToken(DECLARED)) => createDeclaredHashes({ entryOf: () => entry }).admits(token);

  test('is in force once it is on record, and no other object is under its name', () => {
    expect([admits(undefined), admits(anEntry()), admits(anEntry({ uid: 'u9' }))]).toEqual([false, true, false]);
  });

  test('is not in force without a uid', () => {
    expect(admits(undefined, { ...aToken(DECLARED), metadata: { namespace: 'tools', name: 'ci' } })).toBe(false);
  });
});

test('a token that is minted here needs no leave: without a record it has no generation', () => {
  expect(createDeclaredHashes({ entryOf: () => undefined }).admits(aToken())).toBe(true);
});
