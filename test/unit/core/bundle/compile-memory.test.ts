import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { BundleGeneration } from '../../../../api/bundle.ts';
import type { GatewayToken, MCPServer } from '../../../../api/v1alpha1/index.ts';
import { compileBundles, type CompileInput } from '../../../../core/bundle/compile.ts';
import { createCompileMemory } from '../../../../core/bundle/compile-memory.ts';
import { aServer, aToken, anInput } from './kit.ts';

const END = '2027-01-31T00:00:00Z';
const SERVERS = ['github', 'gitlab'];
const NAMESPACES = ['tools', 'builds'];

/** One thing that somebody does in the cluster. */
const edit = fc.oneof(
  fc.record({ do: fc.constant('token' as const), namespace: fc.constantFrom(...NAMESPACES), name: fc.constantFrom('a', 'b', 'c'), server: fc.constantFrom(...SERVERS), id: fc.constantFrom('aaaaaaaa', 'bbbbbbbb'), isMinted: fc.boolean(), revoked: fc.boolean(), user: fc.constantFrom('x', 'y') }),
  fc.record({ do: fc.constant('delete token' as const), namespace: fc.constantFrom(...NAMESPACES), name: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ do: fc.constant('server' as const), name: fc.constantFrom(...SERVERS), admits: fc.constantFrom('red', 'blue'), uid: fc.constantFrom('one', 'other') }),
  fc.record({ do: fc.constant('delete server' as const), name: fc.constantFrom(...SERVERS) }),
  fc.record({ do: fc.constant('labels' as const), namespace: fc.constantFrom(...NAMESPACES), team: fc.constantFrom('red', 'blue') }),
  fc.record({ do: fc.constant('mint' as const), namespace: fc.constantFrom(...NAMESPACES), name: fc.constantFrom('a', 'b', 'c'), id: fc.constantFrom('cccccccc', 'dddddddd') }),
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

interface Cluster {
  readonly tokens: Map<string, GatewayToken>;
  readonly servers: Map<string, MCPServer>;
  readonly labels: Map<string, Record<string, string>>;
  readonly ledger: Map<string, readonly BundleGeneration[]>;
}

function carryOut(change: Edit, { tokens, servers, labels, ledger }: Cluster): void {
  switch (change.do) {
    case 'token': {
      const { namespace, name, server, id, isMinted, revoked, user } = change;
      const source = isMinted ? {} : { source: { type: 'Hash' as const, id, sha256: id.repeat(8) }, expiresAt: END };
      const spec = { ...source, revoked, identity: { user }, permissions: [{ serverRefs: [{ name: server, namespace: 'tools' }], tools: ['get_*'] }] };
      tokens.set(`${namespace}/${name}`, aToken(name, spec, { namespace, uid: `token-${namespace}-${name}` }));
      return;
    }
    case 'delete token':
      tokens.delete(`${change.namespace}/${change.name}`);
      return;
    case 'server':
      servers.set(change.name, aServer(change.name, { tokens: { from: [{ namespaceSelector: { matchLabels: { team: change.admits } }, tools: ['*'] }] } }, { uid: `${change.name}-${change.uid}` }));
      return;
    case 'delete server':
      servers.delete(change.name);
      return;
    case 'labels':
      labels.set(change.namespace, { team: change.team });
      return;
    case 'mint':
      ledger.set(`token-${change.namespace}-${change.name}`, [{ id: change.id, sha256: change.id.repeat(8), expiresAtMs: 5 }]);
  }
}

function inputOf({ tokens, servers, labels, ledger }: Cluster): CompileInput {
  return anInput({ servers: [...servers.values()], tokens: [...tokens.values()], ledger: new Map(ledger), namespaceLabels: new Map(labels) });
}

test('whatever it remembers, a compilation says what it would say without', () => {
  fc.assert(fc.property(fc.array(edit, { maxLength: 25 }), (edits) => {
    const cluster: Cluster = { tokens: new Map(), servers: new Map(SERVERS.map((name) => [name, aServer(name)])), labels: new Map(), ledger: new Map() };
    const memory = createCompileMemory();
    for (const change of edits) {
      carryOut(change, cluster);
      const input = inputOf(cluster);
      expect(compileBundles(input, memory)).toEqual(compileBundles(input));
    }
  }), { numRuns: 300 });
});

describe('an object that is the same object', () => {
  const servers = [aServer('github')];
  const tokens = [aToken('one'), aToken('two')];
  const bundled = (input: CompileInput, memory: ReturnType<typeof createCompileMemory>) => compileBundles(input, memory).bundles[0]?.tokens;

  test('is not compiled again: the token in the bundle is the very same', () => {
    const memory = createCompileMemory();
    const before = bundled(anInput({ servers, tokens }), memory);
    const changed = aToken('two', { revoked: true });
    const after = bundled(anInput({ servers, tokens: [tokens[0] ?? changed, changed] }), memory);
    expect(after?.[0]).toBe(before?.[0]);
    expect(after?.[1]).not.toEqual(before?.[1]);
  });

  test('is compiled again when its server, its entry of the ledger or the labels of its namespace are others', () => {
    const memory = createCompileMemory();
    const before = bundled(anInput({ servers, tokens }), memory);
    const others: readonly Partial<CompileInput>[] = [
      { servers: [aServer('github')], tokens },
      { servers, tokens, ledger: new Map([['token-one', [{ id: 'aaaaaaaa', sha256: 'a', expiresAtMs: 1 }]]]) },
      { servers, tokens, namespaceLabels: new Map([['tools', { team: 'red' }]]) },
    ];
    for (const parts of others) expect(bundled(anInput(parts), memory)?.[0]).not.toBe(before?.[0]);
  });
});
