/**
 * THE request path, top to bottom: snapshot → head and route → authenticate (headers only) → read the message (the
 * exact bytes are kept) → authorise (mints a Permit) → forward (takes the Permit) → audit on close.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Denial } from '../core/denial.ts';
import type { Message } from '../core/mcp/message.ts';
import { parseBodiless, parseMessage } from '../core/mcp/parse-message.ts';
import type { Clock } from '../runtime/clock.ts';
import { createExchange } from './audit/exchange.ts';
import type { CloseCause, Exchange } from './audit/exchange.ts';
import { authenticate } from './authenticate/authenticate.ts';
import { requireLive } from './authenticate/gateway-token.ts';
import { authorize } from './authorize/authorize.ts';
import { readHandover } from './peer/handover.ts';
import type { Handover } from './peer/handover.ts';
import type { Send } from './proxy/send.ts';
import { readBody, RequestAborted } from './read-body.ts';
import { hostAllowed, originAllowed, readRequestHead } from './request-head.ts';
import type { RequestHead } from './request-head.ts';
import { corsHeaders, preflightHeaders } from './respond/cors.ts';
import { errorResponse } from './respond/error-response.ts';
import type { CurrentSnapshot } from './snapshot/current.ts';
import type { Recorder } from './recorder.ts';
import { findRoute } from './snapshot/snapshot.ts';
import type { ServedGeneration, ServedServer, Snapshot } from './snapshot/snapshot.ts';

export interface PipelineOptions {
  readonly maxBodyBytes: number;
  /** Lower-case `host` or `host:port`; the hosts of public URLs are admitted as well. */
  readonly allowedHosts: ReadonlySet<string>;
  readonly allowedOrigins: ReadonlySet<string>;
}

export interface PipelineDeps {
  /** A new id for each request: unique within the process and over its restarts. */
  readonly requestId: () => string;
  readonly current: CurrentSnapshot;
  readonly clock: Clock;
  readonly send: Send;
  readonly recorder: Recorder;
  readonly options: PipelineOptions;
}

/** Runs before the body is read: where a client waits for `100 Continue`, this is what grants it. */
export type BeforeBody = () => void;

export interface Pipeline {
  handle(request: IncomingMessage, response: ServerResponse, beforeBody: BeforeBody): Promise<void>;
  /** The same path, for a request that another sidecar of the server handed over: it is judged again, and goes no further. */
  handleFromPeer(request: IncomingMessage, response: ServerResponse, beforeBody: BeforeBody): Promise<void>;
}

/** Who asks which server, as one snapshot sees it. */
interface Admitted {
  readonly server: ServedServer;
  readonly presented: ServedGeneration;
}

/** W3C Trace Context §3.2: version, trace id, parent id, flags. */
const TRACE_ID = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { requestId, current, clock, send, recorder, options } = deps;

  async function run(exchange: Exchange, request: IncomingMessage, response: ServerResponse, beforeBody: BeforeBody): Promise<void> {
    response.on('close', () => record(exchange, response));
    let origin: string | undefined;
    try {
      const snapshot = requireSnapshot(current);
      const head = readRequestHead(request, snapshot.apiKeyHeaders);
      origin = requireOrigin(head, options.allowedOrigins);
      if (head.method === 'OPTIONS') return answerPreflight(head, route(head, snapshot, exchange), response);
      const admitted = admit(head, snapshot, exchange);
      beforeBody();
      const body = head.method === 'POST' ? await readBody(request, options.maxBodyBytes) : null;
      exchange.bytesIn = body?.length ?? 0;
      // What changed while the body was on its way counts: a token revoked or expired meanwhile is refused.
      const latest = requireSnapshot(current);
      const { server, presented } = latest === snapshot ? admitted : admit(head, latest, exchange);
      requireLive(presented, clock.nowMs());
      const message = messageOf(head, body);
      exchange.message = message;
      requireUsableUpstream(server);
      const permit = authorize(presented.principal, message, server.policy);
      exchange.permitRule = permit.rule;
      await send(permit, { head, body, message, server, presented, exchange, response });
    } catch (cause) {
      refuse(cause, exchange, response, origin);
    }
  }

  function begin(request: IncomingMessage, handover?: Handover): Exchange {
    return createExchange({
      id: requestId(),
      startedMonotonicMs: clock.monotonicMs(),
      peer: handover?.client ?? request.socket.remoteAddress ?? '',
      cameFrom: handover,
      httpMethod: request.method ?? '',
      userAgent: request.headers['user-agent'],
      clientRequestId: request.headers['x-request-id']?.toString(),
      traceId: traceIdOf(request.headers['traceparent']),
    });
  }

  function admit(head: RequestHead, snapshot: Snapshot, exchange: Exchange): Admitted {
    const server = route(head, snapshot, exchange);
    const presented = authenticate(head, server, clock.nowMs());
    exchange.principal = presented.principal;
    return { server, presented };
  }

  function route(head: RequestHead, snapshot: Snapshot, exchange: Exchange): ServedServer {
    if (!hostAllowed(head.host, options.allowedHosts) && !snapshot.hosts.has(head.host)) {
      throw new Denial('ERR_HOST_FORBIDDEN', 'This host is not served here.');
    }
    const found = findRoute(snapshot, head.host, head.path);
    if (found === undefined) throw new Denial('ERR_PATH_UNKNOWN', 'No MCP server is served at this path.');
    if (found.kind === 'refused') throw new Denial('ERR_SERVER_NOT_ACCEPTED', 'The declaration of this server is not accepted.');
    exchange.server = found.server.bundle.server;
    exchange.revision = found.server.bundle.revision;
    return found.server;
  }

  /** The one place that turns causes into answers. After the head has been sent only the connection can say no. */
  function refuse(cause: unknown, exchange: Exchange, response: ServerResponse, origin: string | undefined): void {
    if (cause instanceof RequestAborted) return void response.destroy();
    const denial = cause instanceof Denial ? cause : new Denial('ERR_INTERNAL', 'Internal error.', { cause });
    exchange.denial = denial;
    if (denial.code === 'ERR_INTERNAL') recorder.failed(exchange, cause);
    if (response.headersSent) return void response.destroy();
    answerDenial(denial, exchange, response, origin);
  }

  /** Only an answer that was handed over whole is `completed`; every other end has its own cause. */
  function record(exchange: Exchange, response: ServerResponse): void {
    // A preflight that was answered decided nothing, and anybody may send any number of them.
    if (exchange.httpMethod === 'OPTIONS' && exchange.denial === undefined) return;
    if (response.headersSent) exchange.status = response.statusCode;
    exchange.closeCause ??= endOf(exchange, response);
    recorder.closed(exchange);
  }

  return {
    handle: (request, response, beforeBody) => run(begin(request), request, response, beforeBody),
    handleFromPeer(request, response, beforeBody) {
      const handover = readHandover(request.headers, request.socket.remoteAddress ?? '');
      return run(begin(request, handover), request, response, beforeBody);
    },
  };
}

function traceIdOf(traceparent: string | readonly string[] | undefined): string | undefined {
  return typeof traceparent === 'string' ? TRACE_ID.exec(traceparent)?.[1] : undefined;
}

function requireSnapshot(current: CurrentSnapshot): Snapshot {
  const snapshot = current.get();
  if (snapshot === undefined) throw new Denial('ERR_SNAPSHOT_UNAVAILABLE', 'The gateway has no policy yet.');
  return snapshot;
}

/** MCP 2025-03-26 and later: an Origin that is present must be allowed. The endpoint's own origin is. */
function requireOrigin({ origin, host }: RequestHead, allowed: ReadonlySet<string>): string | undefined {
  if (origin === undefined || originAllowed(origin, allowed)) return origin;
  if (origin === `http://${host}` || origin === `https://${host}`) return origin;
  throw new Denial('ERR_ORIGIN_FORBIDDEN', 'This origin is not allowed.');
}

function answerPreflight(head: RequestHead, server: ServedServer, response: ServerResponse): void {
  if (head.origin === undefined || head.get('access-control-request-method') === undefined) {
    throw new Denial('ERR_HTTP_METHOD_NOT_ALLOWED', 'OPTIONS is only answered as a cross-origin preflight.');
  }
  const requested = head.get('access-control-request-headers');
  const headers = preflightHeaders(head.origin, server.bundle.authentication.apiKeyHeader, requested);
  response.writeHead(204, [...headers]).end();
}

function messageOf(head: RequestHead, body: Buffer | null): Message {
  if (head.method === 'GET') return parseBodiless('stream', head);
  if (head.method === 'DELETE') return parseBodiless('terminate', head);
  return parseMessage(body ?? new Uint8Array(), head);
}

/** A server that needs a credential of its own which cannot be read is closed to everyone. */
function requireUsableUpstream(server: ServedServer): void {
  if (server.upstreamHeaders !== undefined) return;
  throw new Denial('ERR_UPSTREAM_CREDENTIAL_MISSING', 'A credential of the server behind the gateway is missing.');
}

function answerDenial(denial: Denial, exchange: Exchange, response: ServerResponse, origin: string | undefined): void {
  const era = exchange.message?.era;
  const answer = errorResponse(denial, { requestId: exchange.id, ...(era === undefined ? {} : { era }) });
  exchange.bytesOut = Buffer.byteLength(answer.body);
  const headers = ['X-MCP-Gateway-Request-Id', exchange.id, 'Content-Length', String(exchange.bytesOut)];
  // What is still on its way of a refused upload is not read: the connection ends instead.
  if (!response.req.complete) headers.push('Connection', 'close');
  response.writeHead(answer.status, [...answer.headers, ...headers, ...corsHeaders(origin)]).end(answer.body);
}

function endOf(exchange: Exchange, response: ServerResponse): CloseCause {
  if (!response.writableFinished) return exchange.denial === undefined ? 'client-aborted' : 'upstream-aborted';
  return exchange.denial === undefined ? 'completed' : 'refused';
}
