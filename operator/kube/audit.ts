/** Finds changes that no watch delivered, by comparing what is held with a fresh list now and then. */
import type { KubeObject } from './kube-object.ts';
import { keyOf, refOf, versionOf } from './object-store.ts';

export interface Audit {
  /** Begins the waiting anew, and drops what is suspected. */
  schedule(): void;
  isDue(): boolean;
  /** What differs may still be on its way: it is missed only if a watch that is opened later does not deliver it. */
  compare(listed: readonly KubeObject[], held: ReadonlyMap<string, string>): void;
  delivered(key: string): void;
  /** How many objects are suspected; each was not delivered so far. */
  suspected(): number;
}

export interface AuditOptions {
  readonly monotonicMs: () => number;
  readonly random: () => number;
  /** Between two audits, plus up to half, so that the replicas do not ask at the same moment. */
  readonly intervalMs: number;
}

export function createAudit({ monotonicMs, random, intervalMs }: AuditOptions): Audit {
  let dueMs = Number.POSITIVE_INFINITY;
  let suspects = new Set<string>();
  return {
    schedule() {
      suspects = new Set();
      dueMs = monotonicMs() + intervalMs * (1 + random() / 2);
    },
    isDue: () => monotonicMs() >= dueMs,
    compare(listed, held) {
      const versions = new Map(listed.map((object) => [keyOf(refOf(object)), versionOf(object.metadata)]));
      suspects = new Set([...versions.keys(), ...held.keys()].filter((key) => versions.get(key) !== held.get(key)));
    },
    delivered: (key) => void suspects.delete(key),
    suspected: () => suspects.size,
  };
}
