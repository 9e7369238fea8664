/**
 * How many tokens that turn out to be nobody's one address may have reviewed: a few at once, then one now and then. What
 * is good costs nothing.
 */
import type { Clock } from '../../runtime/clock.ts';

export interface FailureBudget {
  /** `false`: nothing is left. What was taken is gone unless it is given back. */
  take(peer: string): boolean;
  giveBack(peer: string): void;
}

/** Also the most reviews of one address under way. */
export const FAILURES_AT_ONCE = 16;
export const MS_PER_FAILURE = 2_000;
/** Addresses that owe something. Beyond that the one that has been quiet for longest is forgotten. */
const MAX_PEERS = 4096;

export function createFailureBudget(clock: Pick<Clock, 'monotonicMs'>): FailureBudget {
  /** When each address owes nothing any more, were nothing added; the quietest first. */
  const settledAtMs = new Map<string, number>();

  function owe(peer: string, untilMs: number): void {
    settledAtMs.delete(peer);
    if (untilMs > clock.monotonicMs()) settledAtMs.set(peer, untilMs);
    for (const oldest of settledAtMs.keys()) {
      if (settledAtMs.size <= MAX_PEERS) return;
      settledAtMs.delete(oldest);
    }
  }

  return {
    take(peer) {
      const nowMs = clock.monotonicMs();
      const untilMs = Math.max(settledAtMs.get(peer) ?? 0, nowMs) + MS_PER_FAILURE;
      if (untilMs - nowMs > FAILURES_AT_ONCE * MS_PER_FAILURE) return false;
      owe(peer, untilMs);
      return true;
    },
    giveBack(peer) {
      owe(peer, (settledAtMs.get(peer) ?? 0) - MS_PER_FAILURE);
    },
  };
}
