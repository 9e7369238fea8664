/**
 * The operator's wall clock, as heartbeats tell it: tokens end by the clock that gave them their end, whatever the node
 * of this pod believes. Between heartbeats it runs on the monotonic clock, so that a step of the node's clock is no step here.
 */
import type { Clock } from '../../runtime/clock.ts';

export interface OperatorClock {
  /** Milliseconds since the epoch by the operator; by this node, corrected as it was last known, until one was heard. */
  nowMs(): number;
  /** Operator's clock minus this node's. */
  offsetMs(): number;
  /** Notes what a replica's clock said. Returns for how long, at least, the message was under way. */
  heard(replica: string, operatorNowMs: number): number;
  forget(replica: string): void;
  /** What the offset was when last known, until a replica is heard. */
  assume(offsetMs: number): void;
}

/** The best of these counts: whatever delays a message makes the operator's clock look late, and nothing makes it look early. */
const SAMPLES = 12;

export function createOperatorClock(clock: Clock): OperatorClock {
  /** Operator's wall clock minus our monotonic one, by replica, newest last. */
  const samples = new Map<string, readonly number[]>();
  let lastBase: number | undefined;
  let assumedMs = 0;

  /** Where replicas differ, the one closest to this node's clock: two of three agree. */
  function choose(): number | undefined {
    const own = clock.nowMs() - clock.monotonicMs();
    const bases = [...samples.values()].map((each) => Math.max(...each));
    if (bases.length === 0) return undefined;
    return bases.reduce((best, base) => (Math.abs(base - own) < Math.abs(best - own) ? base : best));
  }

  function nowMs(): number {
    return lastBase === undefined ? clock.nowMs() + assumedMs : clock.monotonicMs() + lastBase;
  }

  return {
    nowMs,
    offsetMs: () => nowMs() - clock.nowMs(),
    heard(replica, operatorNowMs) {
      const sample = operatorNowMs - clock.monotonicMs();
      const kept = [...(samples.get(replica) ?? []), sample].slice(-SAMPLES);
      samples.set(replica, kept);
      lastBase = choose();
      return Math.max(...kept) - sample;
    },
    forget(replica) {
      samples.delete(replica);
      // With nobody left, what was last known goes on.
      lastBase = choose() ?? lastBase;
    },
    assume(offsetMs) {
      assumedMs = offsetMs;
    },
  };
}
