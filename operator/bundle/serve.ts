/**
 * The HTTPS server that sidecars connect to: streams of bundles down, reports up. Every request is
 * admitted by its pod first; a refusal is a status and a constant body.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { MAX_EXPOSURE_BYTES, MAX_PUBLIC_KEY_BYTES, MAX_REPORT_BYTES, parseAcknowledgement, parseExposureReport, parseStreamPath, parseUsageReport } from '../../api/bundle-stream.ts';
import type { ServerName, StreamEndpoint } from '../../api/bundle-stream.ts';
import { WireError } from '../../api/wire-shape.ts';
import type { Clock } from '../../runtime/clock.ts';
import { listen } from '../../runtime/listen.ts';
import type { ListenAddress } from '../../runtime/listen.ts';
import { SERVER_TLS } from '../../runtime/server-tls.ts';
import { openStream } from './open-stream.ts';
import type { OpenStream } from './open-stream.ts';
import { createPodAdmission } from './pod-admission.ts';
import type { PodLookup } from './pod-admission.ts';
import { readReport } from './read-report.ts';
import { createUsageFilter } from './reported-usage.ts';
import type { ReportedUsage, UsageFilter } from './reported-usage.ts';
import type { Review } from './review-cache.ts';
import type { BundleStore, PodIdentity } from './store.ts';

export interface BundleServerOptions extends ListenAddress {
  readonly tls: ServingCertificate;
  readonly maxConnections: number;
  readonly heartbeatMs: number;
}

/** PEM texts. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface BundleServerDeps {
  readonly store: BundleStore;
  readonly clock: Clock;
  readonly review: Review;
  readonly podOf: PodLookup;
  /** How old the newest evidence from the API server is, on the monotonic clock; Infinity: there never was any. */
  readonly progressAgeMs: () => number;
  readonly onUsage: (usage: ReportedUsage) => void;
  /** Those that issue certificates, by what they are asked through. */
  readonly issuers: ReadonlyMap<StreamEndpoint, CertificateIssuer>;
}

/** A certificate (PEM) for this pod of this server and this public key (PEM). Throws a WireError for a key that is none. */
export type CertificateIssuer = (server: ServerName, publicKeyPem: string, pod: PodIdentity) => Promise<string>;

export interface BundleServer {
  start(): Promise<{ readonly address: string; readonly port: number }>;
  /** New connections are served with this; streams that are open go on. */
  setTls(tls: ServingCertificate): void;
  /** The pod was deleted, replaced or labelled anew, perhaps: a stream that it is no longer due is cut before this returns. */
  podChanged(namespace: string, name: string): void;
  /** Ends every stream, so that pods ask another replica, and resolves when no connection is left. */
  stop(): Promise<void>;
}

const LIMITS = {
  maxHeaderSize: 24 * 1024,
  headersTimeout: 10_000,
  // Of the receipt of a request; a stream is an answer.
  requestTimeout: 30_000,
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
  noDelay: true,
} as const;

const BODIES = {
  204: '', 400: 'bad request\n', 401: 'unauthorized\n', 403: 'forbidden\n', 404: 'not found\n', 405: 'method not allowed\n',
  413: 'too large\n', 503: 'unavailable\n',
} as const;

type Status = keyof typeof BODIES;

export function createBundleServer(options: BundleServerOptions, deps: BundleServerDeps): BundleServer {
  const { store, clock } = deps;
  const admission = createPodAdmission(deps);
  const streams = new Set<OpenStream>();
  const usageOf = createUsageFilter();
  const server = createServer({ ...LIMITS, ...SERVER_TLS, ...options.tls });
  server.maxConnections = options.maxConnections;
  let beats: NodeJS.Timeout | undefined;
  let isStopping = false;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = parseStreamPath(request.url ?? '');
    if (path === undefined) return answer(response, 404);
    const isStream = path.endpoint === 'bundles';
    if (request.method !== (isStream ? 'GET' : 'POST')) return answer(response, 405);
    const admitted = await admission.admit(request.headers.authorization, path.server, request.socket.remoteAddress);
    if (!admitted.admitted) return answer(response, admitted.status);
    if (isStopping) return answer(response, 503);
    const issuer = deps.issuers.get(path.endpoint);
    if (issuer !== undefined) return issue(request, response, (key) => issuer(path.server, key, admitted.pod));
    if (!isStream) return answer(response, await receive(path.endpoint, request, { server: path.server, pod: admitted.pod }, { ...deps, usageOf }));
    if (response.destroyed) return;
    const { nowMs, monotonicMs } = clock;
    const { progressAgeMs } = deps;
    streams.add(openStream({ ...admitted, server: path.server }, { store, response, nowMs, monotonicMs, progressAgeMs, closed: (stream) => streams.delete(stream) }));
  }

  function cutUnless(stream: OpenStream): void {
    if (!admission.isStillServed(stream.pod, stream.server)) {
      store.forget(`${stream.server.namespace}/${stream.server.name}`, stream.pod.uid);
      stream.cut();
    } else if (clock.nowMs() >= stream.expiresAtMs) stream.end();
  }

  server.on('request', (request, response) => {
    serve(request, response).catch((cause: unknown) => answer(response, cause instanceof WireError ? 400 : 503));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());

  return {
    async start() {
      const bound = await listen(server, options);
      beats = setInterval(() => {
        for (const stream of [...streams]) {
          // Also here: an event that was missed must not leave a stream open, and a token's end is nobody's event.
          cutUnless(stream);
          stream.beat();
        }
      }, options.heartbeatMs);
      return bound;
    },
    setTls: (tls) => server.setSecureContext({ ...SERVER_TLS, ...tls }),
    podChanged(namespace, name) {
      for (const stream of [...streams]) if (stream.pod.namespace === namespace && stream.pod.name === name) cutUnless(stream);
    },
    stop() {
      isStopping = true;
      clearInterval(beats);
      return new Promise((resolve) => {
        server.close(() => resolve());
        for (const stream of [...streams]) stream.end();
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS).unref();
      });
    },
  };
}

/** Names and uses are the operator's to write: of the request only the key counts. */
async function issue(request: IncomingMessage, response: ServerResponse, sign: (key: string) => Promise<string>): Promise<void> {
  const publicKeyPem = await readReport(request, MAX_PUBLIC_KEY_BYTES);
  if (publicKeyPem === undefined) return answer(response, 413);
  const pem = await sign(publicKeyPem);
  response.writeHead(200, { 'Content-Type': 'application/x-pem-file', 'Content-Length': Buffer.byteLength(pem) }).end(pem);
}

/** For what was written to get out. */
const STOP_GRACE_MS = 500;

/** Takes a report in. Throws a WireError for one that is malformed. */
async function receive(endpoint: string, request: IncomingMessage, { server, pod }: { readonly server: ServerName; readonly pod: PodIdentity }, { store, onUsage, usageOf }: Pick<BundleServerDeps, 'store' | 'onUsage'> & { readonly usageOf: UsageFilter }): Promise<Status> {
  const body = await readReport(request, endpoint === 'exposures' ? MAX_EXPOSURE_BYTES : MAX_REPORT_BYTES);
  if (body === undefined) return 413;
  const key = `${server.namespace}/${server.name}`;
  if (endpoint === 'acknowledgements') {
    store.acknowledge(key, pod.uid, parseAcknowledgement(body).revision);
  } else if (endpoint === 'exposures') {
    store.expose(key, pod.uid, parseExposureReport(body));
  } else {
    onUsage(usageOf(pod, parseUsageReport(body), store.current(key)));
  }
  return 204;
}

/** Says nothing but the status. Bodies that were not read end the connection. */
function answer(response: ServerResponse, status: Status): void {
  if (response.headersSent) return void response.destroy();
  const body = BODIES[status];
  const close = status === 204 ? {} : { Connection: 'close' };
  response.writeHead(status, { ...close, ...(status === 204 ? {} : { 'Content-Type': 'text/plain', 'Content-Length': body.length }) });
  response.end(body);
}
