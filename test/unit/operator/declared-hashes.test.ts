import { describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import { createDeclaredHashes } from '../../../operator/declared-hashes.ts';
import type { DeclaredHash } from '../../../operator/ledger/ledger-index.ts';
import { aToken, anEntry } from './controllers/gateway-token/kit.ts';

const SHA = 'a'.repeat(64);
const DECLARED = { source: { type: 'Hash' as const, id: 'aaaaaaaa', sha256: SHA }, expiresAt: '2026-07-01T00:00:00Z' };

interface Known {
  readonly entry?: LedgerToken;
  readonly declared?: readonly DeclaredHash[];
  /** Objects that are there. */
  readonly tokens?: readonly GatewayToken[];
}

const hashes = ({ entry, declared = [], tokens = [] }: Known) =>
  createDeclaredHashes({
    entryOf: () => entry,
    declared: (sha256) => (sha256 === SHA ? declared : []),
    tokenOf: ({ namespace, name }) => tokens.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  });

describe('a token whose hash is declared', () => {
  const token = aToken(DECLARED);

  test('is in force once it is on record, and no other object is under its name', () => {
    const admits = (entry: LedgerToken | undefined): boolean => hashes(entry === undefined ? {} : { entry }).admits(token);
    expect([admits(undefined), admits(anEntry()), admits(anEntry({ uid: 'u9' }))]).toEqual([false, true, false]);
  });

  test('is not in force without a uid', () => {
    expect(hashes({}).admits({ ...token, metadata: { namespace: 'tools', name: 'ci' } })).toBe(false);
  });

  const former = anEntry({ name: 'former', uid: 'u9', declaredSha256: SHA });
  const live = aToken(DECLARED, { name: 'former', uid: 'u9' });
  test.each<[string, Omit<Known, 'entry'>, boolean]>([
    ['was never seen before', {}, false],
    ['is its own', { declared: [{ namespace: 'tools', revoked: false, entry: anEntry({ declaredSha256: SHA }) }], tokens: [token] }, false],
    ['was deleted in its namespace', { declared: [{ namespace: 'tools', revoked: false }] }, true],
    ['was deleted in another', { declared: [{ namespace: 'prod', revoked: false }] }, false],
    ['was revoked, and deleted in another', { declared: [{ namespace: 'prod', revoked: true }] }, true],
    ['was deleted in its namespace, just now', { declared: [{ namespace: 'tools', revoked: false, entry: former }] }, true],
    ['was that of an object that has been made again', { declared: [{ namespace: 'tools', revoked: false, entry: former }], tokens: [aToken({}, { name: 'former', uid: 'u10' })] }, true],
    ['was revoked in another and deleted just now', { declared: [{ namespace: 'prod', revoked: true, entry: { ...former, namespace: 'prod', revoked: true } }] }, true],
    ['is also that of a token that is there: whose it is is said elsewhere', { declared: [{ namespace: 'tools', revoked: true, entry: former }], tokens: [live] }, false],
  ])('that %s', (_what, known, isRetired) => {
    expect(hashes(known).isRetired(token)).toBe(isRetired);
    expect(hashes({ ...known, entry: anEntry() }).admits(token)).toBe(!isRetired);
  });
});

test('a token that is minted here needs no leave: without a record it has no generation', () => {
  const known = hashes({ declared: [{ namespace: 'tools', revoked: true }] });
  expect([known.admits(aToken()), known.isRetired(aToken())]).toEqual([true, false]);
});
