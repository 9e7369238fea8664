/** How long to wait after a failure: ever longer, and never in step with other processes. */
import { randomInt } from 'node:crypto';

export interface Backoff {
  /** The pause before the next attempt: between half and all of a bound that doubles, never below the minimum. */
  nextMs(): number;
  /** After a success: the next pause is a short one again. */
  reset(): void;
}

export function createBackoff({ minMs, maxMs, random }: { readonly minMs: number; readonly maxMs: number; readonly random: () => number }): Backoff {
  let failures = 0;
  return {
    nextMs() {
      const boundMs = Math.min(maxMs, 2 * minMs * 2 ** failures);
      if (boundMs < maxMs) failures += 1;
      return Math.max(minMs, boundMs * (0.5 + random() / 2));
    },
    reset() {
      failures = 0;
    },
  };
}

/** In [0, 1). */
export function systemRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
