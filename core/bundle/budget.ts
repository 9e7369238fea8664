/**
 * How much of a bundle tokens may take. A bundle goes to each sidecar as one message and lies in the memory of each pod:
 * one that grew beyond that would keep every later revocation from the server's sidecars.
 */
import type { BundleToken } from '../../api/bundle.ts';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { type ObjectProblem, problemOf } from './problem.ts';

export interface NamedToken {
  readonly token: GatewayToken;
  readonly bundled: BundleToken;
  /** Of its JSON. */
  readonly bytes: number;
}

export function namedToken(token: GatewayToken, bundled: BundleToken): NamedToken {
  return { token, bundled, bytes: Buffer.byteLength(JSON.stringify(bundled)) };
}

export interface BudgetOutcome {
  readonly kept: readonly NamedToken[];
  readonly problems: readonly ObjectProblem[];
}

/** Of one token, in bytes of JSON. A usual one takes less than 1 KiB. */
export const MAX_TOKEN_BYTES = 64 * 1024;
/** Of all tokens of one server: twice as much fits into the volume of a sidecar, which writes a new bundle beside the old one. */
export const MAX_TOKENS_BYTES = 12 * 1024 * 1024;

/** What does not fit is left out, and so denied, revoked or not. The oldest come first: nobody's new token ends an established one. */
export function keepWithinBudget(named: readonly NamedToken[]): BudgetOutcome {
  const tooLarge = named.filter(({ bytes }) => bytes > MAX_TOKEN_BYTES);
  const others = named.filter(({ bytes }) => bytes <= MAX_TOKEN_BYTES);
  const { kept, left } = share(others);
  return {
    kept,
    problems: [
      ...tooLarge.map(({ token, bytes }) => problemOf(token, 'spec', `takes ${String(bytes)} bytes, and ${String(MAX_TOKEN_BYTES)} is the most: use several tokens with fewer permissions or attributes each`)),
      ...left.map(({ token }) => problemOf(token, 'spec.permissions', `names a server whose tokens already take ${String(MAX_TOKENS_BYTES)} bytes: delete some that are no longer used`)),
    ],
  };
}

function share(tokens: readonly NamedToken[]): { readonly kept: readonly NamedToken[]; readonly left: readonly NamedToken[] } {
  let room = MAX_TOKENS_BYTES - tokens.reduce((sum, { bytes }) => sum + bytes, 0);
  if (room >= 0) return { kept: tokens, left: [] };
  const left = new Set<NamedToken>();
  for (const token of [...tokens].sort(youngestFirst)) {
    if (room >= 0) break;
    left.add(token);
    room += token.bytes;
  }
  return { kept: tokens.filter((token) => !left.has(token)), left: [...left] };
}

function youngestFirst(one: NamedToken, other: NamedToken): number {
  return ageKey(one) < ageKey(other) ? 1 : -1;
}

/** RFC 3339 in UTC and in whole seconds, as the API server writes it: in the order of time. */
function ageKey({ token, bundled }: NamedToken): string {
  return `${token.metadata.creationTimestamp ?? ''} ${bundled.uid}`;
}
