/**
 * Sends one permitted call to the upstream over pooled loopback connections and hands the answer, byte for byte, to a
 * receiver. Nothing is retried: a call is not known to be idempotent.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Pool } from 'undici';
import UndiciPool from 'undici/lib/dispatcher/pool.js';
import { Denial } from '../../core/denial.ts';
import { Permit } from '../authorize/authorize.ts';

export interface UpstreamCall {
  readonly port: number;
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Flat name, value list. */
  readonly headers: string[];
  /** The very bytes that were judged. */
  readonly body: Buffer | null;
}

export interface UpstreamControl {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** Gets the answer in order: started once, data, then one of ended or failed. A throw from it aborts the call. */
export interface UpstreamReceiver {
  /** The call can be aborted from here on. */
  dispatched(control: UpstreamControl): void;
  /** `headers`: flat name, value list; names in lower case, each line of the answer its own pair. */
  started(status: number, headers: readonly string[]): void;
  data(chunk: Buffer): void;
  ended(): void;
  failed(cause: Denial): void;
}

export interface Forwarder {
  forward(permit: Permit, call: UpstreamCall, receiver: UpstreamReceiver): void;
  close(): Promise<void>;
}

/** Below the 5 s after which Node servers close an idle connection, so that ours is never the one to lose the race. */
const IDLE_CONNECTION_MS = 4_000;
const CONNECT_TIMEOUT_MS = 5_000;

export function createForwarder(): Forwarder {
  // Bounded by the ports that servers declare.
  const pools = new Map<number, Pool>();
  return {
    forward(permit, call, receiver) {
      if (!Permit.isPermit(permit)) throw new TypeError('forward needs a Permit made by authorize');
      let pool = pools.get(call.port);
      if (pool === undefined) pools.set(call.port, (pool = openPool(call.port)));
      pool.dispatch(
        { path: call.path, method: call.method, headers: call.headers, body: call.body },
        {
          onRequestStart: (controller) => receiver.dispatched(controller),
          onResponseStart(_controller, status, headers) {
            if (status >= 200) receiver.started(status, flatHeaders(headers));
          },
          onResponseData: (_controller, chunk) => receiver.data(chunk),
          onResponseEnd: () => receiver.ended(),
          onResponseError: (_controller, error) => receiver.failed(denialOf(error)),
        },
      );
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

function openPool(port: number): Pool {
  return new UndiciPool(`http://127.0.0.1:${port}`, {
    // A stream holds its connection for hours: a bound here would make further streams wait without a word.
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
  });
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

/** Judged by the error's code or name, never by its text. A Denial thrown by the receiver keeps its own. */
function denialOf(error: Error): Denial {
  if (error instanceof Denial) return error;
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return new Denial('ERR_UPSTREAM_TIMEOUT', 'The server behind the gateway did not accept a connection in time.', { cause: error });
  }
  if (error.name === 'HTTPParserError' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid answer.', { cause: error });
  }
  return new Denial('ERR_UPSTREAM_UNREACHABLE', 'The server behind the gateway is not reachable.', { cause: error });
}
