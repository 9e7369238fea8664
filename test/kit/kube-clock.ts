/** Time for what waits: one that moves when told, and one that runs a hundred times as fast as the world. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Scheduler } from '../../operator/kube/scheduler.ts';

export const EPOCH = Date.UTC(2026, 10, 23, 12);

export interface ManualScheduler extends Scheduler {
  /** Runs what falls due on the way, in order, and lets whatever that wakes run as far as it can. */
  advance(ms: number): Promise<void>;
  /** When the timers that are set fall due, from now. */
  dueInMs(): readonly number[];
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export function createManualScheduler(): ManualScheduler {
  const timers = new Set<Timer>();
  let nowMs = 0;
  const next = (untilMs: number): Timer | undefined => [...timers].filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
  return {
    nowMs: () => EPOCH + nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { dueMs: nowMs + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let timer = next(untilMs); timer !== undefined; timer = next(untilMs)) {
        nowMs = Math.max(nowMs, timer.dueMs);
        timers.delete(timer);
        timer.callback();
        await settle();
      }
      nowMs = untilMs;
    },
    dueInMs: () => [...timers].map(({ dueMs }) => dueMs - nowMs).sort((a, b) => a - b),
  };
}

/** Long enough for promises that wait for nothing but each other. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await turn();
}

/** For real sockets: an hour of this clock is 36 s of the test's. */
export function createFastScheduler(factor = 100): Scheduler {
  return {
    nowMs: () => EPOCH + performance.now() * factor,
    monotonicMs: () => performance.now() * factor,
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
