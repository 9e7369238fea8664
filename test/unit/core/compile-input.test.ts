import { describe, expect, test } from '@jest/globals';
import type { Ledger, LedgerToken } from '../../../api/ledger.ts';
import { EMPTY_LEDGER } from '../../../api/ledger.ts';
import { compileInput, defaultPath, provisionalUid, serverUid } from '../../../core/compile-input.ts';
import { parseGatewayConfig } from '../../../manifest/gateway-config.ts';
import { createManifestLoader, EMPTY_STATE, objectsOfKind } from '../../../manifest/load.ts';
import { aGeneratedToken, aHashToken, aServer, GATEWAY_CONFIG } from '../../kit/directory-source.ts';

const HOUR = 3_600_000;
const manifest = createManifestLoader().load(
  [aServer(), aHashToken('ci'), aGeneratedToken('bot')].map((text, i) => ({ path: `${i}.yaml`, text })),
  EMPTY_STATE,
);
const servers = objectsOfKind(manifest, 'MCPServer');
const tokens = objectsOfKind(manifest, 'GatewayToken');
const config = parseGatewayConfig(GATEWAY_CONFIG, 'gateway-config.json');

function anEntry(name: string, overrides: Partial<LedgerToken> = {}): LedgerToken {
  return { namespace: 'tools', name, uid: `uid-${name}`, firstSeenMs: 0, revoked: false, generations: [], ...overrides };
}

function inputFor(entries: readonly LedgerToken[], isRecorded = (_id: string): boolean => true): ReturnType<typeof compileInput> {
  const ledger: Ledger = { ...EMPTY_LEDGER, tokens: entries, sessionKeys: { s: 'key' } };
  return compileInput({ servers, tokens, config, ledger, isRecorded });
}

const named = (input: ReturnType<typeof compileInput>, name: string): (typeof tokens)[number] | undefined => input.tokens.find(({ metadata }) => metadata.name === name);

test('a server is reached below its namespace and name, and has a uid made from them', () => {
  expect(servers.map(defaultPath)).toEqual(['/tools/github/mcp']);
  expect(servers.map(serverUid)[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

describe('a token', () => {
  test('has the uid of its entry, or a provisional one', () => {
    const input = inputFor([anEntry('ci')]);
    expect(named(input, 'ci')?.metadata.uid).toBe('uid-ci');
    const bot = tokens.find(({ metadata }) => metadata.name === 'bot');
    expect(named(input, 'bot')?.metadata.uid).toBe(bot === undefined ? '' : provisionalUid(bot));
  });

  test('stays revoked when only the ledger remembers it', () => {
    expect(named(inputFor([anEntry('ci', { revoked: true })]), 'ci')?.spec.revoked).toBe(true);
    expect(named(inputFor([anEntry('ci')]), 'ci')?.spec.revoked).toBe(false);
  });

  test('F15: made elsewhere ends its lifetime after it was seen first, whatever its end says', () => {
    expect(named(inputFor([anEntry('ci', { firstSeenMs: HOUR })]), 'ci')?.spec.expiresAt).toBe(new Date(721 * HOUR).toISOString());
    expect(named(inputFor([]), 'ci')?.spec.expiresAt).toBe('2099-01-01T00:00:00Z');
  });
});

test('F10: a generation that is not recorded is not there', () => {
  const generations = ['aaaaaaaa', 'bbbbbbbb'].map((id) => ({ id, sha256: 'a'.repeat(64), issuedAtMs: 0, expiresAtMs: 9, state: 'Current' as const }));
  const input = inputFor([anEntry('bot', { generations })], (id) => id === 'aaaaaaaa');
  expect(input.ledger.get('uid-bot')?.map(({ id }) => id)).toEqual(['aaaaaaaa']);
});

test('the version of an object differs when the object does', () => {
  const [server] = servers;
  if (server === undefined) throw new Error('no server');
  const changed = { ...server, spec: { ...server.spec, upstream: { ...server.spec.upstream, port: 1 } } };
  const versions = [server, changed].map((each) => compileInput({ servers: [each], tokens, config, ledger: EMPTY_LEDGER, isRecorded: () => true }).servers[0]?.metadata.resourceVersion);
  expect(new Set(versions).size).toBe(2);
});
