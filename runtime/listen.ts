/** Binds a server to a TCP port. */
import type { AddressInfo, Server } from 'node:net';

export interface ListenAddress {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Resolves with what was bound; rejects with the error of the system, such as EADDRINUSE, and the server can be bound anew. */
export function listen(server: Server, { address, port }: ListenAddress): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once('error', reject);
  server.listen({ host: address, port }, () => {
    server.off('error', reject);
    const bound = server.address();
    if (bound === null || typeof bound === 'string') reject(new TypeError('a server was not bound to a TCP port'));
    else resolve(bound);
  });
  return promise;
}
