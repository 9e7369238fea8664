import { describe, expect, test } from '@jest/globals';
import type { Ledger, LedgerToken } from '../../../api/ledger.ts';
import { EMPTY_LEDGER } from '../../../api/ledger.ts';
import type { ObservedToken, ObserveOptions } from '../../../standalone/token-entries.ts';
import { observeTokens } from '../../../standalone/token-entries.ts';

function options(overrides: Partial<ObserveOptions> = {}): ObserveOptions {
  let made = 0;
  const newUid = (): string => {
    made += 1;
    return `new-${made}`;
  };
  return { nowMs: 1000, newUid, isDeleted: () => true, isTaken: () => false, ...overrides };
}

function aToken(name: string, overrides: Partial<ObservedToken> = {}): ObservedToken {
  return { namespace: 'tools', name, revoked: false, secretName: `${name}-token`, ...overrides };
}

function aLedger(...tokens: readonly (Partial<LedgerToken> & { name: string })[]): Ledger {
  const entries = tokens.map((token) => ({ namespace: 'tools', uid: token.name, firstSeenMs: 0, revoked: false, generations: [], ...token }));
  return { ...EMPTY_LEDGER, tokens: entries };
}

test('gives a token a uid at first sight and keeps it', () => {
  const first = observeTokens(EMPTY_LEDGER, [aToken('ci')], options());
  expect(first.tokens).toEqual([
    { namespace: 'tools', name: 'ci', uid: 'new-1', firstSeenMs: 1000, revoked: false, secretName: 'ci-token', generations: [] },
  ]);
  const again = observeTokens({ ...EMPTY_LEDGER, tokens: first.tokens }, [aToken('ci')], options({ nowMs: 2000 }));
  expect(again.tokens).toEqual(first.tokens);
});

test('a token that was deleted and made again is another one, without the generations of the first', () => {
  const generation = { id: 'k7Qd2mXa', sha256: 'a'.repeat(64), issuedAtMs: 0, expiresAtMs: 9e9, state: 'Current' } as const;
  const ledger = aLedger({ name: 'ci', generations: [generation], secretName: 'ci-token' });
  const deleted = observeTokens(ledger, [], options());
  expect(deleted.tokens).toEqual([]);
  expect(deleted.forgotten.map(({ uid }) => uid)).toEqual(['ci']);
  const again = observeTokens({ ...ledger, tokens: deleted.tokens }, [aToken('ci')], options());
  expect(again.tokens).toMatchObject([{ uid: 'new-1', generations: [] }]);
});

test('an absence that is not known to be a deletion keeps the entry', () => {
  const { tokens, forgotten } = observeTokens(aLedger({ name: 'ci' }), [], options({ isDeleted: () => false }));
  expect(tokens).toMatchObject([{ uid: 'ci' }]);
  expect(forgotten).toEqual([]);
});

test('a revocation stays on record when the YAML takes it back', () => {
  const revoked = observeTokens(aLedger({ name: 'ci' }), [aToken('ci', { revoked: true })], options());
  expect(revoked.tokens).toMatchObject([{ revoked: true }]);
  const takenBack = observeTokens({ ...EMPTY_LEDGER, tokens: revoked.tokens }, [aToken('ci')], options());
  expect(takenBack.tokens).toMatchObject([{ uid: 'ci', revoked: true }]);
});

describe('two tokens that want one Secret name', () => {
  const wanting = (name: string): ObservedToken => aToken(name, { secretName: 'shared' });

  test.each<[string, Ledger, string]>([
    ['the one that owns it already, though it is younger', aLedger({ name: 'a', firstSeenMs: 1 }, { name: 'b', firstSeenMs: 2, secretName: 'shared' }), 'a'],
    ['the older one', aLedger({ name: 'a', firstSeenMs: 2 }, { name: 'b', firstSeenMs: 1 }), 'a'],
    ['the one that was there before', aLedger({ name: 'b', firstSeenMs: 1 }), 'a'],
    ['the first by name, when both are new', EMPTY_LEDGER, 'b'],
  ])('%s gets it', (_title, ledger, refused) => {
    const { tokens, nameTaken } = observeTokens(ledger, [wanting('a'), wanting('b')], options());
    expect([...nameTaken]).toEqual([`tools/${refused}`]);
    expect(tokens.filter(({ secretName }) => secretName === 'shared').map(({ name }) => name)).toEqual([refused === 'a' ? 'b' : 'a']);
  });

  test('in two namespaces both get it', () => {
    const { nameTaken } = observeTokens(EMPTY_LEDGER, [wanting('a'), { ...wanting('b'), namespace: 'other' }], options());
    expect([...nameTaken]).toEqual([]);
  });
});

test('a Secret that somebody else wrote is never adopted', () => {
  const { tokens, nameTaken } = observeTokens(EMPTY_LEDGER, [aToken('ci')], options({ isTaken: () => true }));
  expect([...nameTaken]).toEqual(['tools/ci']);
  expect(tokens[0]?.secretName).toBeUndefined();
});
