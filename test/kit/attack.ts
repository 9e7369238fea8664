/** What the adversarial tests share: requests written line by line, and the one check that every refusal must pass. */
import { expect } from '@jest/globals';
import type { Guarded } from './guarded.ts';
import { type RawExchange, sendRaw } from './raw-http.ts';

export interface RawRequest {
  /** Header lines after `Host`, exactly as they are. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  readonly method?: string;
  readonly path?: string;
  /** Absent: that of the body. */
  readonly contentLength?: number;
}

/** POST of JSON to `/mcp` unless the request says otherwise. Only `Host` and `Content-Length` are added. */
export function aRawRequest(request: RawRequest): Buffer {
  const { headers = [], body = '', method = 'POST', path = '/mcp' } = request;
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body);
  const length = method === 'POST' || bytes.length > 0 ? [`Content-Length: ${String(request.contentLength ?? bytes.length)}`] : [];
  const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, ...length, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

export const JSON_TYPE = 'Content-Type: application/json';
export const bearer = (text: string): string => `Authorization: Bearer ${text}`;

/** Refused with this status, and the upstream has not seen a byte. */
export async function expectRefused(guarded: Pick<Guarded, 'sidecar' | 'spy'>, bytes: string | Uint8Array, status: number): Promise<RawExchange> {
  const answer = await sendRaw(guarded.sidecar.port, bytes);
  expect({ status: answer.status, untouched: guarded.spy.untouched, text: answer.text }).toMatchObject({ status, untouched: true });
  return answer;
}

/** Member `error.data.code` of a refusal. */
export function refusalCode({ text }: { readonly text: string }): unknown {
  const { error } = JSON.parse(text) as { error?: { data?: { code?: unknown } } };
  return error?.data?.code;
}
