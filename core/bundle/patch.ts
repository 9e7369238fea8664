/** The difference between two bundles of one server, small enough to be sent for every change. Pure. */
import type { Bundle, BundleMembers, BundleOrder, BundleToken } from '../../api/bundle.ts';
import type { BundlePatch } from '../../api/bundle-stream.ts';
import { byUid, canonicalJson, hashCanonical, revisionOf } from './revision.ts';
import type { TokenHashes } from './revision.ts';

/** Why a patch was not applied. What is to be done about it is always the same: ask for the whole bundle. */
export class PatchError extends Error {}

/** `applyPatch(from, diffBundles(from, to))` equals `to`, but for the order of tokens, which is by uid afterwards. */
export function diffBundles(from: Bundle, to: Bundle, hashes: TokenHashes = new WeakMap()): BundlePatch {
  const had = new Map(from.tokens.map((token) => [token.uid, token]));
  const has = new Set(to.tokens.map(({ uid }) => uid));
  return {
    from: from.revision,
    to: to.revision,
    order: {
      set: Object.fromEntries(Object.entries(to.order).filter(([key, version]) => from.order[key] !== version)),
      remove: Object.keys(from.order).filter((key) => !Object.hasOwn(to.order, key)),
    },
    tokens: {
      upsert: to.tokens.filter((token) => !isSame(had.get(token.uid), token, hashes)),
      remove: from.tokens.flatMap(({ uid }) => (has.has(uid) ? [] : [uid])),
    },
    members: changedMembers(from, to),
  };
}

/**
 * Guarantees that the result has the revision that the patch says, recomputed here. Throws a PatchError if `bundle` is
 * not what the patch was made from, or if the result is another one; `bundle` itself is never changed.
 */
export function applyPatch(bundle: Bundle, patch: BundlePatch, hashes: TokenHashes = new WeakMap()): Bundle {
  if (bundle.revision !== patch.from) throw new PatchError('the patch is for another revision');
  const dropped = new Set([...patch.tokens.remove, ...patch.tokens.upsert.map(({ uid }) => uid)]);
  const kept = bundle.tokens.filter(({ uid }) => !dropped.has(uid));
  const tokens = [...kept, ...patch.tokens.upsert].sort(byUid);
  const next = { ...bundle, ...patch.members, tokens, order: patchOrder(bundle.order, patch.order), revision: patch.to };
  if (revisionOf(next, hashes) !== patch.to) throw new PatchError('the patched bundle is not the one that was meant');
  return next;
}

function isSame(had: BundleToken | undefined, token: BundleToken, hashes: TokenHashes): boolean {
  if (had === undefined || had === token) return had === token;
  const [before, after] = [had, token].map((each) => hashes.get(each) ?? hashCanonical(each));
  return before === after;
}

function changedMembers(from: Bundle, to: Bundle): BundleMembers {
  const differs = (name: keyof BundleMembers): boolean => canonicalJson(from[name]) !== canonicalJson(to[name]);
  return {
    ...(differs('server') ? { server: to.server } : {}),
    ...(differs('endpoints') ? { endpoints: to.endpoints } : {}),
    ...(differs('upstream') ? { upstream: to.upstream } : {}),
    ...(differs('authentication') ? { authentication: to.authentication } : {}),
    ...(differs('rules') ? { rules: to.rules } : {}),
    ...(differs('forwardedAttributes') ? { forwardedAttributes: to.forwardedAttributes } : {}),
    ...(differs('sessionKey') ? { sessionKey: to.sessionKey } : {}),
    ...(differs('maxStalenessMs') ? { maxStalenessMs: to.maxStalenessMs } : {}),
    ...(differs('peerAuthorities') ? { peerAuthorities: to.peerAuthorities } : {}),
  };
}

function patchOrder(order: BundleOrder, { set, remove }: BundlePatch['order']): BundleOrder {
  const removed = new Set(remove);
  return Object.fromEntries([...Object.entries(order).filter(([key]) => !removed.has(key)), ...Object.entries(set)]);
}
