/** A TCP relay in front of a real server that keeps every byte sent to it: what reached the server, and what did not. */
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from './ports.ts';

export interface Relay {
  readonly port: number;
  /** All that was sent to the server, one connection after the other. */
  received(): string;
  stop(): Promise<void>;
}

/** Listens on 127.0.0.1 and a free port unless it is told where. */
export async function startRelay(serverPort: number, at: { readonly address?: string; readonly port?: number } = {}): Promise<Relay> {
  const sockets = new Set<Socket>();
  const connections: Buffer[][] = [];

  const server = createServer((downstream) => {
    const chunks: Buffer[] = [];
    connections.push(chunks);
    const upstream = connect(serverPort, '127.0.0.1');
    downstream.on('data', (bytes) => chunks.push(bytes));
    for (const [from, to] of [
      [downstream, upstream],
      [upstream, downstream],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const port = await listenOnLoopback(server, at.port, at.address);

  return {
    port,
    received: () => connections.map((chunks) => Buffer.concat(chunks).toString('latin1')).join('\n'),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
