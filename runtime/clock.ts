/** Time, injected. Wall-clock time names moments; monotonic time measures durations and never jumps. */

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Milliseconds since an arbitrary moment, with fractions. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
