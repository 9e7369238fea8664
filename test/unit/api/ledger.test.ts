import { describe, expect, test } from '@jest/globals';
import type { Ledger } from '../../../api/ledger.ts';
import { EMPTY_LEDGER, parseLedger } from '../../../api/ledger.ts';

const GENERATION = { id: 'k7Qd2mXa', sha256: 'a'.repeat(64), issuedAtMs: 1, expiresAtMs: 2, state: 'Current' } as const;
const TOKEN = { namespace: 'tools', name: 'ci', uid: 'u1', firstSeenMs: 1, revoked: false, generations: [GENERATION] };
const LEDGER: Ledger = {
  format: 1,
  tokens: [{ ...TOKEN, secretName: 'ci-token', mintedAtMs: 1, observedRotateRequest: 'one', declaredSha256: 'b'.repeat(64) }],
  sessionKeys: { s1: 'key' },
  tombstones: [{ sha256: 'c'.repeat(64), namespace: 'tools', revoked: true, buriedAtMs: 1 }],
};

test.each<[string, Ledger]>([
  ['an empty ledger', EMPTY_LEDGER],
  ['one with every member', LEDGER],
  ['one without the optional members', { format: 1, tokens: [TOKEN], sessionKeys: {} }],
])('reads back %s as it was written', (_title, ledger) => {
  expect(parseLedger(JSON.stringify(ledger))).toEqual(ledger);
});

describe('refuses', () => {
  test.each<[string, unknown, string]>([
    ['another format', { ...LEDGER, format: 2 }, 'format: is not 1'],
    ['a list', [], 'ledger: is not an object'],
    ['tokens that are no list', { ...LEDGER, tokens: {} }, 'tokens: is not a list'],
    ['a token twice', { ...LEDGER, tokens: [TOKEN, { ...TOKEN, uid: 'u2' }] }, 'tokens: a name or uid is there twice'],
    ['a uid twice', { ...LEDGER, tokens: [TOKEN, { ...TOKEN, name: 'other' }] }, 'tokens: a name or uid is there twice'],
    ['a revocation that is no boolean', { ...LEDGER, tokens: [{ ...TOKEN, revoked: 'no' }] }, 'tokens[0].revoked: is not a boolean'],
    ['a declared hash that is none', { ...LEDGER, tokens: [{ ...TOKEN, declaredSha256: 'b' }] }, 'tokens[0].declaredSha256: is malformed'],
    ['tombstones that are no list', { ...LEDGER, tombstones: {} }, 'tombstones: is not a list'],
    ['a tombstone without a namespace', { ...LEDGER, tombstones: [{ sha256: 'c'.repeat(64), revoked: true, buriedAtMs: 1 }] }, 'tombstones[0].namespace: is not a non-empty string'],
    ['a tombstone that does not say how', { ...LEDGER, tombstones: [{ sha256: 'c'.repeat(64), namespace: 'tools', buriedAtMs: 1 }] }, 'tombstones[0].revoked: is not a boolean'],
    ['an empty uid', { ...LEDGER, tokens: [{ ...TOKEN, uid: '' }] }, 'tokens[0].uid: is not a non-empty string'],
    ['a time before the epoch', { ...LEDGER, tokens: [{ ...TOKEN, firstSeenMs: -1 }] }, 'tokens[0].firstSeenMs: is not a time'],
    [
      'an unknown state',
      { ...LEDGER, tokens: [{ ...TOKEN, generations: [{ ...GENERATION, state: 'Old' }] }] },
      'tokens[0].generations[0].state: is unknown',
    ],
    [
      'a malformed hash',
      { ...LEDGER, tokens: [{ ...TOKEN, generations: [{ ...GENERATION, sha256: 'A'.repeat(64) }] }] },
      'tokens[0].generations[0].sha256: is malformed',
    ],
    ['a session key that is no string', { ...LEDGER, sessionKeys: { s1: 1 } }, 'sessionKeys: is not a non-empty string'],
  ])('%s', (_title, ledger, message) => {
    expect(() => parseLedger(JSON.stringify(ledger))).toThrow(message);
  });

  test('a truncated ledger', () => {
    const text = JSON.stringify(LEDGER);
    for (let length = 0; length < text.length; length += 7) expect(() => parseLedger(text.slice(0, length))).toThrow();
  });
});
