/** What a Service does: each connection goes to one of its pods, whichever it happens to be. The chance is seeded. */
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { listenOnLoopback } from './ports.ts';

export interface Balancer {
  readonly port: number;
  /** Connections so far, by port of the pod. */
  readonly chosen: ReadonlyMap<number, number>;
  /** From the next connection on. */
  spreadOver(ports: readonly number[]): void;
  stop(): Promise<void>;
}

export async function startBalancer(ports: readonly number[], seed: number): Promise<Balancer> {
  const sockets = new Set<Socket>();
  const chosen = new Map<number, number>();
  const random = randomFrom(seed);
  let targets = ports;

  const server = createServer((client) => {
    const port = targets[Math.floor(random() * targets.length)] ?? 0;
    chosen.set(port, (chosen.get(port) ?? 0) + 1);
    const pod = connect(port, '127.0.0.1');
    for (const [from, to] of [[client, pod], [pod, client]] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const port = await listenOnLoopback(server);

  return {
    port,
    chosen,
    spreadOver: (next) => void (targets = next),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Numbers from 0 to below 1 (mulberry32), the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
