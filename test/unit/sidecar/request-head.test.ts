import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Denial } from '../../../core/denial.ts';
import { hostAllowed, normaliseHost, originAllowed, readRequestHead } from '../../../sidecar/request-head.ts';
import type { HeadSource } from '../../../sidecar/request-head.ts';

const KEYS: ReadonlySet<string> = new Set(['x-api-key']);
const BASE = ['Host', 'mcp.example.com', 'Content-Type', 'application/json', 'Content-Length', '2'];

function aRequest(changes: Partial<HeadSource> & { readonly plus?: readonly string[] } = {}): HeadSource {
  const { plus = [], ...rest } = changes;
  return { method: 'POST', url: '/mcp', httpVersion: '1.1', rawHeaders: [...BASE, ...plus], ...rest };
}

function refusal(request: HeadSource): string {
  try {
    readRequestHead(request, KEYS);
  } catch (cause) {
    if (cause instanceof Denial) return cause.code;
    throw cause;
  }
  return 'accepted';
}

const withHeaders = (...plus: string[]): string => refusal(aRequest({ plus }));

describe('the head of a request', () => {
  test('carries what the protocol needs, by its own names', () => {
    const head = readRequestHead(
      aRequest({
        plus: [
          'AUTHORIZATION', 'Bearer x', 'Origin', 'https://a.example', 'Accept', 'application/json', 'Accept', 'text/event-stream',
          'MCP-Protocol-Version', '2026-07-28', 'Mcp-Method', 'tools/call', 'Mcp-Name', 'echo', 'Mcp-Session-Id', 's1.a.b',
          'Last-Event-ID', '7', 'User-Agent', 'probe/1', 'X-API-Key', 'k',
        ],
      }),
      KEYS,
    );
    expect({ ...head, headers: undefined, get: undefined }).toEqual({
      method: 'POST', path: '/mcp', host: 'mcp.example.com', origin: 'https://a.example', authorization: 'Bearer x',
      protocolVersion: '2026-07-28', mcpMethod: 'tools/call', mcpName: 'echo', sessionId: 's1.a.b',
      headers: undefined, get: undefined,
    });
    expect(head.get('x-api-key')).toBe('k');
    expect(['content-type', 'last-event-id', 'user-agent', 'accept'].map(head.get)).toEqual(
      ['application/json', '7', 'probe/1', 'application/json, text/event-stream'],
    );
    expect(head.get('cookie')).toBeUndefined();
    expect(Object.isFrozen(head)).toBe(true);
  });

  test.each([
    ['HTTP/1.0', { httpVersion: '1.0' }],
    ['HTTP/2.0', { httpVersion: '2.0' }],
    ['absolute form', { url: 'http://mcp.example.com/mcp' }],
    ['authority form', { url: 'mcp.example.com:443' }],
    ['asterisk form', { url: '*', method: 'OPTIONS' }],
    ['no target', { url: '' }],
    ['a token in the query (D7)', { url: '/mcp?access_token=x' }],
    ['an empty query', { url: '/mcp?' }],
    ['a fragment', { url: '/mcp#x' }],
  ])('refuses %s', (_name, changes) => {
    expect(refusal(aRequest(changes))).toBe('ERR_REQUEST_MALFORMED');
  });

  test.each(['/mcp/../admin', '/%2e%2e/admin', '//mcp', '/mcp/', '/mcp\\', '/mcp%00', '/%252e', '/..;/mcp'])(
    'B15 keeps the path %s as it came, to be compared exactly',
    (url) => {
      expect(readRequestHead(aRequest({ url }), KEYS).path).toBe(url);
    },
  );

  test.each(['TRACE', 'PUT', 'PATCH', 'HEAD', 'post', 'CONNECT', 'M'.repeat(8192)])('B17 answers 405 to %.20s', (method) => {
    expect(refusal(aRequest({ method }))).toBe('ERR_HTTP_METHOD_NOT_ALLOWED');
  });

  test.each(['X-HTTP-Method-Override', 'x-http-method', 'X-Method-Override', 'X_HTTP_Method_Override'])('B17 refuses %s', (name) => {
    expect(withHeaders(name, 'DELETE')).toBe('ERR_REQUEST_MALFORMED');
  });

  test.each(['GET', 'DELETE', 'OPTIONS'])('B9 refuses a body on %s', (method) => {
    const host = ['Host', 'a'];
    expect(refusal(aRequest({ method, rawHeaders: [...host, 'Content-Length', '5'] }))).toBe('ERR_REQUEST_MALFORMED');
    expect(refusal(aRequest({ method, rawHeaders: [...host, 'Transfer-Encoding', 'chunked'] }))).toBe('ERR_REQUEST_MALFORMED');
    expect(refusal(aRequest({ method, rawHeaders: [...host, 'Content-Length', '0'] }))).toBe('accepted');
    expect(refusal(aRequest({ method, rawHeaders: host }))).toBe('accepted');
  });
});

describe('repeated headers', () => {
  test.each(['Authorization', 'X-API-Key'])('A9 refuses two %s lines, whichever comes first', (name) => {
    expect(withHeaders(name, 'good', name, 'evil')).toBe('ERR_CREDENTIAL_AMBIGUOUS');
    expect(withHeaders(name.toLowerCase(), 'evil', name.toUpperCase(), 'good')).toBe('ERR_CREDENTIAL_AMBIGUOUS');
    expect(withHeaders(name, 'same', name, 'same')).toBe('ERR_CREDENTIAL_AMBIGUOUS');
  });

  test.each([
    ['Host', 'mcp.example.com'], ['Content-Type', 'application/json'], ['Content-Length', '2'],
  ])('B20 refuses a second %s line', (name, value) => {
    expect(withHeaders(name, value)).toBe('ERR_REQUEST_MALFORMED');
  });

  test.each(['Origin', 'Last-Event-ID', 'Mcp-Session-Id'])('refuses two %s lines', (name) => {
    expect(withHeaders(name, 'a', name, 'a')).toBe('ERR_REQUEST_MALFORMED');
  });

  test.each(['MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name', 'Mcp-Param-Region', 'Mcp-Later'])('G18 refuses two %s lines', (name) => {
    expect(withHeaders(name, 'a', name.toLowerCase(), 'a')).toBe('ERR_HEADER_MISMATCH');
  });

  test('admits repeated headers that are lists, or that are not forwarded', () => {
    expect(withHeaders('Cookie', 'a=1', 'Cookie', 'b=2', 'X-Whatever', '1', 'X-Whatever', '2')).toBe('accepted');
  });

  test('refuses more parameter headers than a tool can have', () => {
    const params = (count: number): string[] => Array.from({ length: count }, (_, i) => [`Mcp-Param-P${i}`, 'v']).flat();
    expect(withHeaders(...params(64))).toBe('accepted');
    expect(withHeaders(...params(65))).toBe('ERR_REQUEST_MALFORMED');
  });
});

describe('header names', () => {
  test.each([
    'X_Forwarded_User', 'X-Forwarded_User', 'x_forwarded-user', 'X_MCP_Gateway_Roles', 'Remote_User', 'X_Auth_Request_Email',
    'Client_Cert', 'CF_Access_Jwt_Assertion', 'X_Api_Key', 'Mcp_Name', 'Mcp_Session_Id', 'Content_Type', 'Content_Length',
  ])('A3 refuses %s, which CGI-style servers read as the real one', (name) => {
    expect(withHeaders(name, 'admin')).toBe('ERR_REQUEST_MALFORMED');
  });

  test.each(['X.Forwarded.User', 'x.mcp.gateway.issuer', 'X~Forwarded~User', 'MCP.Name', 'X!Api!Key', "X'Forwarded|User"])(
    'A4 refuses the folding %s',
    (name) => {
      expect(withHeaders(name, 'admin')).toBe('ERR_REQUEST_MALFORMED');
    },
  );

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'X-Forwarded-User', 'x_vendor_trace', `x_${'y'.repeat(2048)}`])(
    'B18 survives a header named %.30s and keeps it from being a header of ours',
    (name) => {
      const head = readRequestHead(aRequest({ plus: [name, 'v'] }), KEYS);
      expect(head.origin).toBeUndefined();
      expect(head.host).toBe('mcp.example.com');
    },
  );

  test.each(['Mcp-Name', 'close, mcp-session-id', 'Content-Type', 'keep-alive ,\tHOST', 'last-event-id'])(
    'refuses `Connection: %s`, which would take away what was judged',
    (value) => {
      expect(withHeaders('Connection', value)).toBe('ERR_REQUEST_MALFORMED');
      expect(withHeaders('Connection', 'close', 'connection', value)).toBe('ERR_REQUEST_MALFORMED');
    },
  );

  test('A5 admits a nomination of headers that are never copied', () => {
    expect(withHeaders('Connection', 'X-Forwarded-User, Authorization')).toBe('accepted');
  });
});

describe('the body of a POST', () => {
  const asType = (...types: string[]): string =>
    refusal(aRequest({ rawHeaders: ['Host', 'a', ...types.flatMap((type) => ['Content-Type', type])] }));

  test.each([
    'application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json;charset=UTF-8',
    'application/json ; charset="utf-8"',
  ])('may be %s', (type) => {
    expect(asType(type)).toBe('accepted');
  });

  test.each([
    '', 'text/plain', 'application/json-rpc', 'application/vnd.api+json', 'multipart/form-data; boundary=x', 'application/jsonp',
    'application/x-www-form-urlencoded', 'application/json, text/plain', 'application/json; charset=utf-16',
    'application/json; charset=utf-7', 'application/json; charset="utf-8', 'application/json; charset=utf-8; x=y', 'xapplication/json',
  ])('G13 may not be "%s"', (type) => {
    expect(asType(type)).toBe('ERR_MEDIA_TYPE_UNSUPPORTED');
  });

  test('G13 may not be without a type', () => {
    expect(asType()).toBe('ERR_MEDIA_TYPE_UNSUPPORTED');
  });

  test.each(['gzip', 'br', 'zstd', 'gzip, gzip', 'identity;q=0', 'identity', ''])('G14 may not be encoded as "%s"', (coding) => {
    expect(withHeaders('Content-Encoding', coding)).toBe('ERR_MEDIA_TYPE_UNSUPPORTED');
  });
});

describe('hosts and origins', () => {
  test.each([
    ['MCP.Example.COM', 'mcp.example.com'],
    ['mcp.example.com.', 'mcp.example.com'],
    ['mcp.example.com.:8443', 'mcp.example.com:8443'],
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['[::1]:3000', '[::1]:3000'],
    ['[2001:DB8::1]', '[2001:db8::1]'],
    ['my_service', 'my_service'],
  ])('B16 reads %s as %s', (text, expected) => {
    expect(normaliseHost(text)).toBe(expected);
  });

  test.each([
    '', 'user@host', 'user:pw@host', 'a..b', '.a', 'a..', 'a b', 'a:', 'a:0', 'a:080', 'a:65536', 'a:b', 'a:1:2', '::1', '[::1', '[::1].',
    '[::g]', '[1.2.3.4]', 'a/b', 'a?b', 'a#b', 'a%2e', 'hö.example', 'a,b', '[fe80::1%25eth0]',
  ])('B16 refuses the host "%s"', (text) => {
    expect(normaliseHost(text)).toBeUndefined();
    expect(refusal(aRequest({ rawHeaders: ['Host', text, 'Content-Type', 'application/json'] }))).toBe('ERR_REQUEST_MALFORMED');
  });

  test('refuses a request without a host', () => {
    expect(refusal(aRequest({ rawHeaders: ['Content-Type', 'application/json'] }))).toBe('ERR_REQUEST_MALFORMED');
  });

  test('D8 admits exactly the hosts that are listed, on any port only where no port is listed', () => {
    const allowed = new Set(['localhost', 'mcp.example.com:8443', '[::1]']);
    const admitted = ['localhost', 'localhost:3000', 'mcp.example.com:8443', '[::1]:80', '[::1]'];
    const refused = ['mcp.example.com', 'mcp.example.com:443', 'evil.example', 'localhost.evil.example', 'xlocalhost', '[::2]'];
    expect(admitted.filter((host) => !hostAllowed(host, allowed))).toEqual([]);
    expect(refused.filter((host) => hostAllowed(host, allowed))).toEqual([]);
  });

  test('D8 compares origins byte for byte and never admits null', () => {
    const allowed = new Set(['https://app.example', 'null']);
    expect(originAllowed('https://app.example', allowed)).toBe(true);
    const refused = ['https://evil', 'null', '', 'HTTPS://APP.EXAMPLE', 'https://app.example.evil', 'https://app.example/', 'http://app.example'];
    expect(refused.filter((origin) => originAllowed(origin, allowed))).toEqual([]);
  });
});

test('no input makes it throw anything but a denial', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('Host', 'Connection', 'mcp-name', 'content-type', 'a', '1.1'));
  const request = fc.record({
    method: fc.option(fc.oneof(text, fc.constantFrom('GET', 'POST')), { nil: undefined }),
    url: fc.option(fc.oneof(text, fc.constant('/mcp')), { nil: undefined }),
    httpVersion: fc.oneof(text, fc.constant('1.1')),
    rawHeaders: fc.array(text, { maxLength: 12 }),
  });
  fc.assert(fc.property(request, (each) => void refusal(each)), { numRuns: 500 });
});
