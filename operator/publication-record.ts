/**
 * What each publication of one server's bundle changed, and which sidecars enforce it since when. A token is judged by
 * the last publication that changed it: a revocation says nothing new about the thousand tokens beside it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Bundle, BundleToken } from '../api/bundle.ts';
import type { TokenName } from './ledger/ledger.ts';

export interface TokenChange {
  /** Number of the publication. */
  readonly publication: number;
  /** The sidecars are to know nothing of the token any more. */
  readonly isDropped: boolean;
  /** Of the sidecars that were connected by then, how long the slowest took that has acknowledged. */
  readonly slowestAckMs?: number;
}

export interface Acknowledged {
  readonly podUid: string;
  readonly revision: string;
  /** Monotonic, as are the times of publications. */
  readonly atMs: number;
  readonly subscribedAtMs: number;
}

export interface PublicationRecord {
  /** Number of the publication in force; 0: there was none. */
  latest(): number;
  /** A bundle that says the same as the one in force is no publication. */
  published(bundle: Bundle, atMs: number): void;
  /** The tokens whose last change this pod enforces from now on. */
  acknowledged(acknowledged: Acknowledged): readonly TokenName[];
  /** The newest publication that the pod acknowledged. */
  heldBy(podUid: string): number | undefined;
  /** `undefined`: no publication that is remembered said anything of the token. */
  lastChange(tokenUid: string): TokenChange | undefined;
}

interface KnownToken extends TokenChange {
  readonly name: TokenName;
  readonly atMs: number;
  readonly bundled: BundleToken | undefined;
}

/** More than any sidecar can still acknowledge. */
const REMEMBERED = 64;

/** As many as one replica has streams for. A pod that is forgotten counts as one that has acknowledged nothing. */
const MOST_PODS = 10_000;

export function createPublicationRecord(): PublicationRecord {
  let inForce: string | undefined;
  let latest = 0;
  const numbers = new Map<string, number>();
  const tokens = new Map<string, KnownToken>();
  const held = new Map<string, number>();

  function noteTokens(bundle: Bundle, atMs: number): void {
    const present = new Set<string>();
    const change = { publication: latest, atMs };
    for (const token of bundle.tokens) {
      present.add(token.uid);
      const known = tokens.get(token.uid);
      const { namespace, name } = token;
      if (known?.bundled !== token && !isDeepStrictEqual(known?.bundled, token)) tokens.set(token.uid, { ...change, isDropped: false, name: { namespace, name }, bundled: token });
    }
    for (const [uid, { bundled, name, publication }] of tokens) {
      if (present.has(uid)) continue;
      if (bundled !== undefined) tokens.set(uid, { ...change, isDropped: true, name, bundled: undefined });
      else if (publication <= latest - REMEMBERED) tokens.delete(uid);
    }
  }

  return {
    latest: () => latest,
    published(bundle, atMs) {
      if (bundle.revision === inForce) return;
      inForce = bundle.revision;
      latest += 1;
      // Deleted first, so that the oldest come first.
      numbers.delete(bundle.revision);
      numbers.set(bundle.revision, latest);
      for (const oldest of [...numbers.keys()].slice(0, -REMEMBERED)) numbers.delete(oldest);
      noteTokens(bundle, atMs);
    },
    acknowledged({ podUid, revision, atMs, subscribedAtMs }) {
      const number = numbers.get(revision);
      if (number === undefined) return [];
      const before = held.get(podUid) ?? 0;
      // Deleted first, so that the pods that are gone for longest come first.
      held.delete(podUid);
      held.set(podUid, Math.max(before, number));
      for (const oldest of held.keys()) {
        if (held.size <= MOST_PODS) break;
        held.delete(oldest);
      }
      const enforced = [...tokens].filter(([, { publication }]) => publication > before && publication <= number);
      for (const [uid, known] of enforced) {
        // A sidecar that came later could not know it before.
        if (subscribedAtMs <= known.atMs) tokens.set(uid, { ...known, slowestAckMs: Math.max(known.slowestAckMs ?? 0, atMs - known.atMs) });
      }
      return enforced.map(([, { name }]) => name);
    },
    heldBy: (podUid) => held.get(podUid),
    lastChange: (tokenUid) => tokens.get(tokenUid),
  };
}
