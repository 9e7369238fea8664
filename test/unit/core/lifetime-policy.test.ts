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

interface Example {
  readonly what: string;
  readonly hours: number;
  readonly namespace: string;
  readonly config: GatewayConfig;
  readonly limit: { readonly hours: number; readonly problem?: string };
}

const EXAMPLES: readonly Example[] = [
  { what: 'the first policy that selects the namespace', hours: 24, namespace: 'ci', config: CONFIG, limit: { hours: 24 } },
  { what: 'the next where the first does not', hours: 168, namespace: 'tools', config: CONFIG, limit: { hours: 168 } },
  { what: '720h where none does', hours: 720, namespace: 'tools', config: aConfig(), limit: { hours: 720 } },
  {
    what: 'F15: no more than the policy allows, and names it',
    hours: 25,
    namespace: 'ci',
    config: CONFIG,
    limit: { hours: 24, problem: 'is longer than the lifetime policy ci allows; 24h applies' },
  },
  {
    what: 'no more than the default allows',
    hours: 721,
    namespace: 'tools',
    config: aConfig(),
    limit: { hours: 720, problem: 'is longer than the default allows; 720h applies' },
  },
  {
    what: 'a complaint about less than the policy asks for',
    hours: 0.5,
    namespace: 'ci',
    config: CONFIG,
    limit: { hours: 24, problem: 'is shorter than the lifetime policy ci asks for, 1h' },
  },
];

test.each(EXAMPLES)('gives $what', ({ hours, namespace, config, limit }) => {
  const { hours: maxHours, ...problem } = limit;
  expect(lifetimeLimit(hours * HOUR, namespace, { 'kubernetes.io/metadata.name': namespace }, config)).toEqual({ maxMs: maxHours * HOUR, ...problem });
});
