import { expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import { summarizeToken } from '../../../cli/token-summary.ts';

const NOW = 1000;
const GENERATION = { id: 'k7Qd2mXa', sha256: 'a'.repeat(64), issuedAtMs: 0, expiresAtMs: 5000, state: 'Current' } as const;

function aToken(spec: Partial<GatewayToken['spec']> = {}): GatewayToken {
  const base = { type: 'Bearer', source: { type: 'Generated' }, identity: { user: 'u' }, permissions: [], lifetime: '1h', binding: 'None', revoked: false } as const;
  return { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', metadata: { name: 'ci', namespace: 'tools' }, spec: { ...base, ...spec } };
}

function anEntry(overrides: Partial<LedgerToken> = {}): LedgerToken {
  return { namespace: 'tools', name: 'ci', uid: 'u', firstSeenMs: 0, revoked: false, generations: [], ...overrides };
}

const end = (milliseconds: number): { expiresAt: string } => ({ expiresAt: new Date(milliseconds).toISOString() });

test.each<[string, GatewayToken, LedgerToken | undefined, object]>([
  ['revoked by its file', aToken({ revoked: true }), undefined, { state: 'Revoked' }],
  ['revoked by the ledger', aToken(), anEntry({ revoked: true }), { state: 'Revoked' }],
  ['expired at the very moment of its end', aToken(end(NOW)), anEntry(), { state: 'Expired', expiresAtMs: NOW }],
  ['active until its end', aToken({ source: { type: 'Hash' }, ...end(NOW + 1) }), undefined, { state: 'Active', expiresAtMs: NOW + 1 }],
  ['active until its generation ends', aToken(), anEntry({ mintedAtMs: 0, generations: [GENERATION] }), { state: 'Active', expiresAtMs: 5000 }],
  ['pending before it was minted', aToken(), anEntry(), { state: 'Pending' }],
  ['expired when its generation is gone', aToken(), anEntry({ mintedAtMs: 0 }), { state: 'Expired' }],
  ['unknown without a ledger', aToken(), undefined, { state: 'Unknown' }],
])('a token is %s', (_title, token, entry, summary) => {
  expect(summarizeToken(token, entry, NOW)).toEqual(summary);
});
