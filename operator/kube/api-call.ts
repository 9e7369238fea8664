/** One call of the API as its caller sees it: rate limit, deadline, attempts and the parsed answer. */
import { createDeadline } from './deadline.ts';
import { failureOf } from './failure.ts';
import { KubeError } from './kube-error.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import type { RateLimit } from './rate-limit.ts';
import { type Scheduler, pause } from './scheduler.ts';
import type { Answer, Method, Outgoing, Transport } from './transport.ts';

export interface CallOptions {
  /** For the whole call: waiting, attempts and pauses together. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Does not wait for the client-side rate limit: for the renewal of a lease, which must not queue behind a flood. */
  readonly urgent?: boolean;
}

export interface RequestOptions extends CallOptions {
  readonly method: Method;
  /** Begins with a slash, without a query. */
  readonly path: string;
  /** Members that are `undefined` or empty are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON, whatever the content type. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** May be sent again after a 429 or 503. Default: every method but POST. */
  readonly idempotent?: boolean;
  /** The API server's text about a failure, which may quote the body, is not repeated in the error. */
  readonly confidential?: boolean;
  /** Metric label. Default: the method. */
  readonly verb?: string;
}

export interface ApiCall {
  /** The parsed answer of a call that succeeded. Rejects with a `KubeError`, and within the timeout. */
  request(options: RequestOptions): Promise<unknown>;
  /**
   * The body of a call that succeeded, to be read as it comes; the timeout is for its head. Tried once. `dispose`
   * cuts the connection.
   */
  open(options: RequestOptions): Promise<{ readonly body: AsyncIterable<unknown>; dispose(): void }>;
}

export interface ApiCallOptions {
  readonly transport: Transport;
  readonly host: string;
  readonly rateLimit: RateLimit;
  readonly clock: Scheduler;
  readonly metrics: KubeMetrics;
  readonly timeoutMs: number;
}

const MAX_ATTEMPTS = 10;
/** The pause where the API server names none. */
const PAUSE_MS = 1_000;
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const MAX_FAILURE_BYTES = 64 * 1024;

export function createApiCall({ transport, host, rateLimit, clock, metrics, timeoutMs }: ApiCallOptions): ApiCall {
  async function attempt(options: RequestOptions, signal: AbortSignal): Promise<Answer> {
    const outgoing = outgoingOf(options, signal);
    if (options.urgent !== true) {
      const startedMs = clock.monotonicMs();
      await rateLimit.turn(signal);
      metrics.rateLimitSeconds.labels({ verb: outgoing.verb, host }).observe((clock.monotonicMs() - startedMs) / 1000);
    }
    signal.throwIfAborted();
    const answer = await transport.send(outgoing);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await refusalOf(answer, options);
  }

  async function succeed(options: RequestOptions, signal: AbortSignal, endMs: number): Promise<unknown> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await readJson(await attempt(options, signal));
      } catch (error) {
        const pauseMs = attempts < MAX_ATTEMPTS ? retryPauseMs(error, options) : undefined;
        // The refusal tells more than the timeout that waiting would end in.
        if (pauseMs === undefined || clock.monotonicMs() + pauseMs >= endMs) throw error;
        await pause(clock, pauseMs, signal);
      }
    }
  }

  return {
    async request(options) {
      const limitMs = options.timeoutMs ?? timeoutMs;
      const deadline = createDeadline(clock, limitMs, options.signal);
      try {
        return await succeed(options, deadline.signal, clock.monotonicMs() + limitMs);
      } finally {
        deadline.dispose();
      }
    },

    async open(options) {
      const deadline = createDeadline(clock, options.timeoutMs ?? timeoutMs, options.signal);
      try {
        const { body } = await attempt(options, deadline.signal);
        deadline.lift();
        return { body, dispose: () => deadline.dispose() };
      } catch (error) {
        deadline.dispose();
        throw error;
      }
    },
  };
}

function outgoingOf(options: RequestOptions, signal: AbortSignal): Outgoing {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  const { method, path, contentType, verb = method } = options;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  return { method, path, query, body, contentType, verb, signal };
}

function retryPauseMs(error: unknown, { method, idempotent = method !== 'POST' }: RequestOptions): number | undefined {
  if (!idempotent || !(error instanceof KubeError)) return undefined;
  return error.status === 429 || error.status === 503 ? (error.retryAfterMs ?? PAUSE_MS) : undefined;
}

async function refusalOf(answer: Answer, { method, path, confidential = false }: RequestOptions): Promise<KubeError> {
  const { status, retryAfterMs } = answer;
  const text = await readText(answer.body, MAX_FAILURE_BYTES);
  return failureOf(`${method} ${path}`, parseJson(text), { status, retryAfterMs, confidential });
}

async function readJson(answer: Answer): Promise<unknown> {
  const value = parseJson(await readText(answer.body, MAX_BODY_BYTES));
  if (value === undefined) throw new KubeError('ResponseMalformed', 'the API server sent something that is no JSON');
  return value;
}

/** `undefined` if it is no JSON: the parser's own message would quote it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(body: AsyncIterable<unknown>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the body does not consist of bytes');
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) throw new KubeError('ResponseMalformed', 'the API server sent too much');
  }
  return Buffer.concat(chunks).toString('utf8');
}

