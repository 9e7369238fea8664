import { expect, test } from '@jest/globals';
import { ROTATE_REQUESTED_AT } from '../../../api/annotations.ts';
import { parseGatewayConfig } from '../../../manifest/gateway-config.ts';
import { createManifestLoader, EMPTY_STATE, objectsOfKind } from '../../../manifest/load.ts';
import { readDemand } from '../../../core/token-demand.ts';
import type { DemandReading } from '../../../core/token-demand.ts';
import { aGeneratedToken, aHashToken } from '../../kit/directory-source.ts';

const HOUR = 3_600_000;
const policies = [{ name: 'short', namespaceSelector: { matchLabels: {} }, maxLifetime: '12h' }];
const CONFIG = parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true }, tokens: { lifetimePolicies: policies } }), 'gateway-config.json');
const loader = createManifestLoader();

function derive(text: string): DemandReading {
  const manifest = loader.load([{ path: 'a.yaml', text }], EMPTY_STATE);
  expect(manifest.problems).toEqual([]);
  const [token] = objectsOfKind(manifest, 'GatewayToken');
  if (token === undefined) throw new Error('no token');
  return readDemand(token, {}, CONFIG);
}

test('asks for what the token says', () => {
  const text = aGeneratedToken('bot', { lifetime: '4h', expiresAt: '2099-01-01T00:00:00Z', rotation: { every: '2h', overlap: '30m' } }, { [ROTATE_REQUESTED_AT]: '2026-11-23T10:00:00Z' });
  expect(derive(text)).toEqual({
    demand: { lifetimeMs: 4 * HOUR, endsAtMs: Date.parse('2099-01-01T00:00:00Z'), rotation: { everyMs: 2 * HOUR, overlapMs: HOUR / 2 }, rotateRequest: '2026-11-23T10:00:00Z' },
    problems: [],
  });
});

test('F15: cuts a lifetime to what the policy allows, and names the field', () => {
  const { demand, problems } = derive(aGeneratedToken('bot', { lifetime: '24h' }));
  expect(demand).toEqual({ lifetimeMs: 12 * HOUR });
  expect(problems).toEqual([{ kind: 'GatewayToken', namespace: 'tools', name: 'bot', field: 'spec.lifetime', problem: 'is longer than the lifetime policy short allows; 12h applies', reason: 'LifetimeNotAllowed' }]);
});

test('asks nothing for a token made elsewhere, or of a type that is not supported', () => {
  expect(derive(aHashToken('ci')).demand).toBeUndefined();
  expect(derive(aGeneratedToken('cert', { type: 'ClientCertificate' })).demand).toBeUndefined();
});

test('takes no request that is not a time', () => {
  const { demand, problems } = derive(aGeneratedToken('bot', { lifetime: '1h' }, { [ROTATE_REQUESTED_AT]: 'now' }));
  expect(demand?.rotateRequest).toBeUndefined();
  expect(problems).toMatchObject([{ field: `metadata.annotations["${ROTATE_REQUESTED_AT}"]`, problem: 'is not a time such as 2026-11-23T10:00:00Z' }]);
});
