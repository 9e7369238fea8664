/**
 * Sends one permitted call to the upstream over pooled loopback connections and hands the answer, byte for byte, to a
 * receiver. Nothing is retried: a call is not known to be idempotent.
 */
import { Denial } from '../../core/denial.ts';
import { Permit } from '../authorize/authorize.ts';
import { dispatch, openConnections } from './pool.ts';
import type { Call, CallReceiver, Connections } from './pool.ts';

export interface UpstreamCall extends Call {
  readonly port: number;
}

export interface Forwarder {
  forward(permit: Permit, call: UpstreamCall, receiver: CallReceiver): void;
  close(): Promise<void>;
}

export function createForwarder(): Forwarder {
  // Bounded by the ports that servers declare.
  const pools = new Map<number, Connections>();
  return {
    forward(permit, call, receiver) {
      if (!Permit.isPermit(permit)) throw new TypeError('forward needs a Permit made by authorize');
      let pool = pools.get(call.port);
      if (pool === undefined) pools.set(call.port, (pool = openConnections(`http://127.0.0.1:${call.port}`)));
      dispatch(pool, call, receiver, denialOf);
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

/** Judged by the error's code or name, never by its text. A Denial thrown by the receiver keeps its own. */
export function denialOf(error: Error): Denial {
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
