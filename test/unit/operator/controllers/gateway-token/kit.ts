/** GatewayTokens and ledger entries as the controller's tests want to say them. */
import type { LedgerGeneration, LedgerToken } from '../../../../../api/ledger.ts';
import type { GatewayToken } from '../../../../../api/v1alpha1/index.ts';
import { readDemand } from '../../../../../core/token-demand.ts';
import { parseGatewayConfig } from '../../../../../manifest/gateway-config.ts';
import type { TokenFacts } from '../../../../../operator/controllers/gateway-token/observe.ts';

export const HOUR = 3_600_000;
export const NOW = Date.parse('2026-06-01T00:00:00Z');
const CONFIG = parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true } }), 'gateway-config.json');

export function aToken(spec: Partial<GatewayToken['spec']> = {}, metadata: Partial<GatewayToken['metadata']> = {}): GatewayToken {
  return {
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'GatewayToken',
    metadata: { namespace: 'tools', name: 'ci', uid: 'u1', generation: 4, ...metadata },
    spec: {
      type: 'Bearer', source: { type: 'Generated' }, identity: { user: 'ci' }, permissions: [], lifetime: '24h', binding: 'None', revoked: false,
      secretRef: { name: 'ci-token' }, ...spec,
    },
  };
}

export function aGeneration(id: string, state: LedgerGeneration['state'], over: Partial<LedgerGeneration> = {}): LedgerGeneration {
  return { id: id.padEnd(8, '0'), sha256: id.padEnd(64, '0'), issuedAtMs: NOW - HOUR, expiresAtMs: NOW + 23 * HOUR, state, ...over };
}

export function anEntry(over: Partial<LedgerToken> = {}): LedgerToken {
  return { namespace: 'tools', name: 'ci', uid: 'u1', firstSeenMs: NOW - HOUR, revoked: false, generations: [], ...over };
}

export function minted(over: Partial<LedgerToken> = {}): LedgerToken {
  return anEntry({ mintedAtMs: NOW - HOUR, secretName: 'ci-token', generations: [aGeneration('a', 'Current')], ...over });
}

export function facts(over: Partial<TokenFacts> = {}): TokenFacts {
  const token = 'token' in over ? over.token : aToken();
  return {
    name: { namespace: 'tools', name: 'ci' },
    entry: minted(),
    problems: [],
    refusal: undefined,
    isSecretNameTaken: false,
    nameRetryMs: undefined,
    secretRefusal: undefined,
    held: undefined,
    heldForMs: 0,
    enforcement: { sidecars: 0, enforcing: 0, isSettling: false },
    nowMs: NOW,
    ...over,
    token,
    demand: 'demand' in over || token === undefined ? over.demand : readDemand(token, {}, CONFIG).demand,
  };
}
