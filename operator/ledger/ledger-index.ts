/** Entries of a shard by what they are looked up for, made once for each state of it. */
import type { Ledger, LedgerToken } from '../../api/ledger.ts';

export interface LedgerIndex {
  /** By `nameOf`. */
  readonly byName: ReadonlyMap<string, LedgerToken>;
  /** Tokens of each namespace. */
  readonly countIn: ReadonlyMap<string, number>;
}

export function createLedgerIndexes(): (ledger: Ledger) => LedgerIndex {
  const indexes = new WeakMap<Ledger, LedgerIndex>();
  return (ledger) => {
    const known = indexes.get(ledger);
    if (known !== undefined) return known;
    const made = indexed(ledger);
    indexes.set(ledger, made);
    return made;
  };
}

export function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function indexed({ tokens }: Ledger): LedgerIndex {
  const countIn = new Map<string, number>();
  for (const { namespace } of tokens) countIn.set(namespace, (countIn.get(namespace) ?? 0) + 1);
  return { byName: new Map(tokens.map((each) => [nameOf(each), each])), countIn };
}
