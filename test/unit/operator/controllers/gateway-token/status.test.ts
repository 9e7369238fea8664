import { describe, expect, test } from '@jest/globals';
import { isShown, tokenStatus } from '../../../../../operator/controllers/gateway-token/status.ts';
import type { StoredTokenStatus, TokenStatusFacts } from '../../../../../operator/controllers/gateway-token/status.ts';
import { aGeneration, anEntry, aToken, facts, HOUR, minted, NOW } from './kit.ts';

function statusFacts(over: Partial<TokenStatusFacts> = {}): TokenStatusFacts {
  return { ...facts(), token: aToken(), entry: minted(), ...over };
}

const NOTHING: StoredTokenStatus = { conditions: [], whole: undefined };

function conditions(over: Partial<TokenStatusFacts> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries((tokenStatus(statusFacts(over), NOTHING).conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

describe('the status of a token', () => {
  test('says what is in force', () => {
    const entry = minted({ observedRotateRequest: 'r', generations: [aGeneration('a', 'Previous', { issuedAtMs: NOW - 2 * HOUR }), aGeneration('b', 'Current')] });
    const status = tokenStatus(statusFacts({ entry, enforcement: { sidecars: 3, enforcing: 3, slowestAckMs: 41.4, isSettling: false } }), NOTHING);
    expect(status.generations?.map(({ id, state, issuedAt }) => [id, state, issuedAt])).toEqual([
      ['b0000000', 'Current', '2026-05-31T23:00:00Z'], ['a0000000', 'Previous', '2026-05-31T22:00:00Z'],
    ]);
    expect(status.observedRotateRequest).toBe('r');
    expect(status.enforcement).toEqual({ generation: 4, sidecars: 3, enforcing: 3, slowestAckMilliseconds: 41 });
    expect(status.conditions?.every(({ observedGeneration }) => observedGeneration === 4)).toBe(true);
  });

  test('is there already whatever was written beside it of the use of the token, and is not where anything else differs', () => {
    const status = tokenStatus(statusFacts(), NOTHING);
    expect(isShown({ ...status, lastUsedAt: '2026-06-01T00:00:00Z', usage: { asOf: '2026-06-01T00:00:00Z' } }, status)).toBe(true);
    expect(isShown({ ...status, observedRotateRequest: 'r' }, status)).toBe(false);
    expect(isShown(undefined, status)).toBe(false);
  });

  test('never holds a hash', () => {
    expect(JSON.stringify(tokenStatus(statusFacts(), NOTHING))).not.toContain('sha256');
  });

  test('has all conditions from the first visit', () => {
    expect(conditions()).toEqual({
      Ready: 'True Minted', Enforced: 'True Acknowledged', ExpiringSoon: 'False ExpiresSoon', Expired: 'False Expired', Revoked: 'False Revoked', SecretNameTaken: 'False SecretNameTaken',
    });
  });

  test.each<[string, Partial<TokenStatusFacts>, Readonly<Record<string, string>>]>([
    ['revoked', { entry: minted({ revoked: true }) }, { Ready: 'False Revoked', Revoked: 'True Revoked' }],
    ['over', { token: aToken({ expiresAt: '2026-06-01T00:00:00Z' }) }, { Ready: 'False Expired', Expired: 'True Expired', ExpiringSoon: 'False ExpiresSoon' }],
    ['soon over', { token: aToken({ expiresAt: '2026-06-04T00:00:00Z' }) }, { Ready: 'True Minted', ExpiringSoon: 'True ExpiresSoon' }],
    ['not minted', { entry: minted({ generations: [] }) }, { Ready: 'False Waiting' }],
    ['without a name for its Secret', { isSecretNameTaken: true }, { Ready: 'False SecretNameTaken', SecretNameTaken: 'True SecretNameTaken' }],
    ['one too many', { entry: anEntry(), refusal: { reason: 'TooManyTokens', message: 'm' } }, { Ready: 'False TooManyTokens' }],
    ['refused its Secret', { secretRefusal: '403 Forbidden' }, { Ready: 'False SecretNotWritten', SecretNameTaken: 'False SecretNameTaken' }],
    ['not everywhere', { enforcement: { sidecars: 3, enforcing: 1, isSettling: false } }, { Ready: 'True Minted', Enforced: 'False Waiting' }],
    ['longer than allowed', { problems: [{ kind: 'GatewayToken', namespace: 'tools', name: 'ci', field: 'spec.lifetime', problem: 'is longer', reason: 'LifetimeNotAllowed' }] }, { Ready: 'False LifetimeNotAllowed' }],
  ])('tells of a token that is %s', (_what, over, expected) => {
    expect(conditions(over)).toMatchObject(expected);
  });

  test('keeps the time of a transition while the status is the same', () => {
    const before = tokenStatus(statusFacts(), NOTHING).conditions ?? [];
    const later = tokenStatus(statusFacts({ nowMs: NOW + HOUR, entry: minted({ revoked: true }) }), { conditions: before, whole: undefined }).conditions ?? [];
    const timeOf = (type: string) => later.find((condition) => condition.type === type)?.lastTransitionTime;
    expect([timeOf('Expired'), timeOf('Revoked')]).toEqual(['2026-06-01T00:00:00Z', '2026-06-01T01:00:00Z']);
  });

  describe('of a process that has just begun', () => {
    const before = tokenStatus(statusFacts({ enforcement: { sidecars: 3, enforcing: 3, slowestAckMs: 41, isSettling: false } }), NOTHING);
    const stored: StoredTokenStatus = { conditions: before.conditions ?? [], whole: before };
    const settling = { sidecars: 3, enforcing: 1, isSettling: true };
    const enforcedIn = ({ conditions: all, enforcement }: ReturnType<typeof tokenStatus>) => [all?.find(({ type }) => type === 'Enforced')?.status, enforcement];

    test('shows what is known of the same declaration until its sidecars had time to come', () => {
      expect(tokenStatus(statusFacts({ enforcement: settling }), stored)).toEqual(before);
      expect(enforcedIn(tokenStatus(statusFacts({ enforcement: { ...settling, isSettling: false } }), stored))).toEqual(['False', { generation: 4, sidecars: 3, enforcing: 1, slowestAckMilliseconds: 41 }]);
    });

    test('says nothing of the kind about a declaration that has changed', () => {
      const changed = aToken({ revoked: true }, { generation: 5 });
      expect(enforcedIn(tokenStatus(statusFacts({ token: changed, enforcement: settling }), stored))).toEqual(['False', { generation: 5, sidecars: 3, enforcing: 1 }]);
    });

    test('makes nothing of a status that is none', () => {
      for (const whole of [undefined, 'x', { enforcement: { generation: 4, sidecars: 'all', enforcing: 3 } }]) {
        expect(enforcedIn(tokenStatus(statusFacts({ enforcement: settling }), { conditions: [], whole }))).toEqual(['False', { generation: 4, sidecars: 3, enforcing: 1 }]);
      }
    });
  });
});
