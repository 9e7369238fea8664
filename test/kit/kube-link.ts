/** The way to an API server: counts connections, can be cut, and can go dead without a sign. */
import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from './ports.ts';

export interface Link {
  /** `kubeconfig` through this link. */
  through(kubeconfig: string): string;
  connections(): { readonly accepted: number; readonly open: number };
  /** Resets what is open, and whatever comes until `mend`. */
  cut(): void;
  /** What is open stays open, and nothing passes any more. */
  freeze(): void;
  mend(): void;
  stop(): Promise<void>;
}

export async function startLink(url: string): Promise<Link> {
  const { port: serverPort } = new URL(url);
  const open = new Set<Socket>();
  let accepted = 0;
  let isCut = false;
  const server = createServer((downstream) => {
    if (isCut) {
      downstream.resetAndDestroy();
      return;
    }
    accepted += 1;
    const upstream = connect(Number(serverPort), '127.0.0.1');
    open.add(downstream);
    for (const [from, to] of [[downstream, upstream], [upstream, downstream]] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(downstream);
        to.destroy();
      });
      from.pipe(to);
    }
    downstream.on('freeze', () => {
      for (const socket of [downstream, upstream]) socket.unpipe().pause();
    });
  });
  const port = await listenOnLoopback(server);
  return {
    through: (kubeconfig) => kubeconfig.replaceAll(url, `https://127.0.0.1:${String(port)}`),
    connections: () => ({ accepted, open: open.size }),
    cut: () => {
      isCut = true;
      for (const socket of open) socket.resetAndDestroy();
    },
    freeze: () => {
      for (const socket of open) socket.emit('freeze');
    },
    mend: () => {
      isCut = false;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
