/**
 * Reads the head of a request: everything that Node's parser leaves to us. Works on `rawHeaders`, because
 * `request.headers` keeps the first of two lines and hides the second.
 */
import { isIPv6 } from 'node:net';
import { Denial } from '../core/denial.ts';
import { isManagedHeader } from './proxy/managed-headers.ts';

export type RequestMethod = 'GET' | 'POST' | 'DELETE' | 'OPTIONS';

export interface RequestHead {
  readonly method: RequestMethod;
  /** As received, never normalised: it is compared exactly. */
  readonly path: string;
  /** Lower-case, without a trailing dot; the port is kept. */
  readonly host: string;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
  readonly sessionId: string | undefined;
  /** By lower-case name. Only lists are joined; of another header that may repeat it is the first. */
  readonly headers: ReadonlyMap<string, string>;
  get(name: string): string | undefined;
}

/** What of `IncomingMessage` is read. */
export interface HeadSource {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

type Repeat = 'refused' | 'mismatch' | 'ambiguous' | 'joined' | 'never';

/** What happens when a header comes twice, or at all. Beside these, `mcp-*` and API key headers come once. */
const REPEATS: ReadonlyMap<string, Repeat> = new Map<string, Repeat>([
  ['authorization', 'ambiguous'],
  ['host', 'refused'],
  ['origin', 'refused'],
  ['content-type', 'refused'],
  ['content-length', 'refused'],
  ['content-encoding', 'refused'],
  ['transfer-encoding', 'refused'],
  ['last-event-id', 'refused'],
  ['mcp-session-id', 'refused'],
  ['accept', 'joined'],
  ['accept-language', 'joined'],
  ['connection', 'joined'],
  ['tracestate', 'joined'],
  ['access-control-request-headers', 'joined'],
  // The method that was judged is the one on the request line.
  ['x-http-method-override', 'never'],
  ['x-http-method', 'never'],
  ['x-method-override', 'never'],
]);

interface HeaderName {
  readonly name: string;
  readonly repeat: Repeat | undefined;
}

/**
 * The usual spellings of the headers that every call has. The name that is found here is one string for all requests:
 * the engine has hashed it already, where a name lower-cased anew is hashed at each look-up.
 */
const KNOWN: ReadonlyMap<string, HeaderName> = new Map(
  ['accept', 'accept-encoding', 'accept-language', 'authorization', 'cache-control', 'connection', 'content-length', 'content-type', 'host', 'last-event-id',
    'mcp-method', 'mcp-name', 'mcp-protocol-version', 'mcp-session-id', 'origin', 'traceparent', 'tracestate', 'user-agent', 'x-request-id'].flatMap((name) =>
    spellingsOf(name).map((spelling) => [spelling, nameOf(name)] as const)),
);

function nameOf(written: string): HeaderName {
  const name = written.toLowerCase();
  return { name, repeat: repeatByName(name) };
}

function spellingsOf(name: string): readonly string[] {
  const words = name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
  return [name, words, words.replace(/^Mcp-/, 'MCP-')];
}

const PLAIN_NAME = /^[A-Za-z0-9-]+$/;
const JSON_UTF8 = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i;
/** Mirror headers of tool parameters (SEP-2243). */
const MAX_PARAM_HEADERS = 64;
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::([1-9][0-9]{0,4}))?$/;

/**
 * Guaranteed: HTTP/1.1, origin-form without a query, a method that MCP uses, one well-formed Host, no repeated header
 * of the protocol or of a credential, no name that folds to a protocol or managed one, a JSON body where there may be
 * one and no body elsewhere. Not checked: whether host, origin and path are served, and any credential.
 */
export function readRequestHead(request: HeadSource, apiKeyHeaders: ReadonlySet<string>): RequestHead {
  if (request.httpVersion !== '1.1') throw malformed('Only HTTP/1.1 is spoken here.');
  const path = requireOriginForm(request.url ?? '');
  const headers = readHeaders(request.rawHeaders, apiKeyHeaders);
  const host = normaliseHost(headers.get('host') ?? '');
  if (host === undefined) throw malformed('The Host header is not valid.');
  const method = requireMethod(request.method);
  requireFraming(method, headers);
  return Object.freeze({
    method,
    path,
    host,
    origin: headers.get('origin'),
    authorization: headers.get('authorization'),
    protocolVersion: headers.get('mcp-protocol-version'),
    mcpMethod: headers.get('mcp-method'),
    mcpName: headers.get('mcp-name'),
    sessionId: headers.get('mcp-session-id'),
    headers,
    get: (name: string) => headers.get(name),
  });
}

/** Lower-case, one trailing dot removed, port kept; `undefined` for anything but a name, IPv4 or [IPv6] with a port. */
export function normaliseHost(text: string): string | undefined {
  const [, name, port] = HOST.exec(text.toLowerCase()) ?? [];
  if (name === undefined || Number(port ?? 1) > 65_535) return undefined;
  if (name.startsWith('[') && (text.includes('].') || !isIPv6(name.slice(1, -1)))) return undefined;
  return port === undefined ? name : `${name}:${port}`;
}

/** `host` is normalised. An entry without a port admits every port: rebinding is a matter of names (D8). */
export function hostAllowed(host: string, allowed: ReadonlySet<string>): boolean {
  if (allowed.has(host)) return true;
  const colon = host.lastIndexOf(':');
  return colon > host.lastIndexOf(']') && allowed.has(host.slice(0, colon));
}

/** Compared byte for byte: browsers send origins in lower case. `null` is nobody's origin and is never allowed. */
export function originAllowed(origin: string, allowed: ReadonlySet<string>): boolean {
  return origin !== 'null' && allowed.has(origin);
}

function requireOriginForm(url: string): string {
  if (!url.startsWith('/')) throw malformed('The request target must be a path.');
  // A token in a query ends up in logs (OAuth 2.1 §5.1.1), and no MCP endpoint takes a query.
  if (url.includes('?') || url.includes('#')) throw malformed('The request target must not have a query.');
  return url;
}

function requireMethod(method: string | undefined): RequestMethod {
  if (method === 'POST' || method === 'GET' || method === 'DELETE' || method === 'OPTIONS') return method;
  throw new Denial('ERR_HTTP_METHOD_NOT_ALLOWED', 'Only GET, POST, DELETE and OPTIONS are allowed.');
}

function requireFraming(method: RequestMethod, headers: ReadonlyMap<string, string>): void {
  if (headers.has('content-encoding')) {
    throw new Denial('ERR_MEDIA_TYPE_UNSUPPORTED', 'Encoded request bodies are not accepted.');
  }
  // Node takes any coding before the last: a peer that knows it would read another body.
  if ((headers.get('transfer-encoding') ?? 'chunked').toLowerCase() !== 'chunked') {
    throw malformed('The only transfer coding is chunked.');
  }
  if (method === 'POST') {
    if (isJsonInUtf8(headers.get('content-type') ?? '')) return;
    throw new Denial('ERR_MEDIA_TYPE_UNSUPPORTED', 'The content type must be application/json in UTF-8.');
  }
  // Node delivers the body of a GET, and a server that ignores it reads it as the next request.
  if (headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) !== 0) {
    throw malformed('Only POST may have a body.');
  }
}

function isJsonInUtf8(contentType: string): boolean {
  return contentType === 'application/json' || JSON_UTF8.test(contentType);
}

function readHeaders(raw: readonly string[], apiKeyHeaders: ReadonlySet<string>): Map<string, string> {
  const headers = new Map<string, string>();
  let params = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [written = '', value = ''] = [raw[i], raw[i + 1]];
    const { name, repeat } = KNOWN.get(written) ?? nameOf(written);
    if (!PLAIN_NAME.test(name)) {
      requireHarmless(name, apiKeyHeaders);
      continue;
    }
    if (name.startsWith('mcp-param-') && ++params > MAX_PARAM_HEADERS) throw malformed('Too many Mcp-Param headers.');
    keep(headers, name, value, apiKeyHeaders.has(name) ? 'ambiguous' : repeat);
  }
  const nominated = headers.get('connection');
  if (nominated !== undefined) requireHopByHop(nominated);
  return headers;
}

function repeatByName(name: string): Repeat | undefined {
  return REPEATS.get(name) ?? (name.startsWith('mcp-') ? 'mismatch' : undefined);
}

function keep(headers: Map<string, string>, name: string, value: string, repeat: Repeat | undefined): void {
  if (repeat === 'never') throw malformed('The method cannot be overridden.');
  const first = headers.get(name);
  if (first === undefined) headers.set(name, value);
  else if (repeat === 'joined') headers.set(name, `${first}, ${value}`);
  else if (repeat !== undefined) throw repeated(repeat);
}

function repeated(repeat: Repeat): Denial {
  if (repeat === 'ambiguous') return new Denial('ERR_CREDENTIAL_AMBIGUOUS', 'Send one credential, not several.');
  // MCP 2026-07-28 has its own error code for what is wrong with its mirror headers.
  if (repeat === 'mismatch') return new Denial('ERR_HEADER_MISMATCH', 'An MCP header that may come once came twice.');
  return malformed('A header that may come once came twice.');
}

/** CGI-style servers fold `_`, `.` and others to `-`: CVE-2025-64484, CVE-2026-54763. */
function requireHarmless(name: string, apiKeyHeaders: ReadonlySet<string>): void {
  const folded = name.replace(/[^a-z0-9-]/g, '-');
  if (isManagedHeader(folded) || apiKeyHeaders.has(folded) || repeatByName(folded) !== undefined) {
    throw malformed('A header name imitates another.');
  }
}

/** A sender must not nominate what the recipient needs (RFC 9110 §7.6.1): dropped, it would be judged but not sent. */
function requireHopByHop(connection: string): void {
  for (const option of connection.toLowerCase().split(',')) {
    const name = option.trim();
    if (name.startsWith('mcp-') || name.startsWith('content-') || name === 'host' || name === 'last-event-id') {
      throw malformed('The Connection header names a header that is not hop-by-hop.');
    }
  }
}

function malformed(message: string): Denial {
  return new Denial('ERR_REQUEST_MALFORMED', message);
}
