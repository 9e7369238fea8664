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

/** By the object, with the entry of the ledger that it was read with. */
export type StateMemory = WeakMap<GatewayToken, { readonly minted: readonly BundleGeneration[] | undefined; readonly state: TokenState }>;

/**
 * Guarantees that no generation id and no hash belongs to two entries that are both without a problem. Looks at no
 * clock: an expired generation is still a generation.
 */
export function readTokenStates(input: TokenInput, memory: StateMemory = new WeakMap()): readonly TokenState[] {
  const states = input.tokens.map((token) => rememberedState(token, input, memory));
  const shared = sharedKeys(states);
  if (shared.size === 0) return states;
  const owners = keyOwners(states, shared);
  return states.map((state) => {
    const lost = state.generations.flatMap(keysOf).filter((key) => shared.has(key) && owners.get(key) !== state.token);
    if (lost.length === 0) return state;
    const isOwned = lost.some((key) => owners.get(key) !== undefined);
    const message = isOwned ? 'is also that of another GatewayToken, which was there first' : 'is also that of another GatewayToken: neither is accepted';
    const problems = [...state.problems, problemOf(state.token, generationField(state.token), message)];
    // A revocation is in a bundle whatever is wrong with its object: it must not be one of the other's generation.
    const generations = state.generations.filter((each) => keysOf(each).every((key) => !lost.includes(key) || owners.get(key) === undefined));
    return { ...state, generations, problems };
  });
}

function rememberedState(token: GatewayToken, input: TokenInput, memory: StateMemory): TokenState {
  const minted = input.ledger.get(token.metadata.uid ?? '');
  const known = memory.get(token);
  if (known !== undefined && known.minted === minted) return known.state;
  const state = readTokenState(token, input);
  memory.set(token, { minted, state });
  return state;
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

/** The ids and hashes that more than one generation has: usually none. */
function sharedKeys(states: readonly TokenState[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const key of states.flatMap(({ generations }) => generations.flatMap(keysOf))) {
    if (seen.has(key)) shared.add(key);
    seen.add(key);
  }
  return shared;
}

/**
 * Whose each id and each hash is; `undefined`: nobody's. Neither is a secret to everybody: whoever declares another's must
 * not be able to end the other's token by it, nor by revoking or deleting his own later. So each stays with who was first,
 * where that is known; what was minted here was never anybody else's. Who declares a foreign hash first gains nothing: it
 * stands for one credential, which he does not have, and its bearer gets what the declaring token grants, on servers that
 * admit it. Where two were first nobody can say which of them the credential stands for.
 */
function keyOwners(states: readonly TokenState[], shared: ReadonlySet<string>): ReadonlyMap<string, GatewayToken | undefined> {
  const holders = Map.groupBy(
    states.flatMap(({ token, generations }) => generations.flatMap(keysOf).filter((key) => shared.has(key)).map((key) => ({ key, token }))),
    ({ key }) => key,
  );
  return new Map([...holders].map(([key, all]) => [key, ownerOf(all.map(({ token }) => token))]));
}

function ownerOf(holders: readonly GatewayToken[]): GatewayToken | undefined {
  const firstMs = Math.min(...holders.map(heldSinceMs));
  const first = holders.filter((token) => heldSinceMs(token) === firstMs);
  return first.length === 1 ? first[0] : undefined;
}

function heldSinceMs({ metadata, spec }: GatewayToken): number {
  if (spec.source.type !== 'Hash') return -Infinity;
  return metadata.creationTimestamp === undefined ? Infinity : Date.parse(metadata.creationTimestamp);
}

function keysOf({ id, sha256 }: BundleGeneration): readonly string[] {
  return [`id ${id}`, `sha256 ${sha256}`];
}

function generationField(token: GatewayToken): string {
  return token.spec.source.type === 'Hash' ? 'spec.source' : 'metadata.uid';
}
