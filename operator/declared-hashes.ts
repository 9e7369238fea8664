/** Tokens that were made elsewhere, of which only a hash is declared: which of them may be in force. */
import type { LedgerToken } from '../api/ledger.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { DeclaredHash } from './ledger/ledger-index.ts';
import type { TokenName } from './ledger/ledger.ts';

export interface DeclaredHashes {
  /** Whether a bundle may hold the token; always true of one that is minted here, whose hashes are in the ledger alone. */
  admits(token: GatewayToken): boolean;
  /**
   * The hash was in force and is so no more: it was revoked, in whatever namespace, or its object was deleted in this one.
   *
   * Who deletes a token ends it in his namespace alone, so that nobody who learns a foreign hash makes it unusable by
   * declaring and deleting it. Who revokes one says that its bearer is to be trusted nowhere, and is believed only where
   * the hash was his (core/bundle/token-state.ts): against a token that is older he achieves nothing. A hash that its
   * owner has not declared yet can be used up by whoever sees it before; no token that was in force ends by that, and
   * its owner makes another.
   */
  isRetired(token: GatewayToken): boolean;
}

export interface DeclaredHashesDeps {
  readonly entryOf: (token: TokenName) => LedgerToken | undefined;
  readonly tokenOf: (token: TokenName) => GatewayToken | undefined;
  /** What the ledger knows of a hash: of tokens on record, and of those that are gone. */
  readonly declared: (sha256: string) => readonly DeclaredHash[];
}

/** Guaranteed: a token that the leader did not take on record is in force nowhere, although all that makes it so is in its object. */
export function createDeclaredHashes({ entryOf, tokenOf, declared }: DeclaredHashesDeps): DeclaredHashes {
  /** Also while its entry is there and its object is not, or is another by now: on its way to be a tombstone. */
  const isGone = ({ entry }: DeclaredHash): boolean => entry === undefined || tokenOf(entry)?.metadata.uid !== entry.uid;

  function isRetired({ metadata, spec }: GatewayToken): boolean {
    if (spec.source.type !== 'Hash' || spec.source.sha256 === undefined) return false;
    return declared(spec.source.sha256).some((each) => (each.revoked || each.namespace === metadata.namespace) && each.entry?.uid !== metadata.uid && isGone(each));
  }

  return {
    isRetired,
    admits: (token) => token.spec.source.type !== 'Hash' || (token.metadata.uid !== undefined && entryOf(token.metadata)?.uid === token.metadata.uid && !isRetired(token)),
  };
}
