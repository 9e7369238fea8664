/** Pooled HTTP/1.1 connections to one origin, and one call over them. The one door of undici. Nothing is retried. */
import type { IncomingHttpHeaders } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { buildConnector, Pool } from 'undici';
import UndiciPool from 'undici/lib/dispatcher/pool.js';
import type { Denial } from '../../core/denial.ts';

export interface Call {
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Flat name, value list. */
  readonly headers: string[];
  /** The very bytes that were judged. */
  readonly body: Buffer | null;
}

export interface CallControl {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** Gets the answer in order: started once, data, then one of ended or failed. A throw from it aborts the call. */
export interface CallReceiver {
  /** The call can be aborted from here on. */
  dispatched(control: CallControl): void;
  /** `headers`: flat name, value list; names in lower case, each line of the answer its own pair. */
  started(status: number, headers: readonly string[]): void;
  data(chunk: Buffer): void;
  ended(): void;
  failed(cause: Denial): void;
}

export type Connections = Pick<Pool, 'dispatch' | 'close' | 'destroy'>;
/** Rejects with what the call then fails with. */
export type Connect = () => Promise<TLSSocket>;

/** Below the 5 s after which Node servers close an idle connection, so that ours is never the one to lose the race. */
const IDLE_CONNECTION_MS = 4_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** `connect` makes each connection, in place of the pool's own way. */
export function openConnections(origin: string, connect?: Connect): Connections {
  return new UndiciPool(origin, {
    // A stream holds its connection for hours: a bound here would make further streams wait without a word. Each call
    // holds a connection of the listener, whose number is bounded.
    connections: null,
    pipelining: 1,
    allowH2: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    // A tool may work for an hour, and a stream may be silent for as long.
    headersTimeout: 0,
    bodyTimeout: 0,
    strictContentLength: true,
    ...(connect === undefined ? {} : { connect: connectorOf(connect) }),
  });
}

function connectorOf(connect: Connect): buildConnector.connector {
  return (_options, callback) => {
    void connect().then(
      // oxlint-disable-next-line promise/no-callback-in-promise -- undici takes nothing else.
      (socket) => callback(null, socket),
      // oxlint-disable-next-line promise/no-callback-in-promise
      (error: unknown) => callback(error instanceof Error ? error : new Error('no connection', { cause: error }), null),
    );
  };
}

/** `denialOf` is told whether the call had begun to be sent. */
export function dispatch(connections: Connections, call: Call, receiver: CallReceiver, denialOf: (error: Error, sent: boolean) => Denial): void {
  let sent = false;
  connections.dispatch(
    { path: call.path, method: call.method, headers: call.headers, body: call.body },
    {
      onRequestStart(controller) {
        sent = true;
        receiver.dispatched(controller);
      },
      onResponseStart(_controller, status, headers) {
        if (status >= 200) receiver.started(status, flatHeaders(headers));
      },
      onResponseData: (_controller, chunk) => receiver.data(chunk),
      onResponseEnd: () => receiver.ended(),
      onResponseError: (_controller, error) => receiver.failed(denialOf(error, sent)),
    },
  );
}

/** undici has read names in lower case and values as Latin-1; of a header that came twice it has a list. */
function flatHeaders(headers: IncomingHttpHeaders): readonly string[] {
  const flat: string[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') flat.push(name, value);
    else for (const each of value ?? []) flat.push(name, each);
  }
  return flat;
}
