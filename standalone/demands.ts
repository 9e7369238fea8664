/** What each GatewayToken of the directory that is minted here asks of the mint. */
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../core/bundle/problem.ts';
import { namespaceLabels } from '../core/compile-input.ts';
import { readDemand } from '../core/token-demand.ts';
import type { TokenDemand } from '../core/token-life.ts';
import type { Demands } from './minter.ts';
import { tokenKey } from './token-entries.ts';

export function deriveDemands(
  tokens: readonly GatewayToken[],
  config: GatewayConfig,
): { readonly demands: Demands; readonly problems: readonly ObjectProblem[] } {
  const demands = new Map<string, TokenDemand>();
  const problems: ObjectProblem[] = [];
  for (const token of tokens) {
    const { metadata } = token;
    const reading = readDemand(token, namespaceLabels(metadata.namespace), config);
    problems.push(...reading.problems);
    if (reading.demand !== undefined) demands.set(tokenKey(metadata), reading.demand);
  }
  return { demands, problems };
}
