/** How long a generation of a gateway token may live, by the first lifetime policy that selects its namespace. */
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import { selectsNamespace } from './bundle/namespace-selector.ts';
import { parseGoDuration } from './go-duration.ts';

export interface LifetimeLimit {
  readonly maxMs: number;
  /** What is wrong with the lifetime asked for; a longer one than is allowed is shortened, never granted. */
  readonly problem?: string;
}

/** Where no policy selects the namespace. */
const DEFAULT_MAX = '720h';

export function lifetimeLimit(
  lifetimeMs: number,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  config: GatewayConfig,
): LifetimeLimit {
  const policy = config.tokens.lifetimePolicies.find(({ namespaceSelector }) => selectsNamespace(namespaceSelector, namespace, labels));
  const max = policy?.maxLifetime ?? DEFAULT_MAX;
  const source = policy === undefined ? 'the default' : `the lifetime policy ${policy.name}`;
  // A policy that cannot be read allows nothing; the configuration schema should have refused it.
  const maxMs = parseGoDuration(max) ?? 0;
  if (lifetimeMs > maxMs) return { maxMs, problem: `is longer than ${source} allows; ${max} applies` };
  const min = policy?.minLifetime ?? '0s';
  if (lifetimeMs < (parseGoDuration(min) ?? 0)) return { maxMs, problem: `is shorter than ${source} asks for, ${min}` };
  return { maxMs };
}
