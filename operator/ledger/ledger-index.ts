/** Entries of a shard by what they are looked up for, made once for each state of it. */
import type { Ledger, LedgerToken } from '../../api/ledger.ts';
import type { LedgerShard } from './shards.ts';

/** A hash that is or was in force, and how it ended. */
export interface DeclaredHash {
  readonly namespace: string;
  readonly revoked: boolean;
  /** Absent: the token is gone, and nothing else is known of it. */
  readonly entry?: LedgerToken;
}

export interface LedgerIndex {
  /** By `nameOf`. */
  readonly byName: ReadonlyMap<string, LedgerToken>;
  /** Tokens of each namespace. */
  readonly countIn: ReadonlyMap<string, number>;
  /** By the hash. */
  readonly declared: ReadonlyMap<string, readonly DeclaredHash[]>;
}

export interface IndexedShard {
  readonly name: string;
  readonly index: LedgerIndex;
}

/** A shard that has not changed is not read again, and neither is a list of them: each bundle asks for each token. */
export function createLedgerIndexes(): (shards: readonly LedgerShard[]) => readonly IndexedShard[] {
  const indexes = new WeakMap<Ledger, LedgerIndex>();
  const lists = new WeakMap<readonly LedgerShard[], readonly IndexedShard[]>();

  function indexOf(ledger: Ledger): LedgerIndex {
    const index = indexes.get(ledger) ?? indexed(ledger);
    indexes.set(ledger, index);
    return index;
  }

  return (shards) => {
    const list = lists.get(shards) ?? shards.map(({ name, ledger }) => ({ name, index: indexOf(ledger) }));
    lists.set(shards, list);
    return list;
  };
}

export function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function indexed({ tokens, tombstones = [] }: Ledger): LedgerIndex {
  const countIn = new Map<string, number>();
  for (const { namespace } of tokens) countIn.set(namespace, (countIn.get(namespace) ?? 0) + 1);
  const declared = new Map<string, DeclaredHash[]>();
  const add = (sha256: string, hash: DeclaredHash): void => void declared.set(sha256, [...(declared.get(sha256) ?? []), hash]);
  for (const { sha256, namespace, revoked } of tombstones) add(sha256, { namespace, revoked });
  for (const entry of tokens) if (entry.declaredSha256 !== undefined) add(entry.declaredSha256, { namespace: entry.namespace, revoked: entry.revoked, entry });
  return { byName: new Map(tokens.map((each) => [nameOf(each), each])), countIn, declared };
}
