/** Plain HTTP where the demo looks below the SDK: the status of one request, and a stream held open. */

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'mcpgateway-demo', version: '1.0.0' } },
} as const;

function initialize(url: string, token: string | undefined): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(url, { method: 'POST', headers: { ...headers, ...authorization }, body: JSON.stringify(INITIALIZE) });
}

/** The HTTP status of an `initialize` with that token. */
export async function statusWith(url: string, token: string | undefined): Promise<number> {
  const response = await initialize(url, token);
  await response.text();
  return response.status;
}

export interface HeldStream {
  /** Resolves when the other side ends the stream, however it does. */
  readonly ended: Promise<void>;
}

/** A session of its own with the server's event stream open. */
export async function openStream(url: string, token: string): Promise<HeldStream> {
  const response = await initialize(url, token);
  await response.text();
  const session = response.headers.get('mcp-session-id') ?? '';
  const stream = await fetch(url, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${token}`, 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' },
  });
  if (stream.status !== 200) throw new Error(`the event stream was refused: ${stream.status}`);
  return { ended: untilEnd(stream) };
}

async function untilEnd(stream: Response): Promise<void> {
  const reader = stream.body?.getReader();
  try {
    while (!(await reader?.read())?.done);
  } catch {
    // A cut connection is the end that is waited for.
  }
}

const DEADLINE_MS = 5_000;
const INTERVAL_MS = 5;

/** What `look` finds, once it finds something. */
export async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  throw new Error('it did not happen in time');
}
