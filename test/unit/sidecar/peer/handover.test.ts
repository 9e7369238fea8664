import { describe, expect, test } from '@jest/globals';
import { handedHeaders, readHandover } from '../../../../sidecar/peer/handover.ts';
import { aHead } from '../kit.ts';

const FROM = { client: '203.0.113.9', requestId: 'req-1' };
const asRecord = (flat: readonly string[]): Record<string, string> => Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index] ?? '', flat[2 * index + 1] ?? '']));

describe('what is handed over', () => {
  test('is what the other side judges by, with the credential, and who the client was', () => {
    const head = aHead(['Authorization', 'Bearer t', 'Accept', 'text/event-stream', 'Mcp-Session-Id', 's', 'MCP-Protocol-Version', '2025-11-25', 'X-Request-Id', 'mine', 'User-Agent', 'u']);
    expect(asRecord(handedHeaders(head, 'x-api-key', FROM))).toEqual({
      host: 'localhost', 'content-type': 'application/json', authorization: 'Bearer t', accept: 'text/event-stream', 'mcp-session-id': 's', 'mcp-protocol-version': '2025-11-25',
      'x-request-id': 'mine', 'user-agent': 'u', 'x-mcp-gateway-peer-client': '203.0.113.9', 'x-mcp-gateway-peer-request': 'req-1',
    });
  });

  test('holds an API key only in the header of this server', () => {
    const head = aHead(['X-Api-Key', 'secret']);
    expect(asRecord(handedHeaders(head, 'x-api-key', FROM))['x-api-key']).toBe('secret');
    expect(handedHeaders(head, undefined, FROM).join()).not.toContain('secret');
  });

  test('holds nothing else of the client: no cookie, no identity, no framing, and not what peers tell each other', () => {
    const head = aHead(['Cookie', 'a=b', 'X-Forwarded-User', 'root', 'X-MCP-Gateway-Issuer', 'x', 'X-MCP-Gateway-Peer-Client', '198.51.100.1', 'Connection', 'x-a', 'Expect', '100-continue', 'Transfer-Encoding', 'chunked', 'Origin', 'https://a']);
    const flat = handedHeaders(head, undefined, FROM);
    expect(Object.keys(asRecord(flat)).sort()).toEqual(['content-type', 'host', 'x-mcp-gateway-peer-client', 'x-mcp-gateway-peer-request']);
    expect(flat.filter((text) => text === 'x-mcp-gateway-peer-client')).toHaveLength(1);
    expect(flat.join()).not.toContain('198.51.100.1');
  });
});

describe('what came from a peer', () => {
  test('says who the client was', () => {
    expect(readHandover({ 'x-mcp-gateway-peer-client': '203.0.113.9', 'x-mcp-gateway-peer-request': 'abc-1' }, '10.0.0.2')).toEqual({ client: '203.0.113.9', requestId: 'abc-1', address: '10.0.0.2' });
  });

  test.each(['localhost', '10.0.0.1, 10.0.0.2', 'x'.repeat(500), ''])('says nothing where "%s" is told for an address or an id', (text) => {
    expect(readHandover({ 'x-mcp-gateway-peer-client': text, 'x-mcp-gateway-peer-request': `${text} ` }, '10.0.0.2')).toEqual({ client: '', requestId: '', address: '10.0.0.2' });
    expect(readHandover({}, '10.0.0.2')).toEqual({ client: '', requestId: '', address: '10.0.0.2' });
  });
});
