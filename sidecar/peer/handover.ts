/**
 * What one sidecar hands to another: the client's own request, as far as the other has to judge it again, and who the
 * client was. The two headers that say so count on the port of peers alone; elsewhere nobody reads or copies them.
 */
import { isIP } from 'node:net';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHead } from '../request-head.ts';

/** Of a request that came from another sidecar: whom that sidecar had it from. */
export interface Handover {
  /** Address of the client; empty if it was not told. */
  readonly client: string;
  /** The other sidecar's own id of the request; empty if it was not told. */
  readonly requestId: string;
  /** Address of the other sidecar. */
  readonly address: string;
}

const CLIENT = 'x-mcp-gateway-peer-client';
const REQUEST = 'x-mcp-gateway-peer-request';
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** What the other side reads to route, authenticate and judge; `mcp-*` and the server's API key header come with them. */
const TO_PEER: ReadonlySet<string> = new Set([
  'authorization', 'accept', 'accept-language', 'content-type', 'user-agent', 'last-event-id', 'x-request-id', 'traceparent', 'tracestate',
]);

/**
 * Flat name, value list without `Content-Length`. Guaranteed: nothing that the gateway manages is copied from the
 * client. It holds the client's credential: it is for a connection whose other end has proved to be a peer.
 */
export function handedHeaders(head: RequestHead, apiKeyHeader: string | undefined, from: { readonly client: string; readonly requestId: string }): string[] {
  const flat = ['host', head.host];
  for (const [name, value] of head.headers) {
    if (TO_PEER.has(name) || name.startsWith('mcp-') || name === apiKeyHeader) flat.push(name, value);
  }
  flat.push(CLIENT, from.client, REQUEST, from.requestId);
  return flat;
}

/** Only for a request whose connection has proved to be a peer's. */
export function readHandover(headers: IncomingHttpHeaders, address: string): Handover {
  const [client, requestId] = [headers[CLIENT]?.toString() ?? '', headers[REQUEST]?.toString() ?? ''];
  return { client: isIP(client) === 0 ? '' : client, requestId: REQUEST_ID.test(requestId) ? requestId : '', address };
}
