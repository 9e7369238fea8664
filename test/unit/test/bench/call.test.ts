import { describe, expect, test } from '@jest/globals';
import { parseMessage } from '../../../../core/mcp/parse-message.ts';
import { answerBody, BODY_BYTES, requestBytes, TOOL } from '../../../bench/call.ts';
import { answerLength } from '../../../bench/load.ts';

describe('the call that is measured', () => {
  test('is a tool call of the current revision with exactly the promised size', () => {
    const [head = '', body = ''] = requestBytes({ port: 1, path: '/mcp', token: 't' }).toString().split('\r\n\r\n');
    expect(body).toHaveLength(BODY_BYTES);
    expect(head).toContain(`\r\nContent-Length: ${String(BODY_BYTES)}`);
    expect(head).toContain('\r\nAuthorization: Bearer t\r\n');
    expect(parseMessage(Buffer.from(body), { protocolVersion: '2026-07-28', mcpMethod: 'tools/call', mcpName: TOOL })).toMatchObject({
      kind: 'single', era: 'modern', entry: { method: 'tools/call', target: { kind: 'tool', name: TOOL } },
    });
  });

  test.each([800, 900])('is answered with exactly %d bytes of JSON', (bytes) => {
    const body = answerBody(bytes);
    expect(body).toHaveLength(bytes);
    expect(JSON.parse(body.toString())).toMatchObject({ jsonrpc: '2.0', result: { isError: false } });
  });

  test('has no body as a GET', () => {
    expect(requestBytes({ port: 1, path: '/mcp', method: 'GET' }).toString()).toMatch(/^GET \/mcp HTTP\/1\.1\r\n[^]*\r\n\r\n$/);
  });
});

describe('the end of an answer', () => {
  test.each([
    ['by its length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', 41],
    ['with more behind it', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1', 41],
    ['by its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 60],
    ['not while the head is incomplete', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n', undefined],
    ['not while the body is incomplete', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab', undefined],
    ['not before the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', undefined],
  ])('is found %s', (_title, received, expected) => {
    expect(answerLength(Buffer.from(received))).toBe(expected);
  });
});
