/** Hashes of tokens that are gone, so that none of them is accepted again. Pure. */
import type { Ledger, LedgerToken, LedgerTombstone } from '../../api/ledger.ts';

/** No generation may live longer (crds/gatewaytokens.yaml): after a year nobody should still have the token. */
export const KEPT_MS = 8_760 * 3_600_000;
/**
 * In one shard; about a thousand in all. Whoever makes and deletes tokens all day long forgets the oldest of his own
 * namespace by it, and nobody else's.
 */
export const KEPT_PER_NAMESPACE = 32;

/** The ledger without the entry, and with its hash among the dead, if it had one. In one step: a crash loses neither. */
export function bury(ledger: Ledger, entry: LedgerToken, nowMs: number): Ledger {
  const tokens = ledger.tokens.filter((each) => each !== entry);
  const { declaredSha256: sha256, namespace, revoked } = entry;
  if (sha256 === undefined) return { ...ledger, tokens };
  const all: readonly LedgerTombstone[] = [...(ledger.tombstones ?? []), { sha256, namespace, revoked, buriedAtMs: nowMs }];
  const young = all.filter(({ buriedAtMs }) => nowMs - buriedAtMs < KEPT_MS);
  const own = young.filter((each) => each.namespace === namespace);
  const dropped = new Set(own.slice(0, Math.max(0, own.length - KEPT_PER_NAMESPACE)));
  return { ...ledger, tokens, tombstones: young.filter((each) => !dropped.has(each)) };
}
