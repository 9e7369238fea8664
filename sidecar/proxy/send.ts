/** Sends one permitted call and relays its answer; while it is open a change of policy can cut it. */
import type { ServerResponse } from 'node:http';
import { Denial } from '../../core/denial.ts';
import type { ListKind, Message } from '../../core/mcp/message.ts';
import { listKindOf } from '../../core/mcp/method.ts';
import { isListed } from '../../core/policy/evaluate.ts';
import { sessionName } from '../audit/exchange.ts';
import type { CloseCause, Exchange } from '../audit/exchange.ts';
import type { Permit } from '../authorize/authorize.ts';
import type { OpenExchange, OpenExchanges } from '../open-exchanges.ts';
import type { RequestHead } from '../request-head.ts';
import { corsHeaders } from '../respond/cors.ts';
import { handedHeaders } from '../peer/handover.ts';
import type { PeerForwarder } from '../peer/forward.ts';
import { lostSession, placeOfSession, sessionShownAs, unknownSession } from '../session/bound-session.ts';
import type { OwnPlace } from '../session/bound-session.ts';
import type { Holder } from '../session/holder.ts';
import type { ServedGeneration, ServedServer } from '../snapshot/snapshot.ts';
import type { Forwarder } from './forward.ts';
import { upstreamRequestHeaders } from './headers.ts';
import { createEventStreamFilter, createJsonBodyFilter } from './list-filter.ts';
import type { ListPlan } from './list-filter.ts';
import type { CallReceiver } from './pool.ts';
import { createRelay } from './relay.ts';

export interface PermittedCall {
  readonly head: RequestHead;
  /** The exact bytes that were judged; `null` for GET and DELETE. */
  readonly body: Buffer | null;
  readonly message: Message;
  readonly server: ServedServer;
  readonly presented: ServedGeneration;
  readonly exchange: Exchange;
  readonly response: ServerResponse;
}

/** Resolves when the client has the whole answer; rejects with the denial to answer, or to cut the connection with. */
export type Send = (permit: Permit, call: PermittedCall) => Promise<void>;

export interface SendDeps {
  readonly forwarder: Forwarder;
  /** Absent: there is one gateway, and every session is here. */
  readonly peers: { readonly own: OwnPlace; readonly forwarder: PeerForwarder } | undefined;
  readonly open: OpenExchanges;
  /** Told when a stream has begun: its decision is recorded before its end, which may be hours away. */
  streamStarted(exchange: Exchange): void;
}

/** Who carries the call out: the upstream beside this gateway, or the sidecar that holds its session. */
interface Destination {
  /** The session id to show the client for the one in the answer. */
  sessionShown(id: string): string | undefined;
  unauthorized(): Denial;
  dispatch(receiver: CallReceiver): void;
}

export function createSend({ forwarder, peers, open, streamStarted }: SendDeps): Send {
  return async function send(permit, call) {
    const { head, message, server, presented, exchange, response } = call;
    const destination = destinationOf(permit, call);
    if (head.sessionId !== undefined) exchange.sessionId = sessionName(head.sessionId);
    const entry: OpenExchange = { exchange, message, presented, server, cut };
    const plan = planLists(message);
    const shows = (kind: ListKind, listed: unknown): boolean => isListed(entry.presented.principal, kind, listed, entry.server.policy);
    const relay = createRelay({
      response,
      extraHeaders: ['X-MCP-Gateway-Request-Id', exchange.id, ...corsHeaders(head.origin)],
      filterFor(contentType) {
        if (plan === undefined) return undefined;
        const create = contentType === 'json' ? createJsonBodyFilter : createEventStreamFilter;
        return create(plan, shows, message.era);
      },
      wrapSessionId: (id) => destination.sessionShown(id),
      unauthorized: () => destination.unauthorized(),
      streaming: () => streamStarted(exchange),
      sent(bytes) {
        exchange.bytesOut += bytes;
      },
    });
    function cut(cause: CloseCause, denial: Denial): void {
      exchange.closeCause ??= cause;
      relay.abort(denial);
    }
    open.add(entry);
    try {
      destination.dispatch(relay.receiver);
      await relay.done;
    } finally {
      open.remove(entry);
    }
  };

  function destinationOf(permit: Permit, call: PermittedCall): Destination {
    const { head, message, server, presented: { principal } } = call;
    const place = placeOfSession(head, message, { server, principal, own: peers?.own });
    if (place.kind === 'here') return upstream(permit, call, place.upstreamId);
    // It was sent here as to the holder of its session: whoever sent it knows no better than this gateway does.
    if (peers === undefined || call.exchange.cameFrom !== undefined) throw unknownSession(message);
    return peer(permit, call, { holder: place.holder, through: peers.forwarder });
  }

  function upstream(permit: Permit, call: PermittedCall, sessionId: string | undefined): Destination {
    const { message, server, presented: { principal }, exchange, body } = call;
    const headers = headersFor(call, sessionId);
    exchange.upstreamCredentials = server.upstreamHeaders?.map(({ reference }) => reference);
    return {
      sessionShown: (id) => sessionShownAs(id, message, { server, principal, own: peers?.own }),
      unauthorized: () => new Denial('ERR_UPSTREAM_CREDENTIAL_REFUSED', 'The server behind the gateway refused the credential of the gateway.'),
      dispatch(receiver) {
        exchange.upstreamCalled = true;
        const { port, path } = server.bundle.upstream;
        forwarder.forward(permit, { port, path, method: METHOD_OF[message.kind], headers, body }, receiver);
      },
    };
  }

  /** As the client asked, for the other side to judge; what it answers is what the client is shown. */
  function peer(permit: Permit, call: PermittedCall, { holder, through }: { readonly holder: Holder; readonly through: PeerForwarder }): Destination {
    const { head, message, server, exchange, body } = call;
    const headers = handedHeaders(head, server.bundle.authentication.apiKeyHeader, { client: exchange.peer, requestId: exchange.id });
    if (body !== null) headers.push('content-length', String(body.length));
    return {
      sessionShown: (id) => id,
      // The other side knows of a revocation first, perhaps.
      unauthorized: () => new Denial('ERR_CREDENTIAL_INVALID', 'The credential is not valid.'),
      dispatch(receiver) {
        exchange.handedTo = holder.podUid;
        through.forward(permit, holder, { path: head.path, method: METHOD_OF[message.kind], headers, body }, receiver, (cause) => lostSession(message, cause));
      },
    };
  }
}

/** Which lists an answer may hold: by request id for a POST; by shape for a GET stream, which may replay any answer. */
function planLists(message: Message): ListPlan | undefined {
  if (message.kind === 'stream') return { kind: 'by-shape' };
  if (message.kind === 'terminate') return undefined;
  const lists = new Map<string | number, ListKind>();
  for (const entry of message.kind === 'single' ? [message.entry] : message.entries) {
    const kind = entry.kind === 'request' ? listKindOf(entry.method) : undefined;
    if (entry.kind === 'request' && kind !== undefined) lists.set(entry.id, kind);
  }
  return lists.size === 0 ? undefined : { kind: 'by-id', lists };
}

/** By what was judged, so that no other method than the judged one can be sent. */
const METHOD_OF = { single: 'POST', batch: 'POST', stream: 'GET', terminate: 'DELETE' } as const satisfies Record<Message['kind'], string>;

/** The managed namespace is never copied from the client, so what is set here is all the upstream sees of it. */
function headersFor(call: PermittedCall, upstreamSessionId: string | undefined): string[] {
  const { head, message, server, presented, exchange, body } = call;
  if (presented.identityHeaders === undefined) {
    throw new Denial('ERR_PERMISSION_DENIED', 'The identity is too large to be forwarded.');
  }
  const headers = upstreamRequestHeaders(head, server.bundle.upstream.port, message.era);
  for (const { name, value } of server.upstreamHeaders ?? []) headers.push(name, value);
  headers.push(...presented.identityHeaders, 'x-mcp-gateway-request-id', exchange.id);
  if (upstreamSessionId !== undefined) headers.push('mcp-session-id', upstreamSessionId);
  if (body !== null) headers.push('content-length', String(body.length));
  return headers;
}
