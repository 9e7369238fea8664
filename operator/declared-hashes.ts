/** Tokens that were made elsewhere, of which only a hash is declared: which of them may be in force. */
import type { LedgerToken } from '../api/ledger.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { TokenName } from './ledger/ledger.ts';

export interface DeclaredHashes {
  /** Whether a bundle may hold the token; always true of one that is minted here, whose hashes are in the ledger alone. */
  admits(token: GatewayToken): boolean;
}

export interface DeclaredHashesDeps {
  readonly entryOf: (token: TokenName) => LedgerToken | undefined;
}

/** Guaranteed: a token that the leader did not take on record is in force nowhere, although all that makes it so is in its object. */
export function createDeclaredHashes({ entryOf }: DeclaredHashesDeps): DeclaredHashes {
  return {
    admits: ({ metadata, spec }) => spec.source.type !== 'Hash' || (metadata.uid !== undefined && entryOf(metadata)?.uid === metadata.uid),
  };
}
