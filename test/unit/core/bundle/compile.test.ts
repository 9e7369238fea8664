import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Bundle } from '../../../../api/bundle.ts';
import { type CompileInput, compileBundles } from '../../../../core/bundle/compile.ts';
import { aServer, aToken, anInput, SHA } from './kit.ts';

const END = '2027-01-31T00:00:00Z';
const hashed = (id: string, sha256 = id.repeat(8)) => ({ source: { type: 'Hash' as const, id, sha256 }, expiresAt: END });
const bundleOf = (parts: Partial<CompileInput>): Bundle => {
  const [bundle] = compileBundles(anInput(parts)).bundles;
  if (bundle === undefined) throw new Error('no bundle');
  return bundle;
};
const problemsOf = (parts: Partial<CompileInput>): readonly string[] =>
  compileBundles(anInput(parts)).problems.map(({ kind, namespace, name, field }) => `${kind}/${namespace}/${name} ${field}`);

test('compiles all that one server needs', () => {
  const server = aServer('github', {
    upstream: { port: 3000, path: '/x', transport: 'StreamableHTTP', directAccess: 'Blocked', credentials: [{ header: 'Authorization', prefix: 'Bearer ', secretRef: { name: 'pat', key: 'token' } }] },
    publicURLs: ['https://mcp.example.com/github'],
    authentication: { gatewayTokens: { bearer: false, apiKeyHeader: 'X-API-Key' } },
    access: [{ name: 'no-delete', effect: 'Deny', principals: [{ everyone: true }], tools: ['delete_*'] }],
    identity: { attributes: ['costCenter'], assertion: 'Disabled' },
  });
  const token = aToken('ci', { ...hashed('aaaaaaaa'), type: 'APIKey', identity: { user: 'ci', email: 'ci@example.com', groups: ['g'], attributes: { costCenter: '42' } } });
  expect(compileBundles(anInput({ servers: [server], tokens: [token] }))).toEqual({
    problems: [],
    bundles: [
      {
        format: 1,
        server: { namespace: 'tools', name: 'github', uid: 'server-github', generation: 2 },
        revision: expect.stringMatching(/^[0-9a-f]{64}$/),
        order: { 'MCPServer/tools/github': '10', 'GatewayToken/tools/ci': '20' },
        endpoints: [{ host: 'mcp.example.com', path: '/github' }, { path: '/tools/github/mcp' }],
        upstream: { port: 3000, path: '/x', credentials: [{ header: 'authorization', prefix: 'Bearer ', secret: { name: 'pat', key: 'token' } }] },
        authentication: { bearer: false, apiKeyHeader: 'x-api-key' },
        tokens: [
          {
            uid: 'token-ci',
            namespace: 'tools',
            name: 'ci',
            type: 'APIKey',
            revoked: false,
            identity: { user: 'ci', email: 'ci@example.com', groups: ['g'], roles: [], attributes: { costCenter: '42' } },
            grants: [{ rule: 'GatewayToken/tools/ci#permissions[0]', allow: { tools: ['get_*'], prompts: [], resources: [] } }],
            generations: [{ id: 'aaaaaaaa', sha256: 'a'.repeat(64), expiresAtMs: Date.parse(END) }],
          },
        ],
        rules: [{ rule: 'MCPServer/tools/github#access[no-delete]', effect: 'Deny', principals: [{ everyone: true }], patterns: { tools: ['delete_*'], prompts: [], resources: [] } }],
        forwardedAttributes: ['costCenter'],
        sessionKey: 'a2V5',
        maxStalenessMs: 900_000,
        peerAuthorities: [],
      },
    ],
  });
});

test('what is absent is refused', () => {
  expect(bundleOf({ servers: [aServer('github', { authentication: {} })] })).toMatchObject({ authentication: { bearer: false }, tokens: [], rules: [], forwardedAttributes: [] });
});

describe('a token', () => {
  const servers = [aServer('github'), aServer('gitlab')];

  test('is only in the bundles of servers that it names', () => {
    const { bundles } = compileBundles(anInput({ servers, tokens: [aToken('ci')] }));
    expect(bundles.map(({ server, tokens }) => [server.name, tokens.length])).toEqual([['github', 1], ['gitlab', 0]]);
  });

  test('with a problem is in none, and harms no other', () => {
    const tokens = [aToken('bad', { binding: 'Certificate' }), aToken('good')];
    expect(problemsOf({ servers, tokens })).toEqual(['GatewayToken/tools/bad spec.binding']);
    expect(bundleOf({ servers, tokens }).tokens.map(({ name }) => name)).toEqual(['good']);
  });

  test('that is revoked is there as revoked, whatever else is wrong with it', () => {
    const tokens = [aToken('bad', { binding: 'Certificate', ...hashed('aaaaaaaa'), revoked: true }), aToken('gone', hashed('bbbbbbbb'), { deletionTimestamp: END })];
    expect(bundleOf({ servers, tokens }).tokens).toMatchObject([{ name: 'bad', revoked: true, generations: [{ id: 'aaaaaaaa' }] }, { name: 'gone', revoked: true }]);
  });

  test('F13 does not come back from revocation under another name', () => {
    const tokens = [aToken('one', { ...hashed('aaaaaaaa', SHA), revoked: true }), aToken('two', hashed('aaaaaaaa', SHA))];
    expect(bundleOf({ servers, tokens }).tokens.map(({ name, revoked }) => [name, revoked])).toEqual([['one', true]]);
  });
});

describe('a server', () => {
  test.each([
    ['that says what is not supported', aServer('github', { identity: { assertion: 'Enabled' } }), 'spec.identity.assertion'],
    ['whose URL is not one', aServer('github', { publicURLs: ['x'] }), 'spec.publicURLs[0]'],
  ])('%s has no bundle, and harms no other', (_title, bad, field) => {
    const parts = { servers: [bad, aServer('gitlab')] };
    expect(problemsOf(parts)).toEqual([`MCPServer/tools/github ${field}`]);
    expect(compileBundles(anInput(parts)).bundles.map(({ server }) => server.name)).toEqual(['gitlab']);
  });

  test('without a UID or a session key has no bundle', () => {
    const { uid: _, ...metadata } = aServer('github').metadata;
    for (const parts of [{ servers: [{ ...aServer('github'), metadata }] }, { servers: [aServer('github')], sessionKeys: new Map<string, string>() }]) {
      expect(compileBundles(anInput(parts)).bundles).toEqual([]);
      expect(problemsOf(parts)).toEqual(['MCPServer/tools/github metadata.uid']);
    }
  });

  test('K6 that is being deleted has none, and its address is free', () => {
    const url = { publicURLs: ['https://mcp.example.com/mcp'] };
    const servers = [aServer('a', url, { deletionTimestamp: END }), aServer('b', url)];
    expect(problemsOf({ servers })).toEqual([]);
    expect(compileBundles(anInput({ servers })).bundles.map(({ server }) => server.name)).toEqual(['b']);
  });

  test('that is at fault keeps its address', () => {
    const url = { publicURLs: ['https://mcp.example.com/mcp'] };
    const servers = [aServer('a', { ...url, identity: { assertion: 'Enabled' } }), aServer('b', url)];
    expect(compileBundles(anInput({ servers })).bundles).toEqual([]);
  });
});

describe('the revision', () => {
  const servers = [aServer('github')];
  const tokens = [aToken('one', hashed('aaaaaaaa')), aToken('two', hashed('bbbbbbbb'))];

  test('does not depend on the order of the objects, nor on their resource versions', () => {
    const { revision, order } = bundleOf({ servers, tokens });
    const later = bundleOf({ servers: [aServer('github', {}, { resourceVersion: '11' })], tokens: [...tokens].reverse() });
    expect(later.revision).toBe(revision);
    expect(later.order).not.toEqual(order);
  });

  test('changes with whatever a sidecar would do differently', () => {
    const { revision } = bundleOf({ servers, tokens });
    const others: readonly Partial<CompileInput>[] = [
      { servers, tokens: tokens.slice(1) },
      { servers, tokens: [aToken('one', { ...hashed('aaaaaaaa'), revoked: true }), ...tokens.slice(1)] },
      { servers, tokens: [aToken('one', { ...hashed('aaaaaaaa'), identity: { user: 'eve' } }), ...tokens.slice(1)] },
      { servers: [aServer('github', { upstream: { port: 3001, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked' } })], tokens },
      { servers, tokens, sessionKeys: new Map([['server-github', 'b3RoZXI']]) },
      { servers, tokens, defaultAddress: { path: () => '/other', isOwn: false } },
    ];
    for (const parts of others) expect(bundleOf(parts).revision).not.toBe(revision);
  });
});

test('no generation is live in two tokens, and no token is outside the servers it names', () => {
  const token = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), id: fc.constantFrom('aaaaaaaa', 'bbbbbbbb', 'cccccccc'), revoked: fc.boolean(), server: fc.constantFrom('github', 'gitlab'), unsupported: fc.boolean() });
  fc.assert(fc.property(fc.uniqueArray(token, { selector: ({ name }) => name }), (sample) => {
    const tokens = sample.map(({ name, id, revoked, server, unsupported }) =>
      aToken(name, { ...hashed(id), revoked, binding: unsupported ? 'Certificate' : 'None', permissions: [{ serverRefs: [{ name: server }], tools: ['*'] }] }),
    );
    const { bundles } = compileBundles(anInput({ servers: [aServer('github'), aServer('gitlab')], tokens }));
    const live = bundles.flatMap((bundle) => bundle.tokens.filter(({ revoked }) => !revoked));
    expect(new Set(live.flatMap(({ generations }) => generations.map(({ id }) => id))).size).toBe(live.length);
    for (const { server, tokens: bundled } of bundles) {
      expect(bundled.every(({ name }) => sample.find((each) => each.name === name)?.server === server.name)).toBe(true);
      expect(bundled.filter(({ revoked }) => revoked)).toHaveLength(sample.filter((each) => each.revoked && each.server === server.name).length);
    }
  }));
});
