import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { GatewayToken } from '../../../../api/v1alpha1/index.ts';
import { mergeTokenUsage, permissionDigest, readUsageStatus, usageStatus } from '../../../../operator/usage/token-usage.ts';
import type { PermissionUse, TokenUsage } from '../../../../operator/usage/token-usage.ts';
import { aToken } from '../../core/bundle/kit.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
const READS = { serverRefs: [{ name: 'github' }], tools: ['get_*'] };
const WRITES = { serverRefs: [{ name: 'github' }], tools: ['set_*'] };
const READS_DIGEST = permissionDigest(READS);

const tokenWith = (...permissions: GatewayToken['spec']['permissions']): GatewayToken => aToken('ci', { permissions });
const aUse = (lastUsedAtMs: number, tools: readonly string[] = [], moreTools = false): PermissionUse => ({ lastUsedAtMs, tools: new Set(tools), moreTools });
const aUsage = (over: Partial<TokenUsage> = {}): TokenUsage => ({ permissions: new Map(), ...over });

describe('the status', () => {
  test('says when the token was used and denied last, and what of it was used', () => {
    const usage = aUsage({ lastUsedAtMs: NOW - HOUR + 1, lastDeniedAtMs: NOW - 2 * HOUR, permissions: new Map([[READS_DIGEST, aUse(NOW - HOUR, ['get_b', 'get_a'], true)]]) });
    expect(usageStatus(usage, tokenWith(WRITES, READS), undefined, NOW)).toEqual({
      lastUsedAt: '2026-11-23T11:00:00Z',
      usage: {
        asOf: '2026-11-23T12:00:00Z',
        lastDeniedAt: '2026-11-23T10:00:00Z',
        permissions: [{ index: 1, digest: READS_DIGEST, lastUsedAt: '2026-11-23T11:00:00Z', tools: ['get_a', 'get_b'], moreTools: true }],
      },
    });
  });

  test('of a token that was only ever denied says no use', () => {
    expect(usageStatus(aUsage({ lastDeniedAtMs: NOW }), tokenWith(READS), undefined, NOW)).toEqual({ usage: { asOf: '2026-11-23T12:00:00Z', lastDeniedAt: '2026-11-23T12:00:00Z' } });
  });

  test('is not written where it says all of it already', () => {
    const usage = aUsage({ lastUsedAtMs: NOW, permissions: new Map([[READS_DIGEST, aUse(NOW, ['get_a'])]]) });
    const written = usageStatus(usage, tokenWith(READS), { conditions: [] }, NOW);
    expect(usageStatus(usage, tokenWith(READS), { conditions: [], ...written }, NOW + HOUR)).toBeUndefined();
    expect(usageStatus(aUsage(), tokenWith(READS), { conditions: [], ...written }, NOW + HOUR)).toBeUndefined();
    expect(usageStatus(aUsage({ lastUsedAtMs: NOW + 1_000 }), tokenWith(READS), { ...written }, NOW + HOUR)).toMatchObject({ lastUsedAt: '2026-11-23T12:00:01Z' });
  });

  test('after another leader never goes back, and forgets nothing that is still granted', () => {
    const former = usageStatus(aUsage({ lastUsedAtMs: NOW, permissions: new Map([[READS_DIGEST, aUse(NOW, ['get_a'])]]) }), tokenWith(READS, WRITES), undefined, NOW);
    const mine = aUsage({ lastUsedAtMs: NOW - HOUR, permissions: new Map([[READS_DIGEST, aUse(NOW - HOUR, ['get_b'])], [permissionDigest(WRITES), aUse(NOW - HOUR)]]) });
    expect(usageStatus(mine, tokenWith(READS, WRITES), former, NOW)).toMatchObject({
      lastUsedAt: '2026-11-23T12:00:00Z',
      usage: { permissions: [{ index: 0, lastUsedAt: '2026-11-23T12:00:00Z', tools: ['get_a', 'get_b'] }, { index: 1, lastUsedAt: '2026-11-23T11:00:00Z' }] },
    });
  });

  test('follows a permission to another place, and drops one that was changed', () => {
    const former = usageStatus(aUsage({ lastUsedAtMs: NOW, permissions: new Map([[READS_DIGEST, aUse(NOW)], [permissionDigest(WRITES), aUse(NOW)]]) }), tokenWith(READS, WRITES), undefined, NOW);
    const changed = tokenWith({ ...WRITES, tools: ['set_*', 'delete_*'] }, READS);
    expect(usageStatus(aUsage(), changed, former, NOW)?.usage?.permissions).toEqual([{ index: 1, digest: READS_DIGEST, lastUsedAt: '2026-11-23T12:00:00Z' }]);
  });

  test('of two permissions that are the same counts the first, which is the one that decides', () => {
    const usage = aUsage({ permissions: new Map([[READS_DIGEST, aUse(NOW)]]) });
    expect(usageStatus(usage, tokenWith(READS, { ...READS }), undefined, NOW)?.usage?.permissions?.map(({ index }) => index)).toEqual([0]);
  });

  test('never says the future, also where somebody wrote it there', () => {
    const former = { lastUsedAt: '2999-01-01T00:00:00Z', usage: { asOf: '2999-01-01T00:00:00Z', lastDeniedAt: '2999-01-01T00:00:00Z' } };
    expect(usageStatus(aUsage(), tokenWith(READS), former, NOW)).toEqual({ lastUsedAt: '2026-11-23T12:00:00Z', usage: { asOf: '2026-11-23T12:00:00Z', lastDeniedAt: '2026-11-23T12:00:00Z' } });
  });

  test('is read whatever is in it', () => {
    fc.assert(fc.property(fc.anything(), fc.anything(), (usage, lastUsedAt) => {
      const { known } = readUsageStatus({ usage, lastUsedAt });
      expect(known.permissions).toBeInstanceOf(Map);
    }));
    expect(readUsageStatus({ usage: { permissions: [7, { digest: 'x' }, { digest: READS_DIGEST, lastUsedAt: '2026-11-23T12:00:00Z', tools: ['a', 1] }] } }).known.permissions).toEqual(new Map([[READS_DIGEST, aUse(NOW, ['a'])]]));
  });
});

test('what is merged twice, or in another order, says the same', () => {
  const use = fc.record({ lastUsedAtMs: fc.nat(99), tools: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')).map((tools) => new Set(tools)), moreTools: fc.boolean() });
  const usages = fc.record({ lastUsedAtMs: fc.option(fc.nat(99), { nil: undefined }), lastDeniedAtMs: fc.option(fc.nat(99), { nil: undefined }), permissions: fc.uniqueArray(fc.tuple(fc.constantFrom('x', 'y'), use), { selector: ([key]) => key }).map((all) => new Map(all)) });
  fc.assert(fc.property(usages, usages, (one, other) => {
    const merged = mergeTokenUsage(one, other);
    expect(mergeTokenUsage(other, one)).toEqual(merged);
    expect(mergeTokenUsage(merged, other)).toEqual(merged);
  }));
});

test('names of tools have a bound, and beyond it the use says so', () => {
  const many = (prefix: string): TokenUsage => aUsage({ permissions: new Map([['x', aUse(1, Array.from({ length: 20 }, (_, i) => `${prefix}${String(i)}`))]]) });
  const merged = mergeTokenUsage(many('a'), many('b')).permissions.get('x');
  expect([merged?.tools.size, merged?.moreTools]).toEqual([32, true]);
});
