import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { readBody, RequestAborted } from '../../../sidecar/read-body.ts';

const LIMIT = 10;

/** A request as the parser makes it, sent by hand. */
class FakeRequest extends EventEmitter {
  complete = false;
  paused = false;
  readonly headers: Record<string, string>;
  constructor(contentLength?: number) {
    super();
    this.headers = contentLength === undefined ? {} : { 'content-length': String(contentLength) };
  }
  pause(): void {
    this.paused = true;
  }
  send(...chunks: readonly string[]): this {
    for (const chunk of chunks) this.emit('data', Buffer.from(chunk));
    return this;
  }
  finish(): void {
    this.complete = true;
    this.emit('end');
    this.emit('close');
  }
}

function reading(contentLength?: number): { request: FakeRequest; body: Promise<Buffer> } {
  const request = new FakeRequest(contentLength);
  const body = readBody(request as unknown as IncomingMessage, LIMIT);
  body.catch(() => undefined);
  return { request, body };
}

describe('a body', () => {
  test.each<[string, readonly string[]]>([['in one piece', ['0123456789']], ['in pieces', ['01', '', '234', '56789']], ['that is empty', []]])('of at most the limit, %s, is kept as it came', async (_name, chunks) => {
    const { request, body } = reading();
    request.send(...chunks).finish();
    expect((await body).toString()).toBe(chunks.join(''));
  });

  test('in one piece is not copied', async () => {
    const { request, body } = reading();
    const chunk = Buffer.from('{}');
    request.emit('data', chunk);
    request.finish();
    expect(await body).toBe(chunk);
  });

  const tooLarge = expect.objectContaining({ code: 'ERR_BODY_TOO_LARGE', message: 'The request body is larger than 10 bytes.' });
  test('of a declared length at the limit is read, one beyond is refused before a byte of it is', async () => {
    const { request, body } = reading(LIMIT);
    request.send('0123456789').finish();
    expect(await body).toHaveLength(LIMIT);
    const refused = reading(LIMIT + 1);
    await expect(refused.body).rejects.toEqual(tooLarge);
    expect(refused.request.listenerCount('data')).toBe(0);
  });

  test('that grows one byte beyond the limit is refused and read no further', async () => {
    const { request, body } = reading();
    request.send('0123456789', 'x');
    await expect(body).rejects.toEqual(tooLarge);
    expect([request.paused, request.listenerCount('data')]).toEqual([true, 0]);
  });

  test.each<[string, (request: FakeRequest) => void]>([
    ['the connection closes', (request) => void request.emit('close')],
    ['the connection fails', (request) => void request.emit('error', new Error('reset'))],
  ])('that is cut short because %s decides nothing', async (_name, cut) => {
    const { request, body } = reading(LIMIT);
    request.send('01234');
    cut(request);
    await expect(body).rejects.toBeInstanceOf(RequestAborted);
  });
});
