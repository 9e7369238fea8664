/** Keys that come later: each at most once, at the earliest of the times it was asked for. */
import type { Scheduler } from './scheduler.ts';

export interface Delays {
  schedule(key: string, delayMs: number): void;
  /** Nothing comes any more. */
  clear(): void;
}

interface Delayed {
  readonly dueMs: number;
  readonly cancel: () => void;
}

export function createDelays(clock: Scheduler, deliver: (key: string) => void): Delays {
  const delayed = new Map<string, Delayed>();
  return {
    schedule(key, delayMs) {
      const dueMs = clock.monotonicMs() + delayMs;
      const before = delayed.get(key);
      if (before !== undefined && before.dueMs <= dueMs) return;
      before?.cancel();
      const cancel = clock.after(delayMs, () => {
        delayed.delete(key);
        deliver(key);
      });
      delayed.set(key, { dueMs, cancel });
    },
    clear() {
      for (const { cancel } of delayed.values()) cancel();
      delayed.clear();
    },
  };
}
