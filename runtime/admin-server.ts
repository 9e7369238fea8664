/**
 * Health, readiness and metrics on a port of their own: GET and HEAD of exact paths, everything else is refused.
 * It never reads a body and never repeats anything a caller sent.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Express, NextFunction, Request, Response } from 'express';
import { listen } from './listen.ts';
import type { ListenAddress } from './listen.ts';
import type { Metrics } from './metrics.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Shown to whoever may reach the port: no values, only names. */
  readonly reasons: readonly string[];
}

export interface AdminServerOptions extends ListenAddress {
  readonly metrics: Pick<Metrics, 'render'>;
  readonly ready: () => boolean | Readiness;
  readonly live: () => boolean;
  /** Further paths of letters, digits, hyphens and slashes, each with the status that it is answered with. */
  readonly answers?: ReadonlyMap<string, () => Promise<number>>;
}

export interface AdminServer {
  start(): Promise<AddressInfo>;
  stop(): Promise<void>;
}

export function createAdminServer(options: AdminServerOptions): AdminServer {
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 15_000, connectionsCheckingInterval: 5_000, maxHeaderSize: 8_192 },
    createApp(options),
  );
  server.maxConnections = 64;
  return {
    start: () => listen(server, options),
    stop: () => close(server),
  };
}

function createApp({ metrics, ready, live, answers }: AdminServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', false);

  app.use((request, response, next) => {
    response.set('cache-control', 'no-store');
    if (request.method === 'GET' || request.method === 'HEAD') next();
    else response.set('allow', 'GET, HEAD').status(405).type('text/plain').send('method not allowed\n');
  });
  app.get('/healthz', (_request, response) => {
    const alive = live();
    response.status(alive ? 200 : 503).type('text/plain').send(alive ? 'ok\n' : 'not alive\n');
  });
  app.get('/readyz', (_request, response) => {
    const state = ready();
    const { ready: isReady, reasons } = typeof state === 'boolean' ? { ready: state, reasons: [] } : state;
    response.status(isReady ? 200 : 503).json({ ready: isReady, reasons });
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metrics.render();
    response.set('content-type', contentType).send(text);
  });
  for (const [path, answer] of answers ?? []) {
    app.get(path, async (_request, response) => {
      response.status(await answer()).end();
    });
  }
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('not found\n');
  });
  // Express recognises an error handler by its four parameters; its own would print a stack trace.
  app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    response.status(500).type('text/plain').send('internal error\n');
  });
  return app;
}

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // Scrapes are short and repeated; waiting for kept-alive connections would only delay the end.
  server.closeAllConnections();
  return promise;
}
