import { describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../../../api/ledger.ts';
import type { GatewayToken } from '../../../../../api/v1alpha1/index.ts';
import { isSecretNameClaimed, releaseUnused } from '../../../../../operator/controllers/gateway-token/secret-claim.ts';
import { aGeneration, anEntry, aToken } from './kit.ts';

const EARLY = '2026-05-01T00:00:00Z';
const LATE = '2026-05-02T00:00:00Z';
const WANTS = { secretName: 'ci-token', generations: [aGeneration('p', 'Pending')] };
const HAS = { secretName: 'ci-token', mintedAtMs: 1, generations: [aGeneration('c', 'Current')] };

interface Contender {
  readonly uid: string;
  readonly made?: string;
  readonly entry?: Partial<LedgerToken>;
}

/** Names of those that may use the name, each asked for itself. */
function owners(...contenders: readonly Contender[]): readonly string[] {
  const tokens = contenders.flatMap(({ uid, made }): GatewayToken[] => (made === undefined ? [] : [aToken({}, { name: uid, uid, creationTimestamp: made })]));
  const entries = contenders.flatMap(({ uid, entry }) => (entry === undefined ? [] : [anEntry({ name: uid, uid, ...entry })]));
  const tokenOf = ({ namespace, name }: { namespace: string; name: string }) => tokens.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  return tokens.filter((token) => !isSecretNameClaimed(token, { entries, entry: entries.find(({ uid }) => uid === token.metadata.uid), tokenOf })).map(({ metadata }) => metadata.name);
}

describe('the name of a Secret is', () => {
  test.each<[string, readonly Contender[], readonly string[]]>([
    ['that of its only token', [{ uid: 'a', made: EARLY, entry: WANTS }], ['a']],
    ['the oldest object\'s, where two have claimed it', [{ uid: 'b', made: EARLY, entry: WANTS }, { uid: 'a', made: LATE, entry: WANTS }], ['b']],
    ['that of the lower uid, of two from the same second', [{ uid: 'b', made: EARLY, entry: WANTS }, { uid: 'a', made: EARLY, entry: WANTS }], ['a']],
    ['whose Secret was written, however young', [{ uid: 'a', made: EARLY, entry: WANTS }, { uid: 'b', made: LATE, entry: HAS }], ['b']],
    ['the oldest object\'s, where both have written it', [{ uid: 'b', made: EARLY, entry: HAS }, { uid: 'a', made: LATE, entry: HAS }], ['b']],
    ['nobody\'s while an object that went away is on record with it', [{ uid: 'a', made: EARLY, entry: {} }, { uid: 'z', entry: WANTS }], []],
  ])('%s', (_whose, contenders, expected) => {
    expect(owners(...contenders)).toEqual(expected);
    expect(owners(...contenders.toReversed())).toEqual(expected);
  });

  test('not kept from an older object by a younger one that has claimed it first', () => {
    expect(owners({ uid: 'b', made: EARLY, entry: {} }, { uid: 'a', made: LATE, entry: WANTS })).toContain('b');
  });

  test('not claimed by an object that was made again under the name of the one on record', () => {
    const again = aToken({}, { name: 'b', uid: 'new', creationTimestamp: LATE });
    const entries = [anEntry({ name: 'b', uid: 'old', ...WANTS })];
    expect(isSecretNameClaimed(aToken({}, { creationTimestamp: EARLY }), { entries, entry: undefined, tokenOf: () => again })).toBe(true);
  });

  test('not free for a token made again while the record is of the former', () => {
    const former = anEntry({ uid: 'old', ...HAS });
    // The former is gone and keeps it until it is forgotten, which the same reconcile does first.
    expect(isSecretNameClaimed(aToken(), { entries: [former], entry: former, tokenOf: () => aToken() })).toBe(true);
  });
});

test('a name is free again when it was claimed and never used', () => {
  expect(releaseUnused(anEntry({ secretName: 'ci-token' }))).toEqual(anEntry());
  for (const kept of [anEntry(WANTS), anEntry(HAS), anEntry({ ...HAS, generations: [] }), anEntry()]) expect(releaseUnused(kept)).toEqual(kept);
});
