/** Tokens that were revoked or withdrawn, so that no replica that has not heard of it brings them back. Pure. */
import { BUNDLE_LIMITS } from '../../api/bundle.ts';
import type { Bundle, BundleToken } from '../../api/bundle.ts';
import { revisionOf } from '../../core/bundle/revision.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import { isNewer } from './bundle-order.ts';

export interface Tombstone {
  readonly uid: string;
  /** When the last of its generations ends: from then on nothing has to be held back. */
  readonly untilMs: number;
  /** `gone`: it was in no bundle any more, which may be for good or not. A revocation is for good. */
  readonly kind: 'revoked' | 'gone';
  /** Up to which version tokens had been seen when it went; absent where that was not said. */
  readonly position?: string;
  /** Streams whose own bundle has since been without it: what such a stream brings back is back. */
  readonly witnesses: readonly string[];
}

export type Tombstones = ReadonlyMap<string, Tombstone>;

const TOKEN_KIND = 'GatewayToken';
const MAX_WITNESSES = 16;

/** What a replica's bundle proves dead, whatever its order: a revocation is one-way. */
export function buryRevoked(tombstones: Tombstones, bundle: Bundle): Tombstones {
  const revoked = bundle.tokens.filter(({ uid, revoked }) => revoked && tombstones.get(uid)?.kind !== 'revoked');
  return withTombstones(tombstones, revoked.map((token) => ({ uid: token.uid, kind: 'revoked', untilMs: endOf(token), witnesses: [] })));
}

/** Tokens of `before` that `after`, a newer bundle, no longer holds. */
export function buryGone(tombstones: Tombstones, before: Bundle, after: Bundle): Tombstones {
  const held = new Set(after.tokens.map(({ uid }) => uid));
  const position = after.order[TOKEN_KIND];
  const gone = before.tokens.filter(({ uid }) => !held.has(uid) && !tombstones.has(uid));
  return withTombstones(
    tombstones,
    gone.map((token) => ({ uid: token.uid, kind: 'gone', untilMs: endOf(token), witnesses: [], ...(position === undefined ? {} : { position }) })),
  );
}

/** Notes that this stream's bundle is without them. */
export function witness(tombstones: Tombstones, bundle: Bundle, stream: string): Tombstones {
  const held = new Set(bundle.tokens.map(({ uid }) => uid));
  const absent = [...tombstones.values()].filter(({ uid, kind, witnesses }) => kind === 'gone' && !held.has(uid) && !witnesses.includes(stream));
  return withTombstones(tombstones, absent.map((each) => ({ ...each, witnesses: [...each.witnesses, stream].slice(-MAX_WITNESSES) })));
}

/** Lifts those that `bundle`, which is not older than what was in force, brings back on evidence. */
export function liftReturned(tombstones: Tombstones, bundle: Bundle, stream: string): Tombstones {
  const position = bundle.order[TOKEN_KIND];
  const lifted = bundle.tokens.filter(({ uid, revoked }) => {
    const tombstone = tombstones.get(uid);
    if (revoked || tombstone?.kind !== 'gone') return false;
    const hasSeenIt = position !== undefined && tombstone.position !== undefined && !isNewer(tombstone.position, position);
    return hasSeenIt || tombstone.witnesses.includes(stream);
  });
  return without(tombstones, new Set(lifted.map(({ uid }) => uid)));
}

/** Those whose tokens have ended are dropped, unless `bundle` knows of a later end. */
export function expireTombstones(tombstones: Tombstones, bundle: Bundle | undefined, nowMs: number): Tombstones {
  const ends = new Map(bundle?.tokens.map((token) => [token.uid, endOf(token)]));
  const longer = [...tombstones.values()].filter(({ uid, untilMs }) => (ends.get(uid) ?? 0) > untilMs);
  const extended = withTombstones(tombstones, longer.map((each) => ({ ...each, untilMs: ends.get(each.uid) ?? each.untilMs })));
  return without(extended, new Set([...extended.values()].flatMap(({ uid, untilMs }) => (untilMs <= nowMs ? [uid] : []))));
}

/** The bundle with what is buried marked as revoked, under a revision of its own; the same object where nothing is. */
export function withBuried(bundle: Bundle, tombstones: Tombstones, hashes: TokenHashes): Bundle {
  if (!bundle.tokens.some(({ uid, revoked }) => !revoked && tombstones.has(uid))) return bundle;
  const tokens = bundle.tokens.map((token) => (tombstones.has(token.uid) ? { ...token, revoked: true } : token));
  const held = { ...bundle, tokens };
  return { ...held, revision: revisionOf(held, hashes) };
}

function endOf({ generations }: BundleToken): number {
  return generations.reduce((end, { expiresAtMs }) => Math.max(end, expiresAtMs), 0);
}

/** At the bound the soonest to end go: what they hold back ends first. */
function withTombstones(tombstones: Tombstones, added: readonly Tombstone[]): Tombstones {
  if (added.length === 0) return tombstones;
  const all = new Map([...tombstones, ...added.map((each) => [each.uid, each] as const)]);
  if (all.size <= BUNDLE_LIMITS.tokens) return all;
  return new Map([...all].sort(([, one], [, other]) => other.untilMs - one.untilMs).slice(0, BUNDLE_LIMITS.tokens));
}

function without(tombstones: Tombstones, uids: ReadonlySet<string>): Tombstones {
  return uids.size === 0 ? tombstones : new Map([...tombstones].filter(([uid]) => !uids.has(uid)));
}
