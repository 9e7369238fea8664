/**
 * Headers of both directions, each a set built from an allow-list. A list of what to drop is always one name short:
 * of the next proxy's identity header upstream, of the next browser feature (`Set-Cookie`, `Clear-Site-Data`,
 * `Service-Worker-Allowed`, ...) under the gateway's own origin downstream.
 */
import { Denial } from '../../core/denial.ts';
import type { Era } from '../../core/mcp/message.ts';
import type { RequestHead } from '../request-head.ts';

const TO_UPSTREAM: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-type',
  'user-agent',
  'last-event-id',
  'mcp-protocol-version',
  'traceparent',
  'tracestate',
]);

/** They repeat the body; only in the modern era has that been compared. */
const MIRRORS: ReadonlySet<string> = new Set(['mcp-method', 'mcp-name']);
const MIRROR_PREFIX = 'mcp-param-';

const TO_CLIENT: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'cache-control',
  'expires',
  'etag',
  'last-modified',
  'vary',
  'x-accel-buffering',
  'allow',
  'retry-after',
  'deprecation',
  'sunset',
]);

const TO_CLIENT_PREFIXES: readonly string[] = ['mcp-', 'ratelimit', 'x-ratelimit-'];

/** Buffering fronts hold a stream back, and compressing ones break it. */
const STREAM_HEADERS = ['Cache-Control', 'no-cache, no-transform', 'X-Accel-Buffering', 'no'] as const;
const STREAM_HEADER_NAMES: ReadonlySet<string> = new Set(['cache-control', 'x-accel-buffering']);

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** No control character: a CR or LF inside a value would begin another header (B19). */
const VALUE = /^[\t -~\u0080-\u00ff]*$/;

export type AnswerKind = 'json' | 'event-stream' | 'other';

export interface AnswerHead {
  /** Flat name, value list, without `Content-Length` and `Mcp-Session-Id`: whoever writes the body sets those. */
  readonly headers: string[];
  readonly kind: AnswerKind;
  /** A content coding is applied although the request asked for none. */
  readonly contentEncoding: boolean;
  readonly contentLength: number | undefined;
  /** As the upstream sent it. */
  readonly sessionId: string | undefined;
}

/**
 * Flat name, value list. Guaranteed: no credential, cookie, managed header or hop-by-hop header of the client is in
 * it, nor what its `Connection` header nominates, nor a mirror header of a message whose era compares none.
 * `Content-Length`, identity, upstream credentials and the session are added by the caller, after this, so nothing a
 * client nominates can remove them.
 */
export function upstreamRequestHeaders(head: RequestHead, port: number, era: Era): string[] {
  // Servers with a Host allow-list know their own name only; the public one was judged here.
  const flat = ['host', `localhost:${port}`, 'accept-encoding', 'identity'];
  const nominated = nominatedBy(head.get('connection'));
  for (const [name, value] of head.headers) {
    if (!TO_UPSTREAM.has(name) && !(era === 'modern' && isMirror(name))) continue;
    if (nominated?.has(name) === true) continue;
    if (name === 'content-type' && head.method !== 'POST') continue;
    flat.push(name, value);
  }
  return flat;
}

/**
 * What of the upstream's head a client may see. Guaranteed: no hop-by-hop header, challenge, cookie, cross-origin grant
 * or managed header. Throws ERR_UPSTREAM_RESPONSE_INVALID for a malformed header, also one that would be dropped.
 */
export function clientResponseHeaders(raw: readonly string[]): AnswerHead {
  const single = singleHeaders(raw);
  const kind = kindOf(single.get('content-type'));
  return {
    headers: headersForClient(raw, kind),
    kind,
    contentEncoding: (single.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity',
    contentLength: lengthOf(single.get('content-length')),
    sessionId: single.get('mcp-session-id'),
  };
}

/** Clients do not follow a redirected POST, or follow it without their credential: none reaches them. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function isMirror(name: string): boolean {
  return MIRRORS.has(name) || name.startsWith(MIRROR_PREFIX);
}

function nominatedBy(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.toLowerCase().split(',').map((name) => name.trim()));
}

/** Of two content types or lengths each reader picks its own, so either is refused. */
function singleHeaders(raw: readonly string[]): ReadonlyMap<string, string> {
  const single = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    if (!VALUE.test(value) || !(TO_CLIENT.has(name) || TOKEN.test(name))) throw invalidAnswer();
    if (!name.startsWith('content-') && name !== 'mcp-session-id') continue;
    if (single.has(name)) throw invalidAnswer();
    single.set(name, value.trim());
  }
  return single;
}

function headersForClient(raw: readonly string[], kind: AnswerKind): string[] {
  const flat: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (isForClient(name.toLowerCase(), kind)) flat.push(name, raw[i + 1] ?? '');
  }
  if (kind === 'event-stream') flat.push(...STREAM_HEADERS);
  return flat;
}

function isForClient(name: string, kind: AnswerKind): boolean {
  if (name === 'mcp-session-id') return false;
  if (kind === 'event-stream' && STREAM_HEADER_NAMES.has(name)) return false;
  return TO_CLIENT.has(name) || TO_CLIENT_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function kindOf(contentType: string | undefined): AnswerKind {
  if (contentType === 'application/json') return 'json';
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return 'json';
  return mediaType === 'text/event-stream' ? 'event-stream' : 'other';
}

function lengthOf(contentLength: string | undefined): number | undefined {
  if (contentLength === undefined) return undefined;
  const length = /^[0-9]{1,15}$/.test(contentLength) ? Number(contentLength) : undefined;
  if (length === undefined) throw invalidAnswer();
  return length;
}

function invalidAnswer(): Denial {
  return new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid answer.');
}
