/** What a GatewayToken that is minted here asks of the mint, cut to what the lifetime policy of its namespace allows. */
import { ROTATE_REQUESTED_AT } from '../api/annotations.ts';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { ObjectProblem } from './bundle/problem.ts';
import { problemOf } from './bundle/problem.ts';
import { unsupportedTokenFields } from './bundle/unsupported.ts';
import { parseGoDuration } from './go-duration.ts';
import { lifetimeLimit } from './lifetime-policy.ts';
import type { TokenDemand } from './token-life.ts';

const MAX_REQUEST_LENGTH = 64;

export interface DemandReading {
  /** `undefined`: nothing is minted for this token here. */
  readonly demand: TokenDemand | undefined;
  readonly problems: readonly ObjectProblem[];
}

/** `labels`: those of the token's namespace. */
export function readDemand(token: GatewayToken, labels: Readonly<Record<string, string>>, config: GatewayConfig): DemandReading {
  const { metadata, spec } = token;
  const lifetimeMs = parseGoDuration(spec.lifetime) ?? 0;
  const limit = lifetimeLimit(lifetimeMs, metadata.namespace, labels, config);
  const { request, problem } = readRequest(token);
  const problems = [
    ...(limit.problem === undefined ? [] : [problemOf(token, 'spec.lifetime', limit.problem, 'LifetimeNotAllowed')]),
    ...(problem === undefined ? [] : [problem]),
  ];
  if (spec.source.type !== 'Generated' || unsupportedTokenFields(token).length > 0) return { demand: undefined, problems };
  return { demand: demandOf(token, Math.min(lifetimeMs, limit.maxMs), request), problems };
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
