/** The one request that every subject gets: a `tools/call` of 700 bytes, current revision, and answers of fixed size. */

export const BODY_BYTES = 700;
export const UPSTREAM_ANSWER_BYTES = 800;
export const BARE_ANSWER_BYTES = 900;
export const TOOL = 'get_report';

export interface CallTarget {
  readonly port: number;
  readonly path: string;
  readonly token?: string;
  readonly method?: 'POST' | 'GET';
}

/** The whole request as it goes onto the socket. */
export function requestBytes({ port, path, token, method = 'POST' }: CallTarget): Buffer {
  const body = method === 'POST' ? callBody() : Buffer.alloc(0);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${String(port)}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    'User-Agent: bench/1',
    'Accept: application/json, text/event-stream',
    ...(method === 'POST'
      ? ['Content-Type: application/json', `Content-Length: ${String(body.length)}`, 'MCP-Protocol-Version: 2026-07-28', 'Mcp-Method: tools/call', `Mcp-Name: ${TOOL}`]
      : []),
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

function callBody(): Buffer {
  const message = (filling: string): string =>
    JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: {
        name: TOOL,
        arguments: { quarter: '2026-Q3', regions: ['north', 'south'], limit: 25, includeDrafts: false, note: filling },
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    });
  return Buffer.from(message('n'.repeat(BODY_BYTES - message('').length)));
}

/** A JSON-RPC result of exactly this size. */
export function answerBody(bytes: number): Buffer {
  const message = (filling: string): string =>
    JSON.stringify({ jsonrpc: '2.0', id: 7, result: { resultType: 'complete', content: [{ type: 'text', text: filling }], isError: false } });
  return Buffer.from(message('r'.repeat(bytes - message('').length)));
}
