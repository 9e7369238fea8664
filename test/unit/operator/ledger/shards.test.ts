import { describe, expect, test } from '@jest/globals';
import { EMPTY_LEDGER } from '../../../../api/ledger.ts';
import type { Ledger } from '../../../../api/ledger.ts';
import { CROWDED_AT, readShard, SHARD_NAMES, shardOf, writtenShard } from '../../../../operator/ledger/shards.ts';

const LEDGER: Ledger = {
  ...EMPTY_LEDGER,
  tokens: [{ namespace: 'tools', name: 'ci', uid: 'u1', firstSeenMs: 1, revoked: false, generations: [] }],
  sessionKeys: { 'server-uid': 'canary-session-key' },
};
const WRITTEN = writtenShard('home', 'mcpgateway-ledger-00', LEDGER, '7');
const stored = (over: object = {}) => ({ ...WRITTEN, metadata: { ...WRITTEN.metadata, uid: 'u', resourceVersion: '7' }, ...over });

describe('a shard', () => {
  test('is read as it was written, with its version', () => {
    expect(readShard(stored())).toEqual({ name: 'mcpgateway-ledger-00', resourceVersion: '7', ledger: LEDGER });
  });

  test('is found by its label, and is no Secret that anything else would read', () => {
    expect(stored()).toMatchObject({ type: 'mcpgateway.dev/ledger', metadata: { labels: { 'mcpgateway.dev/ledger': 'shard' }, resourceVersion: '7' } });
    expect(writtenShard('home', 'x', LEDGER).metadata).not.toHaveProperty('resourceVersion');
  });

  const encoded = (text: string) => ({ data: { 'ledger.json': Buffer.from(text).toString('base64') } });
  test.each([
    ['no data', { data: undefined }, 'is missing'],
    ['another key', { data: { other: '' } }, 'is missing'],
    ['no JSON', encoded('{"sessionKeys": canary-session-key'), 'is not JSON'],
    ['another format', encoded(JSON.stringify({ ...LEDGER, format: 9 })), 'format: is not 1'],
  ])('with %s is refused, and what is said holds nothing of it', (_what, over, problem) => {
    expect(() => readShard(stored(over))).toThrow(TypeError);
    expect(() => readShard(stored(over))).toThrow(problem);
    expect(() => readShard(stored(over))).not.toThrow('canary');
  });

  test('is the same for the same UID, and UIDs are spread over all of them', () => {
    expect(shardOf('u1')).toBe(shardOf('u1'));
    expect(new Set(Array.from({ length: 2000 }, (_, index) => shardOf(`uid-${String(index)}`)))).toEqual(new Set(SHARD_NAMES));
  });

  test('that takes no new entry has room for the largest ones that it has', () => {
    const [namespace, name, secretName] = ['n'.repeat(63), 'n'.repeat(63), 's'.repeat(253)];
    const generation = { id: 'a'.repeat(8), sha256: 'a'.repeat(64), issuedAtMs: 4_102_444_800_000, expiresAtMs: 4_102_444_800_000, state: 'Previous' as const };
    const largest = {
      namespace, name, secretName, uid: 'u'.repeat(36), firstSeenMs: 4_102_444_800_000, revoked: false, mintedAtMs: 4_102_444_800_000,
      observedRotateRequest: 'r'.repeat(64), generations: [generation, generation, generation],
    };
    const { data } = writtenShard('home', 'x', { ...LEDGER, tokens: Array.from({ length: CROWDED_AT }, () => largest) });
    expect(Buffer.from(data['ledger.json'] ?? '', 'base64').length).toBeLessThan(1024 * 1024 - 50 * 1024);
  });
});
