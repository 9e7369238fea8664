/** Keys in the order of adding: each waits once, and never while it is being worked on. */

export interface WaitingKeys {
  /** `false`: it waits already. */
  add(key: string): boolean;
  /** The next one, which is running from now on, and for how long it has waited. */
  take(): { readonly key: string; readonly waitedMs: number } | undefined;
  /** How long it ran; if it was added meanwhile, it waits again. */
  finish(key: string): number;
  readonly size: number;
  /** When each running key was taken. */
  readonly running: ReadonlyMap<string, number>;
}

export function createWaitingKeys(monotonicMs: () => number): WaitingKeys {
  /** With the time of adding. */
  const waiting = new Map<string, number>();
  const running = new Map<string, number>();
  /** Added while running. */
  const again = new Set<string>();
  return {
    add(key) {
      if (waiting.has(key) || again.has(key)) return false;
      if (running.has(key)) again.add(key);
      else waiting.set(key, monotonicMs());
      return true;
    },
    take() {
      const [first] = waiting;
      if (first === undefined) return undefined;
      const [key, addedMs] = first;
      const nowMs = monotonicMs();
      waiting.delete(key);
      running.set(key, nowMs);
      return { key, waitedMs: nowMs - addedMs };
    },
    finish(key) {
      const nowMs = monotonicMs();
      const tookMs = nowMs - (running.get(key) ?? nowMs);
      running.delete(key);
      if (again.delete(key)) waiting.set(key, nowMs);
      return tookMs;
    },
    get size() {
      return waiting.size;
    },
    running,
  };
}
