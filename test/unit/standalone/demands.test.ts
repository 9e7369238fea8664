import { expect, test } from '@jest/globals';
import { parseGatewayConfig } from '../../../manifest/gateway-config.ts';
import { createManifestLoader, EMPTY_STATE, objectsOfKind } from '../../../manifest/load.ts';
import { deriveDemands } from '../../../standalone/demands.ts';
import { aGeneratedToken, aHashToken } from '../../kit/directory-source.ts';

const HOUR = 3_600_000;
const policies = [{ name: 'short', namespaceSelector: { matchLabels: {} }, maxLifetime: '12h' }];
const CONFIG = parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true }, tokens: { lifetimePolicies: policies } }), 'gateway-config.json');
const loader = createManifestLoader();

function derive(text: string): ReturnType<typeof deriveDemands> {
  const manifest = loader.load([{ path: 'a.yaml', text }], EMPTY_STATE);
  expect(manifest.problems).toEqual([]);
  return deriveDemands(objectsOfKind(manifest, 'GatewayToken'), CONFIG);
}

test('asks for each token that is minted here, by namespace and name, and tells every problem', () => {
  const { demands, problems } = derive(`${aGeneratedToken('bot', { lifetime: '4h' })}\n---\n${aHashToken('ci')}`);
  expect(demands).toEqual(new Map([['tools/bot', { lifetimeMs: 4 * HOUR }]]));
  expect(problems).toMatchObject([{ namespace: 'tools', name: 'ci', field: 'spec.lifetime' }]);
});
