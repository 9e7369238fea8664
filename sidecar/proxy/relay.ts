/**
 * Relays the upstream's answer to the client: bytes as they come, lists filtered, session ids bound to the principal.
 * A stream is flushed at once, has no timeout, and ends on both sides when either side ends.
 */
import type { ServerResponse } from 'node:http';
import { Denial } from '../../core/denial.ts';
import { createGatheredBytes } from '../../runtime/gathered-bytes.ts';
import type { CallControl, CallReceiver } from './pool.ts';
import { createBoundaryTracker } from './event-stream.ts';
import type { AnswerFilter } from './list-filter.ts';
import { clientResponseHeaders, isRedirect } from './headers.ts';

export interface RelayContext {
  readonly response: ServerResponse;
  /** Flat list added to every answer: request id and cross-origin headers. */
  readonly extraHeaders: readonly string[];
  /** A fresh filter for an answer of this kind, or `undefined` where the answer holds no list. */
  filterFor(contentType: 'json' | 'event-stream'): AnswerFilter | undefined;
  /** The id to show the client for the session id the upstream sent; `undefined` drops it. */
  wrapSessionId(upstreamId: string): string | undefined;
  /** What a 401 of the other side means to the client: its challenge speaks to whoever presented a credential to it. */
  unauthorized(): Denial;
  /** Called once, when the head of an event stream has been sent. */
  streaming(): void;
  /** Bytes of the answer's body, as sent to the client. */
  sent(bytes: number): void;
}

/** Comments of this interval keep middleboxes from cutting a silent stream; several cut at 60 s or more. */
const KEEP_ALIVE_MS = 25_000;
const KEEP_ALIVE_COMMENT = ':\n\n';
/** A filtered JSON answer is held whole before its first byte is sent. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** Up to this size head and body leave in one write. */
const ONE_WRITE_BYTES = 64 * 1024;

export interface Relay {
  readonly receiver: CallReceiver;
  /** Resolves when the connection has taken the whole answer or is gone; rejects with the denial to answer or to cut with. */
  readonly done: Promise<void>;
  /** Ends both sides now. */
  abort(reason: Denial | undefined): void;
}

export function createRelay(context: RelayContext): Relay {
  const { response } = context;
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let control: CallControl | undefined;
  let aborted: Error | undefined;
  let answer: Answer | undefined;

  function abort(reason: Denial | undefined): void {
    if (aborted !== undefined) return;
    aborted = reason ?? new Error('the client went away');
    control?.abort(aborted);
    answer?.stop();
    if (reason !== undefined) reject(reason);
  }
  response.on('close', () => {
    if (!response.writableFinished) abort(undefined);
    resolve();
  });

  const receiver: CallReceiver = {
    dispatched(next) {
      control = next;
      if (aborted !== undefined) next.abort(aborted);
    },
    started(status, rawHeaders) {
      if (aborted !== undefined) return;
      answer = startAnswer(context, status, rawHeaders);
    },
    data(chunk) {
      if (aborted !== undefined || answer === undefined) return;
      if (answer.push(chunk)) return;
      control?.pause();
      response.once('drain', () => control?.resume());
    },
    ended() {
      if (aborted !== undefined || answer === undefined) return;
      try {
        answer.end();
      } catch (cause) {
        answer.stop();
        reject(cause instanceof Denial ? cause : new Denial('ERR_INTERNAL', 'Internal error.', { cause }));
      }
    },
    failed(cause) {
      if (aborted !== undefined) return;
      answer?.stop();
      reject(cause);
    },
  };
  return { receiver, done, abort };
}

/** One answer being relayed. `push` says whether the client keeps up. */
interface Answer {
  push(chunk: Buffer): boolean;
  end(): void;
  stop(): void;
}

function startAnswer(context: RelayContext, status: number, rawHeaders: readonly string[]): Answer {
  requireForClient(status, context);
  const head = clientResponseHeaders(rawHeaders);
  const headers = [...head.headers, ...context.extraHeaders, ...sessionHeader(context, head.sessionId)];
  const isStream = head.kind === 'event-stream';
  const filter = context.filterFor(isStream ? 'event-stream' : 'json');
  // A list in a form the gateway cannot read is never passed on: only an answer without a body may follow.
  if (filter !== undefined && head.kind === 'other') return relayEmpty(context, status, headers);
  // What cannot be read cannot be filtered, nor could a comment be put into it.
  if (head.contentEncoding && (filter !== undefined || isStream)) throw invalidAnswer();
  if (isStream) return relayEvents(context, status, headers, filter);
  if (filter !== undefined) return relayFiltered(context, status, headers, filter);
  return relayBytes(context, status, headers, head.contentLength);
}

function sessionHeader({ wrapSessionId }: RelayContext, upstreamId: string | undefined): readonly string[] {
  const shown = upstreamId === undefined ? undefined : wrapSessionId(upstreamId);
  return shown === undefined ? [] : ['Mcp-Session-Id', shown];
}

function requireForClient(status: number, { unauthorized }: RelayContext): void {
  // What 600 or 999 means each reader decides for itself.
  if (isRedirect(status) || status > 599) throw invalidAnswer();
  if (status === 401) throw unauthorized();
}

function relayBytes(context: RelayContext, status: number, headers: string[], contentLength: number | undefined): Answer {
  const { response } = context;
  // RFC 9110 §8.6: a 204 has no length, and whoever believes one waits for the next answer's bytes.
  if (contentLength !== undefined && status !== 204) headers.push('Content-Length', String(contentLength));
  if (contentLength !== undefined && contentLength <= ONE_WRITE_BYTES) return relayWhole(context, status, headers);
  response.writeHead(status, headers);
  response.flushHeaders();
  return {
    push(chunk) {
      context.sent(chunk.length);
      return response.write(chunk);
    },
    end: () => void response.end(),
    stop: () => undefined,
  };
}

/** A short answer leaves when it is complete: until then a revocation is still answered instead of cutting it. */
function relayWhole(context: RelayContext, status: number, headers: string[]): Answer {
  const body = createGatheredBytes();
  return {
    push(chunk) {
      body.push(chunk);
      return true;
    },
    end() {
      const bytes = body.take();
      context.sent(bytes.length);
      // One character a byte: head and body are then one string and one write, where a buffer would make two.
      context.response.writeHead(status, headers).end(bytes.toString('latin1'), 'latin1');
    },
    stop: () => undefined,
  };
}

function relayEmpty(context: RelayContext, status: number, headers: string[]): Answer {
  return {
    push() {
      throw invalidAnswer();
    },
    end: () => void context.response.writeHead(status, headers).end(),
    stop: () => undefined,
  };
}

function relayFiltered(context: RelayContext, status: number, headers: string[], filter: AnswerFilter): Answer {
  const parts: Buffer[] = [];
  let bytes = 0;
  const hold = (chunks: readonly Buffer[]): void => {
    for (const chunk of chunks) {
      parts.push(chunk);
      bytes += chunk.length;
    }
    if (bytes > MAX_HELD_BYTES) throw invalidAnswer();
  };
  return {
    push(chunk) {
      hold(filter.push(chunk));
      return true;
    },
    end() {
      hold(filter.end());
      headers.push('Content-Length', String(bytes));
      context.sent(bytes);
      context.response.writeHead(status, headers).end(Buffer.concat(parts, bytes));
    },
    stop: () => undefined,
  };
}

function relayEvents(context: RelayContext, status: number, headers: string[], filter: AnswerFilter | undefined): Answer {
  const { response } = context;
  const boundary = createBoundaryTracker();
  response.writeHead(status, headers);
  response.flushHeaders();
  response.socket?.setNoDelay(true);
  context.streaming();
  const write = (chunk: Buffer): boolean => {
    keepAlive.refresh();
    boundary.push(chunk);
    context.sent(chunk.length);
    return response.write(chunk);
  };
  const keepAlive = setInterval(() => {
    if (boundary.atBoundary()) response.write(KEEP_ALIVE_COMMENT);
  }, KEEP_ALIVE_MS);
  return {
    push(chunk) {
      if (filter === undefined) return write(chunk);
      let keepsUp = true;
      for (const part of filter.push(chunk)) keepsUp = write(part);
      return keepsUp;
    },
    end() {
      clearInterval(keepAlive);
      for (const part of filter?.end() ?? []) write(part);
      response.end();
    },
    stop: () => clearInterval(keepAlive),
  };
}

function invalidAnswer(): Denial {
  return new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid answer.');
}
