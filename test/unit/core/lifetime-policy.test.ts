import { expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../api/gateway-config.gen.ts';
import { lifetimeLimit } from '../../../core/lifetime-policy.ts';
import { parseGatewayConfig } from '../../../manifest/gateway-config.ts';

const HOUR = 3_600_000;
const policy = (name: string, matchLabels: Record<string, string>, maxLifetime: string): object => ({ name, namespaceSelector: { matchLabels }, minLifetime: '1h', maxLifetime });

function aConfig(...lifetimePolicies: readonly object[]): GatewayConfig {
  return parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true }, tokens: { lifetimePolicies } }), 'gateway-config.json');
}

const CONFIG = aConfig(policy('ci', { 'kubernetes.io/metadata.name': 'ci' }, '24h'), policy('rest', {}, '168h'));

test.each<[string, number, string, GatewayConfig, number, string | undefined]>([
  ['the first policy that selects the namespace', 24, 'ci', CONFIG, 24, undefined],
  ['the next where the first does not', 168, 'tools', CONFIG, 168, undefined],
  ['720h where none does', 720, 'tools', aConfig(), 720, undefined],
  ['F15: no more than the policy allows, and names it', 25, 'ci', CONFIG, 24, 'is longer than the lifetime policy ci allows; 24h applies'],
  ['no more than the default allows', 721, 'tools', aConfig(), 720, 'is longer than the default allows; 720h applies'],
  ['a complaint about less than the policy asks for', 0.5, 'ci', CONFIG, 24, 'is shorter than the lifetime policy ci asks for, 1h'],
])('gives %s', (_title, hours, namespace, config, maxHours, problem) => {
  const limit = lifetimeLimit(hours * HOUR, namespace, { 'kubernetes.io/metadata.name': namespace }, config);
  expect(limit).toEqual({ maxMs: maxHours * HOUR, ...(problem === undefined ? {} : { problem }) });
});
