/** Servers and tokens as the tests of the bundle compiler want to say them. */
import type { GatewayToken, GatewayTokenSpec, MCPServer, MCPServerSpec, ObjectMeta } from '../../../../api/v1alpha1/index.ts';
import type { CompileInput } from '../../../../core/bundle/compile.ts';

export function aServer(name: string, spec: Partial<MCPServerSpec> = {}, metadata: Partial<ObjectMeta> = {}): MCPServer {
  return {
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'MCPServer',
    metadata: { namespace: 'tools', name, uid: `server-${name}`, generation: 2, resourceVersion: '10', ...metadata },
    spec: { upstream: { port: 3000, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked' }, authentication: { gatewayTokens: { bearer: true } }, ...spec },
  };
}

export const SHA = 'a'.repeat(64);

export function aToken(name: string, spec: Partial<GatewayTokenSpec> = {}, metadata: Partial<ObjectMeta> = {}): GatewayToken {
  return {
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'GatewayToken',
    metadata: { namespace: 'tools', name, uid: `token-${name}`, resourceVersion: '20', ...metadata },
    spec: {
      type: 'Bearer',
      source: { type: 'Generated' },
      identity: { user: name },
      permissions: [{ serverRefs: [{ name: 'github' }], tools: ['get_*'] }],
      lifetime: '24h',
      binding: 'None',
      revoked: false,
      ...spec,
    },
  };
}

export function anInput(parts: Partial<CompileInput>): CompileInput {
  const servers = parts.servers ?? [];
  return {
    servers,
    tokens: [],
    ledger: new Map(),
    namespaceLabels: new Map(),
    sessionKeys: new Map(servers.map(({ metadata }) => [metadata.uid ?? '', 'a2V5'])),
    maxStalenessMs: 900_000,
    peerAuthorities: [],
    defaultAddress: { path: ({ metadata }) => `/${metadata.namespace}/${metadata.name}/mcp`, isOwn: false },
    ...parts,
  };
}
