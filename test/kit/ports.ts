/** Loopback ports for tests. */
import { createServer, type Server } from 'node:net';

/** Resolves with the port once the server listens; rejects if it cannot. */
export async function listenOnLoopback(server: Server, port = 0, address = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return portOf(server);
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server does not listen on a port');
  return address.port;
}

/** A port that nothing listens on now; for processes that cannot choose one and tell. Another may take it first. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
