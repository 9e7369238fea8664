/** One HTTP exchange with the API server: bytes out, an answer whose body is still to be read, counted and timed. */
import { errorCodeOf } from '../../runtime/error-code.ts';
import type { Connection, Dispatcher } from './kube-config.ts';
import { KubeError } from './kube-error.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import type { Scheduler } from './scheduler.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Outgoing {
  readonly method: Method;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
  /** As a metric label; a watch is no GET to those who read dashboards. */
  readonly verb: string;
  /** Cuts the exchange until its body has been read to the end. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** Bytes; rejects with a `KubeError`. Leaving the iteration early closes the connection. */
  readonly body: AsyncIterable<unknown>;
}

export interface TransportOptions {
  readonly connection: Connection;
  readonly userAgent: string;
  readonly clock: Scheduler;
  readonly metrics: KubeMetrics;
}

export interface Transport {
  /** Resolves once the head of the answer is here, whatever its status. */
  send(outgoing: Outgoing): Promise<Answer>;
}

export function createTransport({ connection, userAgent, clock, metrics }: TransportOptions): Transport {
  const { host, origin, basePath } = connection;

  async function exchange(outgoing: Outgoing): ReturnType<Dispatcher['request']> {
    const { method, path, query, body, contentType, signal } = outgoing;
    const { dispatcher, headers } = await access(connection);
    signal.throwIfAborted();
    const search = query.size === 0 ? '' : `?${query.toString()}`;
    const content = body === undefined ? {} : { 'content-type': contentType ?? 'application/json' };
    const options = {
      origin,
      path: `${basePath}${path}${search}`,
      method,
      headers: { ...headers, accept: 'application/json', 'user-agent': userAgent, ...content },
      signal,
      // HTTP/2 would put every watch on one connection: were that dead without a sign, all would be, and so would be
      // each attempt to open another, until the session itself gave up.
      allowH2: false,
      // The caller's signal is the only deadline: a quiet watch is no failure.
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(body === undefined ? {} : { body }),
    };
    return dispatcher.request(options);
  }

  return {
    async send(outgoing) {
      const action = `${outgoing.method} ${outgoing.path}`;
      const startedMs = clock.monotonicMs();
      let code = '<error>';
      try {
        const { statusCode, headers, body } = await exchange(outgoing);
        code = String(statusCode);
        return { status: statusCode, retryAfterMs: retryAfterOf(headers['retry-after']), body: translated(body, action) };
      } catch (error) {
        throw connectionFailure(action, error);
      } finally {
        metrics.requests.labels({ code, method: outgoing.method, host }).inc();
        metrics.requestSeconds.labels({ verb: outgoing.verb, host }).observe((clock.monotonicMs() - startedMs) / 1000);
      }
    },
  };
}

async function access(connection: Connection): ReturnType<Connection['access']> {
  try {
    return await connection.access();
  } catch (error) {
    // No cause: a credential plugin's output may be in it.
    throw new KubeError('CredentialsUnavailable', `the credentials for the API server cannot be read (${errorCodeOf(error) ?? 'unknown'})`);
  }
}

async function* translated(body: AsyncIterable<unknown>, action: string): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw connectionFailure(action, error);
  }
}

function connectionFailure(action: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError('ConnectionFailed', `${action}: no complete answer (${errorCodeOf(error) ?? 'unknown'})`, { cause: error });
}

function retryAfterOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}
