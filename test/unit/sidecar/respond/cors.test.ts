import { describe, expect, test } from '@jest/globals';
import { corsHeaders, preflightHeaders } from '../../../../sidecar/respond/cors.ts';

const ORIGIN = 'https://app.example.com';
const BASE = 'authorization, content-type, accept, last-event-id, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name';
const valueOf = (headers: readonly string[], name: string): string | undefined => headers[headers.indexOf(name) + 1];

describe('every answer', () => {
  test('to a request without an origin has no cross-origin header', () => {
    expect(corsHeaders(undefined)).toEqual([]);
  });

  test('to an origin names that origin alone, exposes the challenge and the session, and says that it varies', () => {
    expect(corsHeaders(ORIGIN)).toEqual([
      'Access-Control-Allow-Origin', ORIGIN,
      'Access-Control-Expose-Headers', 'WWW-Authenticate, Mcp-Session-Id, X-MCP-Gateway-Request-Id',
      'Vary', 'Origin',
    ]);
  });
});

describe('a preflight', () => {
  test('D9 grants methods and headers of the protocol, no wildcard and no cookies', () => {
    const headers = preflightHeaders(ORIGIN, undefined, undefined);
    expect(headers.slice(0, 6)).toEqual(corsHeaders(ORIGIN));
    expect(valueOf(headers, 'Access-Control-Allow-Methods')).toBe('GET, POST, DELETE');
    expect(valueOf(headers, 'Access-Control-Allow-Headers')).toBe(BASE);
    expect(headers).not.toContain('Access-Control-Allow-Credentials');
    expect(headers.join()).not.toContain('*');
  });

  test('grants the header in which the server takes API keys', () => {
    expect(valueOf(preflightHeaders(ORIGIN, 'x-api-key', undefined), 'Access-Control-Allow-Headers')).toBe(`${BASE}, x-api-key`);
  });

  test.each([
    ['Mcp-Param-Region, mcp-param-a1', ', mcp-param-region, mcp-param-a1'],
    ['cookie, x-forwarded-user, mcp-param, mcp-param-, x-mcp-param-a', ''],
    ['mcp-param-a\r\nSet-Cookie: a=b, mcp-param-a b, mcp-param-é', ''],
    [`mcp-param-${'a'.repeat(65)}`, ''],
    [Array.from({ length: 64 }, () => 'x').join() + ',mcp-param-late', ''],
  ])('asked for %j grants only mirrors of tool parameters', (requested, granted) => {
    expect(valueOf(preflightHeaders(ORIGIN, undefined, requested), 'Access-Control-Allow-Headers')).toBe(BASE + granted);
  });
});
