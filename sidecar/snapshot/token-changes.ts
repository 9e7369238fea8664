/** What became of the tokens between two snapshots: the events of a token's life that belong on record. Pure. */
import type { BundleToken } from '../../api/bundle.ts';
import type { Snapshot } from './snapshot.ts';

export interface TokenChange {
  readonly kind: 'token.minted' | 'token.rotated' | 'token.revoked' | 'token.expired';
  readonly uid: string;
  /** `<namespace>/<name>` of the GatewayToken. */
  readonly name: string;
  /** The generation that is new, where one is. */
  readonly generation?: string;
}

/** What a first snapshot holds is no change. A token that is gone was revoked, unless it had expired by `nowMs`. */
export function tokenChanges(previous: Snapshot | undefined, next: Snapshot, nowMs: number): readonly TokenChange[] {
  if (previous === undefined) return [];
  const before = liveTokens(previous);
  const after = liveTokens(next);
  const ended = [...before.values()].filter(({ uid }) => !after.has(uid)).map((token) => endOf(token, nowMs));
  const begun = [...after.values()].flatMap((token) => beginningsOf(before.get(token.uid), token));
  return [...ended, ...begun];
}

function liveTokens({ servers }: Snapshot): ReadonlyMap<string, BundleToken> {
  const tokens = [...servers.values()].flatMap(({ bundle }) => bundle.tokens);
  return new Map(tokens.filter(({ revoked, generations }) => !revoked && generations.length > 0).map((token) => [token.uid, token]));
}

function endOf(token: BundleToken, nowMs: number): TokenChange {
  const expired = token.generations.every(({ expiresAtMs }) => expiresAtMs <= nowMs);
  return { kind: expired ? 'token.expired' : 'token.revoked', ...named(token) };
}

function beginningsOf(before: BundleToken | undefined, token: BundleToken): readonly TokenChange[] {
  const known = new Set(before?.generations.map(({ id }) => id));
  const kind = before === undefined ? 'token.minted' : 'token.rotated';
  return token.generations.filter(({ id }) => !known.has(id)).map(({ id }) => ({ kind, ...named(token), generation: id }));
}

function named({ uid, namespace, name }: BundleToken): Pick<TokenChange, 'uid' | 'name'> {
  return { uid, name: `${namespace}/${name}` };
}
