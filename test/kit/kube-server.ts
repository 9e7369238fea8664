/** An API server over a real socket that shows the faults a healthy one cannot be made to show. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { listenOnLoopback } from './ports.ts';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Reply = (response: ServerResponse, request: SeenRequest) => void;

export interface FaultyServer {
  /** For `KubeConfigSource`. */
  readonly kubeconfig: string;
  readonly host: string;
  readonly seen: readonly SeenRequest[];
  /** How many connections were accepted so far, and how many are open. */
  connections(): { readonly accepted: number; readonly open: number };
  /** Answers requests of this kind in turn; the last reply answers all that follow. */
  replies(kind: RequestKind, ...replies: readonly Reply[]): void;
  /** Requests of this kind so far. */
  count(kind: RequestKind): number;
  stop(): Promise<void>;
}

export type RequestKind = 'LIST' | 'WATCH' | 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export async function startFaultyServer(token = 'top-secret-token'): Promise<FaultyServer> {
  const seen: SeenRequest[] = [];
  const scripts = new Map<RequestKind, Reply[]>();
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server: Server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '', 'http://localhost');
      const one: SeenRequest = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, body: await text(request) };
      seen.push(one);
      const script = scripts.get(kindOf(one)) ?? [];
      const reply = script.length > 1 ? script.shift() : script[0];
      if (reply === undefined) response.destroy();
      else reply(response, one);
    })();
  });
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  const host = `127.0.0.1:${String(await listenOnLoopback(server))}`;
  return {
    kubeconfig: kubeconfig(`http://${host}`, token),
    host,
    seen,
    connections: () => ({ accepted, open: sockets.size }),
    replies: (kind, ...replies) => void scripts.set(kind, [...replies]),
    count: (kind) => seen.filter((one) => kindOf(one) === kind).length,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function kindOf({ method, path, query }: SeenRequest): RequestKind {
  if (method !== 'GET') return method as RequestKind;
  if (query.get('watch') === 'true') return 'WATCH';
  return /\/(pods|secrets|configmaps|mcpservers)$/.test(path) ? 'LIST' : 'GET';
}

function kubeconfig(server: string, token: string): string {
  return JSON.stringify({
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    // Plain HTTP is refused otherwise.
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token } }],
  });
}

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => (response) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

export const refusal = (code: number, reason: string, message = 'no', headers: Readonly<Record<string, string>> = {}): Reply =>
  json(code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, headers);

export const reset: Reply = (response) => {
  response.socket?.resetAndDestroy();
};

export const never: Reply = () => undefined;

export const aList = (resourceVersion: string, ...items: readonly unknown[]): Reply => json(200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion }, items });

/** Sends each line when the watch is opened, and then ends it, resets it, or leaves it open. */
export const aWatch = (then: 'end' | 'reset' | 'open', ...lines: readonly (object | string)[]): Reply => (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  for (const line of lines) response.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  if (then === 'end') response.end();
  else if (then === 'reset') setTimeout(() => response.socket?.resetAndDestroy(), 5);
};

export const aPod = (name: string, resourceVersion: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  metadata: { name, namespace: 'test', uid: `uid-of-${name}`, resourceVersion, ...more },
  spec: {},
});

export const added = (object: object): object => ({ type: 'ADDED', object });
export const modified = (object: object): object => ({ type: 'MODIFIED', object });
export const deleted = (object: object): object => ({ type: 'DELETED', object });
export const bookmark = (resourceVersion: string): object => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });
export const watchError = (code: number, reason: string): object => ({ type: 'ERROR', object: { kind: 'Status', code, reason, message: 'no' } });
