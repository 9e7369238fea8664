/** Whose a Secret's name is, where several tokens of a namespace ask for the same one. Pure. */
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import type { TokenName } from '../../ledger/ledger.ts';

export interface Claims {
  readonly entries: readonly LedgerToken[];
  /** What is on record for the token that asks. */
  readonly entry: LedgerToken | undefined;
  readonly tokenOf: (name: TokenName) => GatewayToken | undefined;
}

/**
 * Whether another token comes before this one. A name is claimed in the write that records the first generation as
 * pending, so two may have claimed it at once: whose Secret was written keeps it, otherwise the oldest object has it.
 * Both see the same, and the other gives its claim up.
 */
export function isSecretNameClaimed({ metadata, spec }: GatewayToken, { entries, entry, tokenOf }: Claims): boolean {
  const name = spec.secretRef?.name;
  if (name === undefined) return false;
  const uid = metadata.uid ?? '';
  const own = { isWritten: entry?.uid === uid && isWritten(entry), since: metadata.creationTimestamp ?? '', uid };
  return entries
    .filter((other) => other.namespace === metadata.namespace && other.secretName === name && other.uid !== uid)
    .some((other) => comesFirst({ isWritten: isWritten(other), since: sinceOf(other, tokenOf), uid: other.uid }, own));
}

/** A name that was claimed and never used is free again with the last generation. */
export function releaseUnused({ secretName, ...entry }: LedgerToken): LedgerToken {
  return secretName === undefined || entry.generations.length === 0 && entry.mintedAtMs === undefined ? entry : { ...entry, secretName };
}

interface Claim {
  readonly isWritten: boolean;
  /** RFC 3339 in UTC and in whole seconds, as the API server writes it: in the order of time. */
  readonly since: string;
  readonly uid: string;
}

function comesFirst(one: Claim, other: Claim): boolean {
  if (one.isWritten !== other.isWritten) return one.isWritten;
  return one.since === other.since ? one.uid < other.uid : one.since < other.since;
}

function isWritten({ mintedAtMs }: LedgerToken): boolean {
  return mintedAtMs !== undefined;
}

/** Of an object that is not there any more, or cannot be read, nobody knows: it keeps the name until it is forgotten. */
function sinceOf(entry: LedgerToken, tokenOf: Claims['tokenOf']): string {
  const token = tokenOf(entry);
  return token?.metadata.uid === entry.uid ? (token.metadata.creationTimestamp ?? '') : '';
}
