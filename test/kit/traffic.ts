/** A client that calls a guarded server without end, on one connection as long as that lasts, and counts what it was answered. */
import { setTimeout as pause } from 'node:timers/promises';
import { callBytes } from './guarded-cluster.ts';
import { openRaw } from './raw-http.ts';
import type { RawConnection } from './raw-http.ts';
import type { SimulatedPod } from './simulated-pod.ts';

export interface Traffic {
  /** Statuses in order, without repetitions: [200, 401] were some accepted calls and then refused ones only. */
  readonly turns: readonly number[];
  /** All that were answered. */
  readonly calls: number;
  /** The connection was refused, or ended without an answer: also what a refusal does to the next call. */
  readonly unanswered: number;
  /** Resolves when the last call has been answered. */
  stop(): Promise<void>;
}

/** Leaves the processor to those who are tested. */
const PAUSE_MS = 15;

export function startTraffic(pod: Pick<SimulatedPod, 'port'>, token: string): Traffic {
  const over = new AbortController();
  const turns: number[] = [];
  let [calls, unanswered] = [0, 0];
  let connection: RawConnection | undefined;

  async function call(): Promise<number | undefined> {
    try {
      connection ??= await openRaw(pod.port, { tls: { rejectUnauthorized: false } });
      connection.write(callBytes(token));
      return (await connection.response()).status;
    } catch {
      connection?.destroy();
      connection = undefined;
      return undefined;
    }
  }

  const ended = (async () => {
    while (!over.signal.aborted) {
      const status = await call();
      if (status === undefined) unanswered += 1;
      else calls += 1;
      if (status !== undefined && turns.at(-1) !== status) turns.push(status);
      await pause(PAUSE_MS);
    }
    connection?.destroy();
  })();
  return {
    turns,
    get calls() {
      return calls;
    },
    get unanswered() {
      return unanswered;
    },
    async stop() {
      over.abort();
      await ended;
    },
  };
}
