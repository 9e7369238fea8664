/**
 * What stands between an operator and its API server: it ends TLS on both sides, sees every request, and answers wrongly,
 * loses, stalls or cuts as the test says. Credentials in headers pass; client certificates do not.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { createAuthority } from './certificates.ts';
import type { ClusterAccess, Kubeconfig } from './cluster-access.ts';
import { listenOnLoopback } from './ports.ts';

export interface ApiRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Monotonic. */
  readonly atMs: number;
}

export type Verdict =
  | 'pass'
  /** It never arrives, and there is no answer. */
  | 'lose'
  /** It arrives and is carried out; the answer is read here and goes no further. */
  | { readonly answered: () => void }
  | { readonly status: number; readonly retryAfterSeconds?: number };

export interface ApiRelay {
  /** Of the same account, through this relay. */
  readonly kubeconfig: Kubeconfig;
  readonly requests: readonly ApiRequest[];
  /** How the next requests are treated; at first each passes. */
  judge(judge: (request: ApiRequest) => Verdict): void;
  /** Resets every connection that is open; new ones are taken. */
  cut(): void;
  /** Answers to these requests, open or to come, stop without a sign until `mend`. */
  stall(isStalled: (request: ApiRequest) => boolean): void;
  /** No connection gets anywhere, open or to come, without a sign, until `mend`. */
  partition(): void;
  /** Everything passes again. What was stalled is cut, as by a router that has forgotten it. */
  mend(): void;
  stop(): Promise<void>;
}

interface Exchange {
  readonly request: ApiRequest;
  readonly downstream: ServerResponse;
  upstream: IncomingMessage | undefined;
}

const PASS = (): Verdict => 'pass';

export async function startApiRelay(cluster: ClusterAccess, account: Kubeconfig): Promise<ApiRelay> {
  const authority = await createAuthority('Test relay CA');
  const agent = new Agent({ keepAlive: true, ca: cluster.ca });
  const server = createServer(await authority.issue({ names: ['127.0.0.1'] }));
  // Connections stay open between requests, as a real API server keeps them for minutes.
  server.keepAliveTimeout = 0;
  const sockets = new Set<Socket>();
  const requests: ApiRequest[] = [];
  const open = new Set<Exchange>();
  let judge: (request: ApiRequest) => Verdict = PASS;
  let isStalled: (request: ApiRequest) => boolean = () => false;
  let isPartitioned = false;

  // Below TLS, where a connection can be reset.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('request', (incoming: IncomingMessage, downstream: ServerResponse) => {
    const request = { method: incoming.method ?? '', path: incoming.url ?? '', atMs: performance.now() };
    requests.push(request);
    const verdict = isPartitioned ? 'lose' : judge(request);
    if (verdict === 'lose') return;
    if (typeof verdict === 'object' && 'status' in verdict) return refuse(incoming, downstream, verdict);
    const exchange: Exchange = { request, downstream, upstream: undefined };
    open.add(exchange);
    forward(incoming, exchange, verdict === 'pass' ? undefined : verdict.answered);
  });

  function forward(incoming: IncomingMessage, exchange: Exchange, answered: (() => void) | undefined): void {
    const { downstream } = exchange;
    const outgoing = httpsRequest(new URL(incoming.url ?? '', cluster.url), { method: incoming.method, headers: incoming.headers, agent });
    outgoing.on('error', () => downstream.destroy());
    downstream.on('close', () => {
      open.delete(exchange);
      outgoing.destroy();
    });
    outgoing.on('response', (upstream) => {
      exchange.upstream = upstream;
      upstream.on('error', () => downstream.destroy());
      if (answered !== undefined) return void upstream.on('end', answered).resume();
      upstream.on('close', () => upstream.complete || downstream.destroy());
      if (isPartitioned || isStalled(exchange.request)) return;
      downstream.writeHead(upstream.statusCode ?? 502, upstream.headers);
      downstream.flushHeaders();
      upstream.pipe(downstream);
    });
    incoming.pipe(outgoing);
  }

  function freeze(which: (request: ApiRequest) => boolean): void {
    for (const { request, upstream, downstream } of open) if (which(request)) upstream?.unpipe(downstream).pause();
  }

  const port = await listenOnLoopback(server);
  const directory = await mkdtemp(join(tmpdir(), 'mcpgateway-relay-'));
  return {
    kubeconfig: await writeKubeconfig(directory, account, { url: `https://127.0.0.1:${String(port)}`, ca: authority.cert }),
    requests,
    judge(next) {
      judge = next;
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stall(which) {
      isStalled = which;
      freeze(which);
    },
    partition() {
      isPartitioned = true;
      freeze(() => true);
    },
    mend() {
      const stalled = [...open].filter(({ request, upstream }) => isPartitioned || isStalled(request) || upstream?.isPaused() === true);
      judge = PASS;
      isStalled = () => false;
      if (isPartitioned) for (const socket of sockets) socket.destroy();
      else for (const { downstream } of stalled) downstream.destroy();
      isPartitioned = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** As the API server would say it. */
function refuse(incoming: IncomingMessage, downstream: ServerResponse, { status, retryAfterSeconds }: { readonly status: number; readonly retryAfterSeconds?: number }): void {
  const reasons: Readonly<Record<number, string>> = { 410: 'Expired', 429: 'TooManyRequests', 500: 'InternalError' };
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'as the test wants it', reason: reasons[status] ?? 'Unknown', code: status };
  incoming.resume();
  const retryAfter = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  downstream.writeHead(status, { 'content-type': 'application/json', ...retryAfter }).end(JSON.stringify(body));
}

async function writeKubeconfig(directory: string, account: Kubeconfig, { url, ca }: { readonly url: string; readonly ca: string }): Promise<Kubeconfig> {
  const config = parse(account.text) as { clusters: { cluster: Record<string, string> }[] };
  const [first] = config.clusters;
  if (first === undefined) throw new TypeError('a kubeconfig without a cluster');
  first.cluster = { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const path = join(directory, 'kubeconfig.yaml');
  const text = stringify(config, { lineWidth: 0 });
  await writeFile(path, text, { mode: 0o600 });
  return { path, text };
}
