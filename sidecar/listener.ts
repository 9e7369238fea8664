/** The socket that clients reach: TLS 1.2 or later (plain HTTP only when configured), HTTP/1.1, bounded in every way. */
import { createServer as createPlainServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { listen } from '../runtime/listen.ts';
import type { ListenAddress } from '../runtime/listen.ts';
import { SERVER_TLS } from '../runtime/server-tls.ts';
import type { BeforeBody } from './pipeline.ts';
import type { TlsMaterial } from './tls-files.ts';

export interface ListenerOptions extends ListenAddress {
  readonly maxConnections: number;
  /** Absent: plain HTTP. */
  readonly tls?: ListenerTls & { readonly requestCert?: boolean; readonly rejectUnauthorized?: boolean };
}

/** PEM texts. Without a certificate no handshake succeeds. */
export interface ListenerTls extends Partial<TlsMaterial> {
  readonly minVersion?: 'TLSv1.3';
  /** Who vouches for clients, where their certificates are asked for. */
  readonly ca?: readonly string[];
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse, beforeBody: BeforeBody) => Promise<void>;

export interface ListenerDeps {
  readonly handle: RequestHandler;
  /** Bytes that are not a request the parser accepts; `code` names the fault, from a closed set. */
  malformed(peer: string, code: string): void;
  /** A handshake succeeded; no request of the connection has been read. */
  secured?(socket: TLSSocket): void;
}

export interface Listener {
  start(): Promise<{ readonly address: string; readonly port: number }>;
  /** New handshakes use this; tickets of the old context are void (no ticket keys are ever set or shared). */
  setTls(tls: ListenerTls): void;
  /** Stops accepting, and closes connections as they become idle or have their answer. */
  stopAccepting(): void;
  /** Resolves when no request is being received or answered. */
  idle(): Promise<void>;
  closeAll(): Promise<void>;
}

/** Above the idle time of common load balancers (60 s), so that they, not the listener, end an idle connection. */
const KEEP_ALIVE_MS = 75_000;
const DRAIN_POLL_MS = 100;
/** Requests of one connection that may wait for the answer to an earlier one. */
const MAX_PIPELINED = 16;

const LIMITS = {
  headersTimeout: 10_000,
  // Covers the receipt of a request; a response may stream for hours.
  requestTimeout: 30_000,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: true,
  insecureHTTPParser: false,
  joinDuplicateHeaders: false,
  noDelay: true,
} as const satisfies ServerOptions;

const STATUS_OF: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

export function createListener(options: ListenerOptions, deps: ListenerDeps): Listener {
  const tlsServer = options.tls === undefined ? undefined : createTlsServer({ ...LIMITS, ...SERVER_TLS, ...contextOf(options.tls) });
  const server: Server | TlsServer = tlsServer ?? createPlainServer(LIMITS);
  server.maxConnections = options.maxConnections;
  const answering = createAnswering();
  serve(server, deps, answering);
  tlsServer?.on('secureConnection', (socket) => deps.secured?.(socket));
  let draining: NodeJS.Timeout | undefined;

  return {
    start: () => listen(server, options),
    setTls: (tls) => tlsServer?.setSecureContext({ ...SERVER_TLS, ...contextOf(tls) }),
    stopAccepting() {
      server.close();
      answering.last();
      draining ??= setInterval(() => server.closeIdleConnections(), DRAIN_POLL_MS);
    },
    idle: () => answering.idle(),
    closeAll() {
      clearInterval(draining);
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Node wants a list that it may change. */
function contextOf<T extends ListenerTls>({ ca, ...tls }: T): Omit<T, 'ca'> & { ca?: string[] } {
  return ca === undefined ? tls : { ...tls, ca: [...ca] };
}

/** The connections on which an answer is not complete. */
interface Answering {
  /** Starts the request when it is its turn: never, if the connection ends before. */
  begin(socket: Socket, response: ServerResponse, start: () => void): void;
  isOn(socket: Duplex): boolean;
  /** From now on the first answer on a connection is its last. */
  last(): void;
  idle(): Promise<void>;
}

/**
 * Pipelined requests start one after the other. Started at once, one connection could hold any number of calls open
 * upstream, and a call could be carried out behind an answer that closes the connection.
 */
function createAnswering(): Answering {
  // One entry per connection, not per request: see createOpenExchanges for what a Map that always changes costs.
  const connections = new Map<Duplex, Connection>();
  const waiting: (() => void)[] = [];
  let busy = 0;
  let keepAlive = true;

  function connectionOf(socket: Socket): Connection {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const connection: Connection = { isAnswering: false, queue: [] };
    connections.set(socket, connection);
    socket.once('close', () => connections.delete(socket));
    return connection;
  }

  function end(socket: Socket, connection: Connection): void {
    const next = socket.writable ? connection.queue.shift() : undefined;
    if (next !== undefined) return next();
    connection.isAnswering = false;
    busy -= 1;
    if (busy === 0) for (const resolve of waiting.splice(0)) resolve();
  }

  return {
    begin(socket, response, start) {
      // The answer before it ends the connection, so nobody would ever learn the outcome.
      if (!socket.writable) return;
      const connection = connectionOf(socket);
      const turn = (): void => {
        response.on('close', () => end(socket, connection));
        if (!keepAlive) response.shouldKeepAlive = false;
        start();
      };
      if (!connection.isAnswering) {
        connection.isAnswering = true;
        busy += 1;
        turn();
      } else if (connection.queue.length < MAX_PIPELINED) connection.queue.push(turn);
      else socket.destroy();
    },
    isOn: (socket) => connections.get(socket)?.isAnswering === true,
    last() {
      keepAlive = false;
    },
    idle: () => (busy === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

interface Connection {
  isAnswering: boolean;
  /** Requests that wait for the answer to an earlier one. */
  readonly queue: (() => void)[];
}

function serve(server: Server | TlsServer, { handle, malformed }: ListenerDeps, answering: Answering): void {
  const run = (request: IncomingMessage, response: ServerResponse, beforeBody: BeforeBody): void =>
    answering.begin(request.socket, response, () => void handle(request, response, beforeBody));
  // In the middle of an answer another status line would be read as part of it.
  const endWith = (socket: Duplex, status: string): void => {
    if (answering.isOn(socket)) return void socket.destroy();
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
  };
  server.on('request', (request, response) => run(request, response, () => undefined));
  const refuseExpectation = (request: IncomingMessage, response: ServerResponse): void => {
    malformed(request.socket.remoteAddress ?? '', 'EXPECTATION_UNKNOWN');
    response.writeHead(417, { Connection: 'close', 'Content-Length': '0' }).end();
  };
  server.on('checkContinue', (request, response) => {
    // Node looks for the word anywhere in the value.
    if (request.headers.expect?.toLowerCase() !== '100-continue') return refuseExpectation(request, response);
    // A client that waits for 100 gets it only after its credential has been accepted.
    run(request, response, () => response.writeContinue());
  });
  server.on('checkExpectation', refuseExpectation);
  const refuseTunnel = (request: IncomingMessage, socket: Duplex): void => {
    malformed(request.socket.remoteAddress ?? '', 'TUNNEL_REFUSED');
    // Node hands the socket over without a listener: a reset by the client would end the process.
    socket.on('error', () => socket.destroy());
    endWith(socket, '501 Not Implemented');
  };
  server.on('upgrade', refuseTunnel);
  server.on('connect', refuseTunnel);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const code = error.code ?? 'UNKNOWN';
    if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    malformed(socket.remoteAddress ?? '', code);
    endWith(socket, STATUS_OF[code] ?? '400 Bad Request');
  });
  // An answer would wait for the end of a handshake that never comes, and keep the connection for ever.
  server.on('tlsClientError', (_error: Error, socket: Duplex) => socket.destroy());
}
