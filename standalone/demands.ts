/** What each GatewayToken that is generated here asks of the mint, cut to what the lifetime policy allows. */
import { ROTATE_REQUESTED_AT } from '../api/annotations.ts';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import { unsupportedTokenFields } from '../core/bundle/unsupported.ts';
import type { ObjectProblem } from '../core/bundle/problem.ts';
import { problemOf } from '../core/bundle/problem.ts';
import { namespaceLabels } from '../core/compile-input.ts';
import { parseGoDuration } from '../core/go-duration.ts';
import { lifetimeLimit } from '../core/lifetime-policy.ts';
import type { TokenDemand } from './mint.ts';
import type { Demands } from './minter.ts';
import { tokenKey } from './token-entries.ts';

const MAX_REQUEST_LENGTH = 64;

export function deriveDemands(
  tokens: readonly GatewayToken[],
  config: GatewayConfig,
): { readonly demands: Demands; readonly problems: readonly ObjectProblem[] } {
  const demands = new Map<string, TokenDemand>();
  const problems: ObjectProblem[] = [];
  for (const token of tokens) {
    const { metadata, spec } = token;
    const lifetimeMs = parseGoDuration(spec.lifetime) ?? 0;
    const limit = lifetimeLimit(lifetimeMs, metadata.namespace, namespaceLabels(metadata.namespace), config);
    if (limit.problem !== undefined) problems.push(problemOf(token, 'spec.lifetime', limit.problem));
    const { request, problem } = readRequest(token);
    if (problem !== undefined) problems.push(problem);
    if (spec.source.type !== 'Generated' || unsupportedTokenFields(token).length > 0) continue;
    demands.set(tokenKey(metadata), demandOf(token, Math.min(lifetimeMs, limit.maxMs), request));
  }
  return { demands, problems };
}

function demandOf({ spec }: GatewayToken, lifetimeMs: number, request: string | undefined): TokenDemand {
  return {
    lifetimeMs,
    // An end that is no time would be refused by the schema; if not, it is over.
    ...(spec.expiresAt === undefined ? {} : { endsAtMs: Date.parse(spec.expiresAt) || 0 }),
    ...(spec.rotation === undefined ? {} : { rotation: rotationOf(spec.rotation) }),
    ...(request === undefined ? {} : { rotateRequest: request }),
  };
}

function rotationOf({ every, overlap }: { every: string; overlap: string }): { everyMs: number; overlapMs: number } {
  return { everyMs: parseGoDuration(every) ?? Infinity, overlapMs: parseGoDuration(overlap) ?? 0 };
}

function readRequest(token: GatewayToken): { request?: string; problem?: ObjectProblem } {
  const request = token.metadata.annotations?.[ROTATE_REQUESTED_AT];
  if (request === undefined) return {};
  if (request.length <= MAX_REQUEST_LENGTH && !Number.isNaN(Date.parse(request))) return { request };
  return { problem: problemOf(token, `metadata.annotations["${ROTATE_REQUESTED_AT}"]`, 'is not a time such as 2026-11-23T10:00:00Z') };
}
