/** A token bucket in front of the API server: whoever asks is told a moment, in the order of asking. */
import { type Scheduler, pause } from './scheduler.ts';

export interface RateLimit {
  /** Resolves when it is the caller's turn, or at once when the signal is aborted; a turn not taken is given back. */
  turn(signal: AbortSignal): Promise<void>;
}

export function createRateLimit(clock: Scheduler, { perSecond, burst }: { readonly perSecond: number; readonly burst: number }): RateLimit {
  let tokens = burst;
  let countedMs = clock.monotonicMs();
  return {
    async turn(signal) {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + ((nowMs - countedMs) / 1000) * perSecond) - 1;
      countedMs = nowMs;
      if (tokens >= 0) return;
      await pause(clock, (-tokens / perSecond) * 1000, signal);
      if (signal.aborted) tokens += 1;
    },
  };
}
