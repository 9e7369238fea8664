/**
 * The webhook's HTTPS endpoint: POST /inject and nothing else. Who calls is not authenticated: the answer to a pod holds
 * nothing that its author does not see in the pod anyway.
 */
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';
import { listen } from '../../runtime/listen.ts';
import type { ListenAddress } from '../../runtime/listen.ts';
import type { Logger } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { SERVER_TLS } from '../../runtime/server-tls.ts';
import type { Inject, InjectionOutcome } from './inject.ts';
import { INJECT_PATH } from './names.ts';

/** PEM texts. */
export interface WebhookCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface WebhookServerDeps {
  readonly inject: Inject;
  readonly metrics: Pick<Metrics, 'counter'>;
  readonly log: Logger;
}

export interface WebhookServerOptions extends ListenAddress {
  readonly certificate: WebhookCertificate;
}

export interface WebhookServer {
  start(): Promise<AddressInfo>;
  /** For connections from now on; throws, and keeps the old one, if the pair cannot be used. */
  replaceCertificate(certificate: WebhookCertificate): void;
  /** Ends after the requests that are being answered, at most after the grace. */
  stop(graceMs: number): Promise<void>;
}

/** An API server takes objects of up to 3 MiB; the review adds its frame and the old object. */
const MAX_BODY_BYTES = 7 * 1024 * 1024;

export function createWebhookServer(deps: WebhookServerDeps, options: WebhookServerOptions): WebhookServer {
  const server = createServer(
    {
      ...tls(options.certificate),
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      // Longer than an API server keeps an idle connection: it closes first, and no request meets a closed one.
      keepAliveTimeout: 120_000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 16_384,
    },
    createApp(deps),
  );
  server.maxConnections = 512;
  // A client that speaks no TLS is nothing to log: ports are scanned.
  server.on('tlsClientError', () => undefined);
  return {
    start: () => listen(server, options),
    replaceCertificate: (certificate) => server.setSecureContext(tls(certificate)),
    stop: (graceMs) => close(server, graceMs),
  };
}

function tls({ certificatePem, privateKeyPem }: WebhookCertificate) {
  return { ...SERVER_TLS, cert: certificatePem, key: privateKeyPem };
}

function createApp({ inject, metrics, log }: WebhookServerDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', false);
  const count = createCounters(metrics);

  app.use((request, response, next) => {
    response.set('cache-control', 'no-store');
    if (request.path !== INJECT_PATH) plain(response, 404, 'not found');
    else if (request.method !== 'POST') plain(response.set('allow', 'POST'), 405, 'method not allowed');
    else {
      count.request();
      next();
    }
  });
  app.use(express.json({ limit: MAX_BODY_BYTES, inflate: false, strict: true, type: 'application/json' }));
  app.use((request, response) => answer(inject, count, request, response));
  // Express recognises an error handler by its four parameters; its own would print a stack trace.
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const status = clientFault(error);
    if (status === undefined) log.error('webhook request failed', { cause: error });
    count.response(status === undefined ? { result: 'failed', reason: 'InternalError' } : { result: 'failed', reason: 'Malformed' });
    plain(response, status ?? 500, status === undefined ? 'internal error' : 'unreadable request');
  });
  return app;
}

/** Express 5 gives a rejection to the error handler. */
async function answer(inject: Inject, count: Counters, request: Request, response: Response): Promise<void> {
  const outcome = await inject(request.body);
  count.response(outcome);
  if (outcome.review === undefined) plain(response, 400, 'not an AdmissionReview');
  else response.json(outcome.review);
}

interface Counters {
  request(): void;
  response(outcome: Pick<InjectionOutcome, 'result' | 'reason'>): void;
}

/** Both labels are closed unions: the number of series is bounded. */
function createCounters(metrics: Pick<Metrics, 'counter'>): Counters {
  const requests = metrics.counter('mcpgateway_injection_requests_total', 'Admission requests for pods.', []).labels({});
  const responses = metrics.counter('mcpgateway_injection_responses_total', 'Answers to admission requests, by result and reason.', ['result', 'reason']);
  return {
    request: () => requests.inc(),
    response: ({ result, reason }) => responses.labels({ result, reason }).inc(),
  };
}

/** The status that the body parser gives to a body that cannot be read; anything else is a fault of ours. */
function clientFault(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

function plain(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(`${text}\n`);
}

function close(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  server.close(() => {
    clearTimeout(timer);
    resolve();
  });
  server.closeIdleConnections();
  return promise;
}
