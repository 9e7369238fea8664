import { describe, expect, test } from '@jest/globals';
import { buildSnapshot } from '../../../../sidecar/snapshot/snapshot.ts';
import type { Snapshot } from '../../../../sidecar/snapshot/snapshot.ts';
import { tokenChanges } from '../../../../sidecar/snapshot/token-changes.ts';
import type { TestToken } from '../../../kit/bundles.ts';
import { aBundle, aToken } from '../../../kit/bundles.ts';

const NOW = Date.now();
const alice = aToken();
const bob = aToken({ name: 'bob' });

function snapshotOf(...tokens: readonly TestToken[]): Snapshot {
  return buildSnapshot([{ bundle: aBundle({ port: 1, tokens }), upstreamHeaders: [] }], []);
}

function changed(token: TestToken, overrides: Partial<TestToken['token']>): TestToken {
  return { text: token.text, token: { ...token.token, ...overrides } };
}

describe('tokenChanges', () => {
  test('says nothing of the first snapshot, nor of one that changes no token', () => {
    expect(tokenChanges(undefined, snapshotOf(alice), NOW)).toEqual([]);
    expect(tokenChanges(snapshotOf(alice), snapshotOf(alice), NOW)).toEqual([]);
  });

  test('names a token that is new, with its generation', () => {
    const generation = bob.token.generations[0]?.id;
    expect(tokenChanges(snapshotOf(alice), snapshotOf(alice, bob), NOW)).toEqual([
      { kind: 'token.minted', uid: 'uid-default-bob', name: 'default/bob', generation },
    ]);
  });

  test('names a generation that is new to a token', () => {
    const second = aToken().token.generations;
    const rotated = changed(alice, { generations: [...alice.token.generations, ...second] });
    expect(tokenChanges(snapshotOf(alice), snapshotOf(rotated), NOW)).toEqual([
      { kind: 'token.rotated', uid: 'uid-default-alice', name: 'default/alice', generation: second[0]?.id },
    ]);
  });

  test.each([
    ['marked as revoked', snapshotOf(changed(alice, { revoked: true }))],
    ['gone', snapshotOf()],
    ['on a server that is gone', buildSnapshot([], [])],
  ])('calls a token revoked that is %s', (_name, next) => {
    expect(tokenChanges(snapshotOf(alice), next, NOW)).toEqual([{ kind: 'token.revoked', uid: 'uid-default-alice', name: 'default/alice' }]);
  });

  test('calls a token expired whose every generation had expired before it went', () => {
    const old = aToken({ expiresAtMs: NOW });
    expect(tokenChanges(snapshotOf(old), snapshotOf(), NOW)).toEqual([{ kind: 'token.expired', uid: 'uid-default-alice', name: 'default/alice' }]);
  });

  test('does not report a revoked token a second time', () => {
    const revoked = changed(alice, { revoked: true });
    expect(tokenChanges(snapshotOf(revoked), snapshotOf(), NOW)).toEqual([]);
  });
});
