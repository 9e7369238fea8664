/** How the attacks of this directory are sent, and what every refusal has in common. */
import { expect } from '@jest/globals';
import { aCall, ECHO } from '../../kit/calls.ts';
import type { Guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import type { RawExchange, RawOptions } from '../../kit/raw-http.ts';

/** A request of any method as raw bytes, with a live credential: `lines` follow the request line and the credential. */
export function aRequest(token: string, requestLine: string, lines: readonly string[] = [], body = ''): string {
  return [requestLine, 'Host: localhost', `Authorization: Bearer ${token}`, ...lines, '', body].join('\r\n');
}

/** The bytes are refused with one of these statuses, and the upstream was never contacted. */
export async function refuses(running: Guarded, bytes: string | Uint8Array, statuses: number | readonly number[], options: RawOptions = {}): Promise<RawExchange> {
  const refused = await sendRaw(running.sidecar.port, bytes, options);
  expect([statuses].flat()).toContain(refused.status);
  expect(running.spy.untouched).toBe(true);
  return refused;
}

/** The same, and the connection ends, so that nothing behind the refused bytes is read as a request. */
export async function refusesAndCloses(running: Guarded, bytes: string | Uint8Array, statuses: number | readonly number[], options: RawOptions = {}): Promise<void> {
  const connection = await openRaw(running.sidecar.port, options);
  connection.write(bytes);
  const response = await connection.response();
  await connection.untilClosed();
  expect([statuses].flat()).toContain(response.status);
  expect(running.spy.untouched).toBe(true);
}

/** Whatever came before, a good call is still answered. */
export async function stillServes({ sidecar, text }: Guarded, options: RawOptions = {}): Promise<void> {
  expect((await sendRaw(sidecar.port, aCall(text, ECHO), options)).status).toBe(200);
}

export function aChunkedCall(token: string, body: string, lines: readonly string[] = ['Transfer-Encoding: chunked']): string {
  const chunks = `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return aRequest(token, 'POST /mcp HTTP/1.1', ['Content-Type: application/json', ...lines], chunks);
}
