/** Asks again, with a short pause, until there is an answer; fails when the deadline passes. */
import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 50;

/** `undefined` from `ask` means not yet; what it throws ends the wait. `what` completes "… did not happen in time". */
export async function eventually<Answer>(what: string, ask: () => Promise<Answer | undefined>, deadlineMs = 30_000): Promise<Answer> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endMs) throw new Error(`${what} did not happen in ${String(deadlineMs)} ms`);
    await pause(PAUSE_MS);
  }
}
