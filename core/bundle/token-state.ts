/** The life of each GatewayToken as far as objects and ledger tell: revoked, at fault, and its generations. */
import type { BundleGeneration } from '../../api/bundle.ts';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { type ObjectProblem, problemOf } from './problem.ts';
import { unsupportedTokenFields } from './unsupported.ts';

type Generations = ReadonlyMap<string, readonly BundleGeneration[]>;

export interface TokenInput {
  readonly tokens: readonly GatewayToken[];
  /** Generations of minted tokens, by UID of the GatewayToken. */
  readonly ledger: Generations;
}

export interface TokenState {
  readonly token: GatewayToken;
  readonly revoked: boolean;
  /** With the end of the whole grant applied. */
  readonly generations: readonly BundleGeneration[];
  readonly problems: readonly ObjectProblem[];
}

/**
 * Guarantees that no generation id and no hash belongs to two entries that are both without a problem. Looks at no
 * clock: an expired generation is still a generation.
 */
export function readTokenStates(input: TokenInput): readonly TokenState[] {
  const states = input.tokens.map((token) => readTokenState(token, input));
  const shared = sharedKeys(states);
  return states.map((state) => {
    if (!state.generations.some((generation) => keysOf(generation).some((key) => shared.has(key)))) return state;
    const problem = problemOf(state.token, generationField(state.token), 'is also that of another GatewayToken: neither is accepted');
    return { ...state, problems: [...state.problems, problem] };
  });
}

function readTokenState(token: GatewayToken, input: TokenInput): TokenState {
  const { metadata, spec } = token;
  const problems = [...unsupportedTokenFields(token)];
  if (metadata.uid === undefined) problems.push(problemOf(token, 'metadata.uid', 'is missing'));
  const endMs = spec.expiresAt === undefined ? Infinity : Date.parse(spec.expiresAt);
  if (Number.isNaN(endMs)) problems.push(problemOf(token, 'spec.expiresAt', 'is not a time'));
  if (spec.source.type === 'Hash') problems.push(...hashProblems(token));
  return {
    token,
    // Deletion is seen before it is done: from then on the token is dead.
    revoked: spec.revoked || metadata.deletionTimestamp !== undefined,
    generations: generationsOf(token, input.ledger, endMs),
    problems,
  };
}

function hashProblems(token: GatewayToken): readonly ObjectProblem[] {
  const { source, expiresAt } = token.spec;
  const problems: ObjectProblem[] = [];
  if (expiresAt === undefined) problems.push(problemOf(token, 'spec.expiresAt', 'is required with source Hash: nothing else ends such a token'));
  if (source.id === undefined) problems.push(problemOf(token, 'spec.source.id', 'is required with source Hash'));
  if (source.sha256 === undefined) problems.push(problemOf(token, 'spec.source.sha256', 'is required with source Hash'));
  return problems;
}

function generationsOf(token: GatewayToken, ledger: Generations, endMs: number): readonly BundleGeneration[] {
  const { metadata, spec } = token;
  if (spec.source.type === 'Hash') {
    const { id, sha256 } = spec.source;
    // Without an end it has a problem; as a revoked token it needs one all the same.
    const expiresAtMs = Number.isFinite(endMs) ? endMs : 0;
    return id === undefined || sha256 === undefined ? [] : [{ id, sha256, expiresAtMs }];
  }
  const minted = metadata.uid === undefined ? [] : (ledger.get(metadata.uid) ?? []);
  return minted
    .map(({ id, sha256, expiresAtMs }) => ({ id, sha256, expiresAtMs: Number.isNaN(endMs) ? 0 : Math.min(expiresAtMs, endMs) }))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

function sharedKeys(states: readonly TokenState[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const key of states.flatMap((state) => state.generations.flatMap(keysOf))) {
    if (seen.has(key)) shared.add(key);
    seen.add(key);
  }
  return shared;
}

function keysOf({ id, sha256 }: BundleGeneration): readonly string[] {
  return [`id ${id}`, `sha256 ${sha256}`];
}

function generationField(token: GatewayToken): string {
  return token.spec.source.type === 'Hash' ? 'spec.source' : 'metadata.uid';
}
