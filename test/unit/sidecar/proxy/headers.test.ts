import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Era } from '../../../../core/mcp/message.ts';
import { clientResponseHeaders, isRedirect, upstreamRequestHeaders } from '../../../../sidecar/proxy/headers.ts';
import { readRequestHead } from '../../../../sidecar/request-head.ts';

const BASE = ['Host', 'mcp.example.com', 'Content-Type', 'application/json'];

function upstream(plus: readonly string[], method = 'POST', era: Era = 'modern'): Map<string, string> {
  const head = readRequestHead({ method, url: '/mcp', httpVersion: '1.1', rawHeaders: [...BASE, ...plus] }, new Set(['x-api-key']));
  return pairs(upstreamRequestHeaders(head, 3000, era));
}

function pairs(flat: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) {
    const name = String(flat[i]).toLowerCase();
    expect(found.has(name)).toBe(false);
    found.set(name, String(flat[i + 1]));
  }
  return found;
}

const OURS = { host: 'localhost:3000', 'accept-encoding': 'identity', 'content-type': 'application/json' };

describe('headers to the upstream', () => {
  test('are what the protocol needs, and a host and coding of our own', () => {
    const sent = upstream([
      'Accept', 'application/json, text/event-stream', 'Accept-Language', 'de', 'User-Agent', 'probe/1', 'Last-Event-ID', '7',
      'MCP-Protocol-Version', '2026-07-28', 'Mcp-Method', 'tools/call', 'Mcp-Name', 'echo', 'Mcp-Param-Region', 'eu',
      'traceparent', '00-a-b-01', 'tracestate', 'x=1', 'tracestate', 'y=2',
    ]);
    expect(Object.fromEntries(sent)).toEqual({
      ...OURS, accept: 'application/json, text/event-stream', 'accept-language': 'de', 'user-agent': 'probe/1', 'last-event-id': '7',
      'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo', 'mcp-param-region': 'eu',
      traceparent: '00-a-b-01', tracestate: 'x=1, y=2',
    });
  });

  test('G18 never repeat the body in the era that does not compare them with it', () => {
    const mirrors = ['Mcp-Method', 'tools/call', 'Mcp-Name', 'another', 'Mcp-Param-Region', 'eu'];
    expect(Object.fromEntries(upstream(mirrors, 'POST', 'legacy'))).toEqual(OURS);
  });

  test('A1 A2 A6 A8 are never a managed header of the client', () => {
    const managed = [
      'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Access-Token', 'X-Auth-Request-User', 'Remote-User',
      'X-Forwarded-Uri', 'X-Forwarded-Host', 'X-Original-URL', 'X-Rewrite-URL', 'Forwarded', 'X-Forwarded-Client-Cert', 'Client-Cert',
      'X-MCP-Gateway-Issuer', 'X-MCP-Gateway-Roles', 'X-MCP-Gateway-Assertion', 'X-MCP-Gateway-Request-Id', 'X-Real-IP',
    ];
    expect(Object.fromEntries(upstream(managed.flatMap((name) => [name, 'admin'])))).toEqual(OURS);
  });

  test('A15 are never a credential or cookie of the client', () => {
    const sent = upstream(['Authorization', 'Bearer x', 'Cookie', 'a=1', 'X-API-Key', 'k', 'Proxy-Authorization', 'Basic x']);
    expect(Object.fromEntries(sent)).toEqual(OURS);
  });

  test('are never hop-by-hop, nor the session id as the client knows it', () => {
    const sent = upstream([
      'Connection', 'keep-alive', 'Keep-Alive', 'timeout=5', 'TE', 'trailers', 'Trailer', 'X', 'Upgrade', 'h2c', 'Expect', '100-continue',
      'Accept-Encoding', 'gzip', 'Mcp-Session-Id', 's1.a.b', 'Content-Length', '2',
    ]);
    expect(Object.fromEntries(sent)).toEqual(OURS);
  });

  test('A5 lose what Connection nominates, in any case and over two lines, and keep ours', () => {
    const sent = upstream([
      'Connection', 'X-Forwarded-User, AUTHORIZATION', 'connection', ' user-agent ,accept-encoding', 'User-Agent', 'probe/1', 'Accept', '*/*',
    ]);
    expect(Object.fromEntries(sent)).toEqual({ ...OURS, accept: '*/*' });
  });

  test('name a content type only where there is a body', () => {
    expect(upstream([], 'GET').has('content-type')).toBe(false);
  });

  test('hold no name outside the allow-list, whatever is sent', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9-]{1,24}$/),
      fc.constantFrom('X-Forwarded-User', 'authorization', 'cookie', 'Mcp-Param-A', 'x-mcp-gateway-team', 'forwarded', 'Accept'),
    );
    const allowed = /^(?:host|accept|accept-encoding|accept-language|content-type|user-agent|last-event-id|mcp-(?:protocol-version|method|name|param-.*)|traceparent|tracestate)$/;
    fc.assert(
      fc.property(fc.uniqueArray(name, { selector: (each) => each.toLowerCase(), maxLength: 10 }), (names) => {
        const safe = names.filter((each) => !/^(?:host|content-.*|connection|x-http-method.*|x-method-override|transfer-encoding)$/i.test(each));
        for (const sent of upstream(safe.flatMap((each) => [each, 'v'])).keys()) expect(sent).toMatch(allowed);
      }),
    );
  });
});

describe('headers to the client', () => {
  test('keep what clients branch on', () => {
    const raw = [
      'Content-Type', 'application/json', 'Cache-Control', 'private', 'Mcp-Protocol-Version', '2025-11-25', 'Allow', 'GET, POST',
      'Retry-After', '5', 'ETag', '"a"', 'X-RateLimit-Remaining', '7', 'Content-Language', 'de',
    ];
    expect(clientResponseHeaders(raw)).toEqual({
      headers: raw, kind: 'json', contentEncoding: false, contentLength: undefined, sessionId: undefined,
    });
  });

  test('A16 A17 lose what would act under the origin of the gateway or speak for it', () => {
    const raw = [
      'Set-Cookie', 'a=1', 'WWW-Authenticate', 'Bearer', 'Access-Control-Allow-Origin', '*', 'X-MCP-Gateway-Request-Id', 'x', 'Alt-Svc', 'h3',
      'X-Forwarded-User', 'admin', 'Server', 'x', 'X-Powered-By', 'x', 'Strict-Transport-Security', 'max-age=1', 'Location', '/evil',
      'Clear-Site-Data', '"*"', 'Refresh', '0', 'Connection', 'close', 'Keep-Alive', 'x', 'Transfer-Encoding', 'chunked', 'Trailer', 'x',
      'Upgrade', 'h2c', 'Proxy-Authenticate', 'x', 'Authorization', 'Bearer upstream', 'Date', 'x', 'Service-Worker-Allowed', '/',
    ];
    expect(clientResponseHeaders(raw).headers).toEqual([]);
  });

  test('name length and session apart, so that they are set once', () => {
    const head = clientResponseHeaders(['Content-Length', '42', 'MCP-Session-ID', ' abc ']);
    expect(head).toEqual({ headers: [], kind: 'other', contentEncoding: false, contentLength: 42, sessionId: 'abc' });
  });

  test('keep fronts from holding or changing a stream', () => {
    const raw = ['Content-Type', 'Text/Event-Stream; charset=utf-8', 'cache-control', 'max-age=60', 'X-Accel-Buffering', 'yes'];
    const head = clientResponseHeaders(raw);
    expect(head.kind).toBe('event-stream');
    expect(head.headers).toEqual([...raw.slice(0, 2), 'Cache-Control', 'no-cache, no-transform', 'X-Accel-Buffering', 'no']);
  });

  test.each([
    ['application/json', 'json'], ['Application/JSON; charset=utf-8', 'json'], ['application/json-rpc', 'other'], ['text/html', 'other'],
    ['application/json, text/event-stream', 'other'], ['', 'other'],
  ])('read the type %s as %s', (type, kind) => {
    expect(clientResponseHeaders(['content-type', type]).kind).toBe(kind);
  });

  test.each([['gzip', true], ['identity', false], ['Identity', false], ['', true]])('say of the coding "%s" that it is one: %s', (coding, is) => {
    expect(clientResponseHeaders(['Content-Encoding', coding]).contentEncoding).toBe(is);
  });

  test.each([
    ['CR LF in a value', ['Location', '/a\r\nSet-Cookie: x=1']],
    ['LF in a value', ['X-Dropped', 'a\nb']],
    ['NUL in a value', ['Content-Type', 'a\u0000b']],
    ['DEL in a value', ['Content-Type', 'a\u007f']],
    ['a folded line', ['Vary', 'a\r\n b']],
    ['a space in a name', ['X Bad', 'a']],
    ['an empty name', ['', 'a']],
    ['a line end in a name', ['X\r\nSet-Cookie', 'a']],
    ['two content types', ['Content-Type', 'application/json', 'content-type', 'text/html']],
    ['two content lengths', ['Content-Length', '1', 'Content-Length', '1']],
    ['two session ids', ['Mcp-Session-Id', 'a', 'mcp-session-id', 'b']],
    ['a signed length', ['Content-Length', '+5']],
    ['a hexadecimal length', ['Content-Length', '0x5']],
    ['an endless length', ['Content-Length', '9'.repeat(16)]],
  ])('B19 refuse %s', (_name, raw) => {
    expect(() => clientResponseHeaders(raw)).toThrow(
      expect.objectContaining({ name: 'Denial', code: 'ERR_UPSTREAM_RESPONSE_INVALID', message: 'The server behind the gateway sent an invalid answer.' }),
    );
  });

  test('calls every 3xx a redirect and nothing else', () => {
    expect([300, 301, 302, 303, 304, 307, 308, 399].every(isRedirect)).toBe(true);
    expect([200, 202, 299, 400, 404, 500].some(isRedirect)).toBe(false);
  });
});
