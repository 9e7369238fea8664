/** A clock that also calls back: everything in this directory that waits does so through one of these. */
import { type Clock, systemClock } from '../../runtime/clock.ts';

export interface Scheduler extends Clock {
  /** Runs `callback` once, after the delay; the returned function takes it back and may be called at any time. */
  after(delayMs: number, callback: () => void): () => void;
}

/** 24 days: Node's timers fire at once when asked for more, and some lifetimes are longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemScheduler: Scheduler = {
  ...systemClock,
  after: (delayMs, callback) => {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      timer = leftMs > MAX_TIMER_MS ? setTimeout(() => wait(leftMs - MAX_TIMER_MS), MAX_TIMER_MS) : setTimeout(callback, Math.max(0, leftMs));
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after the delay or as soon as `signal` is aborted, never rejects: read `signal.aborted` afterwards. */
export function pause(clock: Scheduler, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.after(delayMs, wake);
    signal.addEventListener('abort', wake, { once: true });
  });
}
