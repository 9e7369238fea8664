import { describe, expect, test } from '@jest/globals';
import type { LedgerGeneration, LedgerToken } from '../../../api/ledger.ts';
import type { TokenDemand } from '../../../core/token-life.ts';
import { beginMint, DEFAULT_OVERLAP_MS, mintDueAtMs, nextChangeMs, promote, recover, settle } from '../../../core/token-life.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;
const DAILY: TokenDemand = { lifetimeMs: 24 * HOUR };
const ROTATING: TokenDemand = { lifetimeMs: 24 * HOUR, rotation: { everyMs: 12 * HOUR, overlapMs: HOUR } };

function anEntry(overrides: Partial<LedgerToken> = {}): LedgerToken {
  return { namespace: 'tools', name: 'ci', uid: 'u1', firstSeenMs: 0, revoked: false, secretName: 'ci-token', generations: [], ...overrides };
}

function hashed(id: string): { id: string; sha256: string } {
  return { id: id.padEnd(8, '0'), sha256: id.padEnd(64, '0').slice(0, 64) };
}

function aGeneration(id: string, state: LedgerGeneration['state'], overrides: Partial<LedgerGeneration> = {}): LedgerGeneration {
  return { ...hashed(id), issuedAtMs: NOW, expiresAtMs: NOW + 24 * HOUR, state, ...overrides };
}

function minted(entry: LedgerToken, id: string, demand: TokenDemand, nowMs: number): LedgerToken {
  return promote(beginMint(entry, demand, hashed(id), nowMs), hashed(id).id, demand, nowMs);
}

function states(entry: LedgerToken): readonly string[] {
  return entry.generations.map(({ id, state }) => `${id.slice(0, 1)}:${state}`);
}

describe('when a generation is due', () => {
  const once = minted(anEntry(), 'a', DAILY, NOW);
  test.each<[string, LedgerToken, TokenDemand, number, number | undefined]>([
    ['at first sight', anEntry(), DAILY, NOW, NOW],
    ['not twice', once, DAILY, NOW + 1, undefined],
    ['not when it expired and no rotation is declared', settle(once, DAILY, NOW + 25 * HOUR), DAILY, NOW + 25 * HOUR, undefined],
    ['by schedule', once, ROTATING, NOW + 1, NOW + 12 * HOUR],
    ['by a request not seen before', once, { ...DAILY, rotateRequest: 'one' }, NOW + 1, NOW + 1],
    ['not while one is pending', beginMint(once, DAILY, hashed('b'), NOW), { ...DAILY, rotateRequest: 'one' }, NOW, undefined],
    ['not for a revoked token', anEntry({ revoked: true }), DAILY, NOW, undefined],
    ['not after the end of the grant', anEntry(), { ...DAILY, endsAtMs: NOW }, NOW, undefined],
  ])('is %s', (_title, entry, demand, nowMs, due) => {
    expect(mintDueAtMs(entry, demand, nowMs)).toBe(due);
  });
});

describe('rotation', () => {
  test('F9: keeps the old and the new generation valid for the overlap, then only the new one', () => {
    const first = minted(anEntry(), 'a', ROTATING, NOW);
    const second = minted(first, 'b', ROTATING, NOW + 12 * HOUR);
    expect(states(second)).toEqual(['a:Previous', 'b:Current']);
    expect(second.generations[0]?.expiresAtMs).toBe(NOW + 13 * HOUR);
    expect(states(settle(second, ROTATING, NOW + 13 * HOUR - 1))).toEqual(['a:Previous', 'b:Current']);
    expect(states(settle(second, ROTATING, NOW + 13 * HOUR))).toEqual(['b:Current']);
  });

  test('F9: leaves at most two generations alive when it happens twice within one overlap', () => {
    const second = minted(minted(anEntry(), 'a', ROTATING, NOW), 'b', ROTATING, NOW + 1);
    const pending = beginMint(second, ROTATING, hashed('c'), NOW + 2);
    expect(states(pending)).toEqual(['b:Current', 'c:Pending']);
    expect(states(promote(pending, hashed('c').id, ROTATING, NOW + 2))).toEqual(['b:Previous', 'c:Current']);
  });

  test('F9: acts once on a request, however often the same annotation is seen', () => {
    const asked: TokenDemand = { ...DAILY, rotateRequest: '2026-11-23T10:00:00Z' };
    const rotated = minted(minted(anEntry(), 'a', DAILY, NOW), 'b', asked, NOW + 1);
    expect(rotated.observedRotateRequest).toBe('2026-11-23T10:00:00Z');
    expect(mintDueAtMs(rotated, asked, NOW + 2)).toBeUndefined();
    expect(mintDueAtMs(rotated, { ...asked, rotateRequest: 'another' }, NOW + 2)).toBe(NOW + 2);
  });

  test('takes a request that was there at first sight as answered by the first generation', () => {
    const asked: TokenDemand = { ...DAILY, rotateRequest: 'one' };
    expect(mintDueAtMs(minted(anEntry(), 'a', asked, NOW), asked, NOW)).toBeUndefined();
  });

  test.each<[string, TokenDemand, number]>([
    ['the declared overlap', ROTATING, HOUR],
    ['none where 0s is declared', { ...DAILY, rotation: { everyMs: HOUR, overlapMs: 0 } }, 0],
    ['an hour where nothing is declared', DAILY, DEFAULT_OVERLAP_MS],
    ['no more than it had left', { lifetimeMs: 10_000 }, 9_999],
  ])('gives the former generation %s', (_title, demand, leftMs) => {
    const rotated = minted(minted(anEntry(), 'a', demand, NOW), 'b', demand, NOW + 1);
    expect((rotated.generations[0]?.expiresAtMs ?? 0) - (NOW + 1)).toBe(leftMs);
  });
});

describe('expiry', () => {
  test('F8: a generation is gone at the very millisecond of its expiry and not before', () => {
    const entry = minted(anEntry(), 'a', DAILY, NOW);
    expect(states(settle(entry, DAILY, NOW + 24 * HOUR - 1))).toEqual(['a:Current']);
    expect(states(settle(entry, DAILY, NOW + 24 * HOUR))).toEqual([]);
  });

  test('F8: no generation outlives spec.expiresAt', () => {
    const demand: TokenDemand = { ...DAILY, endsAtMs: NOW + HOUR };
    expect(minted(anEntry(), 'a', demand, NOW).generations[0]?.expiresAtMs).toBe(NOW + HOUR);
  });

  test('F15: a bound that was lowered cuts generations that exist, counted from when they were minted', () => {
    const entry = minted(anEntry(), 'a', DAILY, NOW);
    const cut = settle(entry, { lifetimeMs: 2 * HOUR }, NOW + HOUR);
    expect(cut.generations[0]?.expiresAtMs).toBe(NOW + 2 * HOUR);
    expect(states(settle(entry, { lifetimeMs: 2 * HOUR }, NOW + 3 * HOUR))).toEqual([]);
  });

  test('does not live longer because the clock was ahead when it was minted', () => {
    const early = settle(minted(anEntry(), 'a', DAILY, NOW + 9000 * HOUR), DAILY, NOW);
    expect(early.generations[0]?.expiresAtMs).toBe(NOW + 24 * HOUR);
    expect(settle(early, DAILY, NOW + HOUR)).toBe(early);
  });

  test('F15: raising the bound again gives nothing back', () => {
    const cut = settle(minted(anEntry(), 'a', DAILY, NOW), { lifetimeMs: 2 * HOUR }, NOW);
    expect(settle(cut, DAILY, NOW).generations[0]?.expiresAtMs).toBe(NOW + 2 * HOUR);
  });

  test('leaves an entry alone, as the same object, where nothing changes', () => {
    const entry = minted(anEntry(), 'a', DAILY, NOW);
    expect(settle(entry, DAILY, NOW + 1)).toBe(entry);
    expect(settle(entry, undefined, NOW + 1)).toBe(entry);
  });
});

describe('recovery after a crash', () => {
  const pending = beginMint(minted(anEntry(), 'a', DAILY, NOW), DAILY, hashed('b'), NOW + 1);

  test('F10: drops a pending generation whose secret reached no file, and keeps the current one', () => {
    const recovered = recover(pending, hashed('a').sha256, DAILY, NOW + 2);
    expect(states(recovered)).toEqual(['a:Current']);
    expect(mintDueAtMs(recovered, { ...DAILY, rotateRequest: 'one' }, NOW + 2)).toBe(NOW + 2);
  });

  test('F10: finishes a mint whose secret somebody may have read, and records the request it answered', () => {
    const asked: TokenDemand = { ...DAILY, rotateRequest: 'one' };
    const recovered = recover(pending, hashed('b').sha256, asked, NOW + 2);
    expect(states(recovered)).toEqual(['a:Previous', 'b:Current']);
    expect(mintDueAtMs(recovered, asked, NOW + 2)).toBeUndefined();
  });

  test('F10: mints anew what never became current', () => {
    const recovered = recover(beginMint(anEntry(), DAILY, hashed('a'), NOW), undefined, DAILY, NOW + 1);
    expect(states(recovered)).toEqual([]);
    expect(mintDueAtMs(recovered, DAILY, NOW + 1)).toBe(NOW + 1);
  });
});

test('the next change is the first of every expiry and the next rotation', () => {
  const entry = anEntry({
    mintedAtMs: NOW,
    generations: [aGeneration('a', 'Previous', { expiresAtMs: NOW + 5 }), aGeneration('b', 'Current')],
  });
  expect(nextChangeMs(entry, ROTATING, NOW)).toBe(NOW + 5);
  expect(nextChangeMs({ ...entry, generations: [aGeneration('b', 'Current')] }, ROTATING, NOW)).toBe(NOW + 12 * HOUR);
  expect(nextChangeMs({ ...entry, generations: [] }, DAILY, NOW)).toBe(Infinity);
});
