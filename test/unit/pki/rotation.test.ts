import { describe, expect, test } from '@jest/globals';
import { BACKDATE_MS, createAuthority } from '../../../pki/authority.ts';
import { deriveRotation, trustBundle } from '../../../pki/rotation.ts';

const DAY = 86_400_000;
const LIFE = 360 * DAY;
const POLICY = { trustDelayMs: DAY, leafLifetimeMs: 7 * DAY };

/** Made on that day. */
const made = (name: string, day: number, life = LIFE) => ({ name, notBeforeMs: day * DAY - BACKDATE_MS, notAfterMs: day * DAY + life });
const first = made('first', 0);
const second = made('second', 240);
const third = made('third', 480);

interface Expected {
  create: boolean;
  signer: string | undefined;
  trusted: readonly string[];
  dropped?: readonly string[];
}

describe('rotation', () => {
  test.each<[string, number, ReturnType<typeof made>[], Expected]>([
    ['with nothing, one is made', 0, [], { create: true, signer: undefined, trusted: [] }],
    ['the first one signs at once: nobody could trust another', 0, [first], { create: false, signer: 'first', trusted: ['first'] }],
    ['just before two thirds of its life nothing changes', 240 * DAY - 1, [first], { create: false, signer: 'first', trusted: ['first'] }],
    ['at two thirds of its life the next one is due', 240 * DAY, [first], { create: true, signer: 'first', trusted: ['first'] }],
    ['the next one is trusted at once, first in order, and does not sign', 240 * DAY, [first, second], { create: false, signer: 'first', trusted: ['second', 'first'] }],
    ['just before everybody trusts it the old one signs', 241 * DAY - 1, [second, first], { create: false, signer: 'first', trusted: ['second', 'first'] }],
    ['when everybody trusts it the new one signs', 241 * DAY, [second, first], { create: false, signer: 'second', trusted: ['second', 'first'] }],
    ['the old one is trusted while something it signed may live', 248 * DAY + BACKDATE_MS - 1, [second, first], { create: false, signer: 'second', trusted: ['second', 'first'] }],
    ['then the old one is forgotten', 248 * DAY + BACKDATE_MS, [second, first], { create: false, signer: 'second', trusted: ['second'], dropped: ['first'] }],
    ['an expired one is forgotten', 360 * DAY, [first], { create: true, signer: undefined, trusted: [], dropped: ['first'] }],
    ['after a long absence the next one signs at once', 365 * DAY, [first, made('second', 364.5)], { create: false, signer: 'second', trusted: ['second'], dropped: ['first'] }],
    ['of three, the middle one signs until the newest may', 480.5 * DAY, [first, second, third], { create: false, signer: 'second', trusted: ['third', 'second'], dropped: ['first'] }],
    ['a clock that was set back takes the oldest', -DAY, [first, second], { create: false, signer: 'first', trusted: ['second', 'first'] }],
    ['of two made at nearly the same time the newer signs', 2 * DAY, [first, made('twin', 0.001)], { create: false, signer: 'twin', trusted: ['twin', 'first'] }],
  ])('%s', (_title, nowMs, authorities, { create, signer, trusted, dropped = [] }) => {
    const plan = deriveRotation(authorities, POLICY, nowMs);
    expect({ ...plan, signer: plan.signer?.name, trusted: plan.trusted.map(({ name }) => name), dropped: plan.dropped.map(({ name }) => name) })
      .toEqual({ create, signer, trusted, dropped, nextMs: plan.nextMs });
  });

  test.each([
    ['the first one alone: its replacement', 0, [first], DAY],
    ['when it may be signed with: its replacement', 2 * DAY, [first], 240 * DAY],
    ['a new one: when it signs', 240 * DAY, [first, second], 241 * DAY],
    ['then: when the old one is forgotten', 241 * DAY, [first, second], 248 * DAY + BACKDATE_MS],
    ['nothing at all: never', 0, [], Number.MAX_SAFE_INTEGER],
  ])('says when to ask again, with %s', (_title, nowMs, authorities, expected) => {
    expect(deriveRotation(authorities, POLICY, nowMs).nextMs).toBe(expected);
  });

  test('over two lifetimes, what signs was always trusted for the delay, and what it signed is trusted to its end', () => {
    let authorities: ReturnType<typeof made>[] = [];
    const trustedSince = new Map<string, number>();
    const signedUntil = new Map<string, number>();
    for (let hour = 0; hour < 900 * 24; hour += 1) {
      const nowMs = hour * 3_600_000;
      if (deriveRotation(authorities, POLICY, nowMs).create) authorities = [...authorities, made(`made-${hour}`, hour / 24)];
      const plan = deriveRotation(authorities, POLICY, nowMs);
      authorities = [...plan.trusted];
      for (const { name } of plan.trusted) if (!trustedSince.has(name)) trustedSince.set(name, nowMs);
      const { signer } = plan;
      if (signer === undefined) throw new Error('nobody signs');
      if (trustedSince.get(signer.name) !== 0) expect(nowMs - (trustedSince.get(signer.name) ?? nowMs)).toBeGreaterThanOrEqual(POLICY.trustDelayMs);
      signedUntil.set(signer.name, Math.min(signer.notAfterMs, nowMs + POLICY.leafLifetimeMs));
      for (const [name, until] of signedUntil) if (until > nowMs) expect(plan.trusted.map((one) => one.name)).toContain(name);
    }
    expect(trustedSince.size).toBe(4);
  });

  test('takes authorities as they are made', async () => {
    const authority = await createAuthority({ commonName: 'x', nowMs: 0, lifetimeMs: LIFE });
    expect(deriveRotation([authority], POLICY, 0)).toMatchObject({ create: false, signer: authority, trusted: [authority] });
  });
});

describe('a trust bundle', () => {
  test('holds each certificate once, in the given order', () => {
    expect(trustBundle(['B\n', 'A', 'B'])).toBe('B\nA\n');
    expect(trustBundle([])).toBe('');
  });
});
