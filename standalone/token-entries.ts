/**
 * Brings the ledger in line with the GatewayTokens that exist: an entry for each, none for those that are gone. Pure;
 * what is random or depends on time comes in.
 */
import type { Ledger, LedgerToken } from '../api/ledger.ts';

/** What the ledger needs to know of a GatewayToken. */
export interface ObservedToken {
  readonly namespace: string;
  readonly name: string;
  readonly revoked: boolean;
  /** `spec.secretRef.name` of a token that is minted here. */
  readonly secretName?: string;
}

export interface ObserveOptions {
  readonly nowMs: number;
  readonly newUid: () => string;
  /** Whether the absence of this token (`<namespace>/<name>`) is known to be a deletion. */
  readonly isDeleted: (key: string) => boolean;
  /** Whether somebody else already has a Secret of this name. */
  readonly isTaken: (namespace: string, secretName: string) => boolean;
}

export interface ObservedLedger {
  readonly tokens: readonly LedgerToken[];
  /** Entries that are no longer in it. */
  readonly forgotten: readonly LedgerToken[];
  /** `<namespace>/<name>` of the tokens whose Secret name belongs to another. */
  readonly nameTaken: ReadonlySet<string>;
}

export function tokenKey(token: { readonly namespace: string; readonly name: string }): string {
  return `${token.namespace}/${token.name}`;
}

export function observeTokens(ledger: Ledger, observed: readonly ObservedToken[], options: ObserveOptions): ObservedLedger {
  const wanted = new Map(observed.map((token) => [tokenKey(token), token]));
  const isKept = (entry: LedgerToken): boolean => wanted.has(tokenKey(entry)) || !options.isDeleted(tokenKey(entry));
  const known = new Set(ledger.tokens.map(tokenKey));
  const kept = ledger.tokens.filter(isKept).map((entry) => noteRevocation(entry, wanted.get(tokenKey(entry))));
  const added = observed.filter((token) => !known.has(tokenKey(token))).map((token) => newEntry(token, options));
  const nameTaken = new Set<string>();
  // An entry that owns its name comes first, then the older one, then the one whose name sorts first.
  const owners = new Map(kept.flatMap((entry) => (entry.secretName === undefined ? [] : [[secretKey(entry, entry.secretName), entry.uid]])));
  const claimants = [...kept, ...added].sort((a, b) => a.firstSeenMs - b.firstSeenMs || (tokenKey(a) < tokenKey(b) ? -1 : 1));
  const claimed = new Map<string, LedgerToken>();
  for (const entry of claimants) {
    const name = wanted.get(tokenKey(entry))?.secretName;
    if (name === undefined || entry.secretName === name) continue;
    if (owners.has(secretKey(entry, name)) || options.isTaken(entry.namespace, name)) {
      nameTaken.add(tokenKey(entry));
      continue;
    }
    owners.set(secretKey(entry, name), entry.uid);
    claimed.set(entry.uid, { ...entry, secretName: name });
  }
  const tokens = [...kept, ...added].map((entry) => claimed.get(entry.uid) ?? entry);
  return { tokens, forgotten: ledger.tokens.filter((entry) => !isKept(entry)), nameTaken };
}

function secretKey(entry: LedgerToken, secretName: string): string {
  return `${entry.namespace}/${secretName}`;
}

function newEntry(token: ObservedToken, { nowMs, newUid }: ObserveOptions): LedgerToken {
  const { namespace, name, revoked } = token;
  return { namespace, name, uid: newUid(), firstSeenMs: nowMs, revoked, generations: [] };
}

function noteRevocation(entry: LedgerToken, token: ObservedToken | undefined): LedgerToken {
  return token?.revoked === true && !entry.revoked ? { ...entry, revoked: true } : entry;
}
