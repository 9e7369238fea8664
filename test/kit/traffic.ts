/** A client that calls a guarded server without end, on one connection as long as that lasts, and counts what it was answered. */
import { setTimeout as pause } from 'node:timers/promises';
import { callBytes } from './guarded-cluster.ts';
import { openRaw } from './raw-http.ts';
import type { RawConnection } from './raw-http.ts';
import type { SimulatedPod } from './simulated-pod.ts';

/** A status, or `none`: the connection was refused or ended without an answer. */
export type Answered = number | 'none';

export interface Traffic {
  /** In order, without repetitions: [200, 401] were some accepted calls and then refused ones only. */
  readonly turns: readonly Answered[];
  readonly calls: number;
  /** Resolves when the last call has been answered. */
  stop(): Promise<void>;
}

/** Leaves the processor to those who are tested. */
const PAUSE_MS = 15;

export function startTraffic(pod: Pick<SimulatedPod, 'port'>, token: string): Traffic {
  const over = new AbortController();
  const turns: Answered[] = [];
  let calls = 0;
  let connection: RawConnection | undefined;

  async function call(): Promise<Answered> {
    try {
      connection ??= await openRaw(pod.port, { tls: { rejectUnauthorized: false } });
      connection.write(callBytes(token));
      return (await connection.response()).status;
    } catch {
      connection?.destroy();
      connection = undefined;
      return 'none';
    }
  }

  const ended = (async () => {
    while (!over.signal.aborted) {
      const answered = await call();
      calls += 1;
      if (turns.at(-1) !== answered) turns.push(answered);
      await pause(PAUSE_MS);
    }
    connection?.destroy();
  })();
  return {
    turns,
    get calls() {
      return calls;
    },
    async stop() {
      over.abort();
      await ended;
    },
  };
}
