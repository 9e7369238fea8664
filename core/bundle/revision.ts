/**
 * The revision of a bundle: a hash that is equal exactly when the bundles say the same. Tokens are hashed one by one, so
 * that a bundle of ten thousand with one changed costs one token and a list of hashes.
 */
import { hash } from 'node:crypto';
import type { Bundle, BundleToken } from '../../api/bundle.ts';

/** What a revision is of: a bundle without what is derived from it. */
export type BundleContent = Omit<Bundle, 'revision' | 'order'>;

/** Remembers hashes by identity of the token: its owner never changes a token in place. */
export type TokenHashes = WeakMap<BundleToken, string>;

/**
 * SHA-256 (hex) over the canonical JSON of the content, in which `tokens` is the list of the tokens' hashes, by uid.
 * Guarantees: does not depend on the order of keys or of tokens, on `revision`, on `order` or on `hashes`; other lists
 * keep their order.
 */
export function revisionOf(content: BundleContent, hashes: TokenHashes = new WeakMap()): string {
  const { format, server, endpoints, upstream, authentication, rules, forwardedAttributes, sessionKey, maxStalenessMs, peerAuthorities } = content;
  const tokens = [...content.tokens].sort(byUid).map((token) => hashOf(token, hashes));
  return hashCanonical({ format, server, endpoints, upstream, authentication, rules, forwardedAttributes, sessionKey, maxStalenessMs, peerAuthorities, tokens });
}

/** The order of tokens in a bundle. */
export function byUid(one: BundleToken, other: BundleToken): number {
  if (one.uid === other.uid) return 0;
  return one.uid < other.uid ? -1 : 1;
}

/** SHA-256 (hex) over the JSON of `value` with the keys of every object sorted. Lists keep their order. */
export function hashCanonical(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}

export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys) ?? 'null';
}

function hashOf(token: BundleToken, hashes: TokenHashes): string {
  const known = hashes.get(token);
  if (known !== undefined) return known;
  const made = hashCanonical(token);
  hashes.set(token, made);
  return made;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // Entries, not assignment: a key named __proto__ stays a key.
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
