import { describe, expect, test } from '@jest/globals';
import { deriveTokenStep, entryForgotten } from '../../../../../operator/controllers/gateway-token/derive.ts';
import { aGeneration, anEntry, aToken, facts, HOUR, minted, NOW } from './kit.ts';

const PENDING = minted({ generations: [aGeneration('a', 'Current'), aGeneration('b', 'Pending')] });
const HELD = { held: 'b0000000' };

describe('a token', () => {
  test('that is new is put on record before anything else', () => {
    expect(deriveTokenStep(facts({ entry: undefined }))).toEqual({ do: 'record', entry: anEntry({ firstSeenMs: NOW }) });
  });

  test('that is refused is not put on record, and looked at again', () => {
    const refusal = { reason: 'TooManyTokens', message: 'Too many.' } as const;
    expect(deriveTokenStep(facts({ entry: undefined, refusal }))).toEqual({ do: 'rest', requeueAfterMs: 60_000 });
    expect(deriveTokenStep(facts({ entry: minted({ uid: 'u9' }), refusal }))).toEqual({ do: 'forget' });
    expect(deriveTokenStep(facts({ entry: anEntry(), refusal })).do).toBe('rest');
  });

  describe('whose hash is declared', () => {
    const sha256 = 'a'.repeat(64);
    const token = aToken({ source: { type: 'Hash', id: 'a'.repeat(8), sha256 }, expiresAt: '2026-07-01T00:00:00Z' });
    const problem = (field: string) => ({ kind: 'GatewayToken' as const, namespace: 'tools', name: 'ci', field, problem: 'p', reason: 'Invalid' as const });

    test('is on record with it in the step after it is on record: by then it is known whose the hash is', () => {
      expect(deriveTokenStep(facts({ token, entry: undefined }))).toEqual({ do: 'record', entry: anEntry({ firstSeenMs: NOW }) });
      expect(deriveTokenStep(facts({ token, entry: anEntry() }))).toEqual({ do: 'record', entry: anEntry({ declaredSha256: sha256 }) });
      expect(deriveTokenStep(facts({ token, entry: anEntry({ declaredSha256: sha256 }) })).do).toBe('rest');
    });

    test('is not on record with that of another, nor with one that was revoked from the start', () => {
      expect(deriveTokenStep(facts({ token, entry: anEntry(), problems: [problem('spec.source')] })).do).toBe('rest');
      expect(deriveTokenStep(facts({ token: { ...token, spec: { ...token.spec, revoked: true } }, entry: anEntry({ revoked: true }) })).do).toBe('rest');
      expect(deriveTokenStep(facts({ token, entry: anEntry(), problems: [problem('spec.lifetime')] })).do).toBe('record');
    });
  });

  test('that is on record is minted', () => {
    expect(deriveTokenStep(facts({ entry: anEntry() }))).toEqual({ do: 'mint' });
  });

  test('whose only hash is known here is never minted', () => {
    const token = aToken({ source: { type: 'Hash', id: 'a'.repeat(8), sha256: 'a'.repeat(64) }, expiresAt: '2026-07-01T00:00:00Z' });
    expect(deriveTokenStep(facts({ token, entry: anEntry({ declaredSha256: 'a'.repeat(64) }) })).do).toBe('rest');
  });

  test('that is gone is forgotten, once', () => {
    expect(deriveTokenStep(facts({ token: undefined }))).toEqual({ do: 'forget' });
    expect(deriveTokenStep(facts({ token: undefined, entry: undefined }))).toEqual({ do: 'rest', requeueAfterMs: undefined });
  });

  test('is forgotten also where another one takes its place, and not where it only changes', () => {
    const entry = minted();
    expect(entryForgotten({ do: 'forget' }, entry)).toBe(entry);
    expect(entryForgotten({ do: 'record', entry: anEntry({ uid: 'u2' }) }, entry)).toBe(entry);
    expect(entryForgotten({ do: 'record', entry: { ...entry, revoked: true } }, entry)).toBeUndefined();
    expect(entryForgotten({ do: 'record', entry }, undefined)).toBeUndefined();
    expect(entryForgotten({ do: 'mint' }, entry)).toBeUndefined();
  });

  test('made again under the name of another begins anew: no generation of the former lives on', () => {
    const step = deriveTokenStep(facts({ token: aToken({}, { uid: 'u2' }), entry: minted({ revoked: true }) }));
    expect(step).toEqual({ do: 'record', entry: anEntry({ uid: 'u2', firstSeenMs: NOW }) });
  });

  test.each([
    ['revoked', aToken({ revoked: true })],
    ['being deleted', aToken({}, { deletionTimestamp: '2026-06-01T00:00:00Z' })],
  ])('that is %s is revoked on record, and not minted after that', (_what, token) => {
    const step = deriveTokenStep(facts({ token }));
    expect(step).toEqual({ do: 'record', entry: minted({ revoked: true }) });
    expect(deriveTokenStep(facts({ token, entry: anEntry({ revoked: true }) })).do).toBe('rest');
  });

  test('that was revoked stays so whatever the object says', () => {
    expect(deriveTokenStep(facts({ entry: minted({ revoked: true }) })).do).toBe('rest');
  });
});

describe('a pending generation', () => {
  test('waits until every sidecar knows it', () => {
    expect(deriveTokenStep(facts({ entry: PENDING, ...HELD, enforcement: { sidecars: 2, enforcing: 1, isSettling: false } }))).toEqual({ do: 'wait', ms: 1000 });
    expect(deriveTokenStep(facts({ entry: PENDING, ...HELD, enforcement: { sidecars: 2, enforcing: 2, isSettling: false } }))).toEqual({ do: 'deliver', generation: 'b0000000' });
    expect(deriveTokenStep(facts({ entry: PENDING, ...HELD }))).toEqual({ do: 'deliver', generation: 'b0000000' });
  });

  test('waits no longer than five seconds for one that says nothing', () => {
    const late = { entry: PENDING, ...HELD, enforcement: { sidecars: 2, enforcing: 1, isSettling: false } };
    expect(deriveTokenStep(facts({ ...late, heldForMs: 4999 })).do).toBe('wait');
    expect(deriveTokenStep(facts({ ...late, heldForMs: 5000 })).do).toBe('deliver');
  });

  test('that another process made is looked into before anything else is done with it', () => {
    expect(deriveTokenStep(facts({ entry: PENDING }))).toEqual({ do: 'recover' });
    expect(deriveTokenStep(facts({ entry: PENDING, held: 'another0' }))).toEqual({ do: 'recover' });
  });

  test('is not written over a Secret that is somebody else\'s, and is not waited with either: it goes', () => {
    const taken = { entry: PENDING, ...HELD, isSecretNameTaken: true };
    expect(deriveTokenStep(facts(taken))).toEqual({ do: 'abandon', generation: 'b0000000' });
    expect(deriveTokenStep(facts({ ...taken, enforcement: { sidecars: 2, enforcing: 1, isSettling: false } })).do).toBe('abandon');
  });
});

describe('the next look', () => {
  test('is when a generation expires or is due', () => {
    expect(deriveTokenStep(facts())).toEqual({ do: 'rest', requeueAfterMs: 23 * HOUR });
    const rotating = aToken({ rotation: { every: '2h', overlap: '1h' } });
    expect(deriveTokenStep(facts({ token: rotating }))).toEqual({ do: 'rest', requeueAfterMs: HOUR });
    expect(deriveTokenStep(facts({ token: rotating, nowMs: NOW + HOUR })).do).toBe('mint');
  });

  test('drops what has expired by then', () => {
    expect(deriveTokenStep(facts({ nowMs: NOW + 23 * HOUR }))).toEqual({ do: 'record', entry: minted({ generations: [] }) });
  });

  test('is when the name of the Secret may be free, while it is taken', () => {
    expect(deriveTokenStep(facts({ entry: anEntry(), isSecretNameTaken: true, nameRetryMs: 1_234 }))).toEqual({ do: 'rest', requeueAfterMs: 1_234 });
  });
});

test('a request by annotation is acted upon once', () => {
  const token = aToken({}, { annotations: { 'mcpgateway.dev/rotate-requested-at': '2026-05-31T23:59:00Z' } });
  expect(deriveTokenStep(facts({ token })).do).toBe('mint');
  expect(deriveTokenStep(facts({ token, entry: minted({ observedRotateRequest: '2026-05-31T23:59:00Z' }) })).do).toBe('rest');
});
