import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Denial } from '../../../../core/denial.ts';
import type { CallControl } from '../../../../sidecar/proxy/pool.ts';
import { createEventStreamFilter, createJsonBodyFilter } from '../../../../sidecar/proxy/list-filter.ts';
import { createRelay } from '../../../../sidecar/proxy/relay.ts';
import type { Relay } from '../../../../sidecar/proxy/relay.ts';

/** A response whose client takes what it is told to take. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  status = 0;
  headers: readonly string[] = [];
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  keepsUp = true;
  readonly socket = { setNoDelay: () => undefined };
  writeHead(status: number, headers: readonly string[]): this {
    Object.assign(this, { status, headers, headersSent: true });
    return this;
  }
  flushHeaders(): void {
    this.written.push('');
  }
  write(chunk: Buffer | string): boolean {
    this.written.push(chunk.toString());
    return this.keepsUp;
  }
  end(chunk?: Buffer): this {
    if (chunk !== undefined) this.written.push(chunk.toString());
    this.writableEnded = true;
    return this;
  }
  /** The client has taken everything. */
  finish(): void {
    this.writableFinished = true;
    this.emit('close');
  }
  get body(): string {
    return this.written.join('');
  }
}

class FakeControl implements CallControl {
  readonly calls: string[] = [];
  abort(reason: Error): void {
    this.calls.push(`abort ${reason.message}`);
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

interface Relaying extends Relay {
  readonly response: FakeResponse;
  readonly control: FakeControl;
  readonly counted: { streams: number; bytes: number };
}

function relaying({ lists = false } = {}): Relaying {
  const response = new FakeResponse();
  const control = new FakeControl();
  const counted = { streams: 0, bytes: 0 };
  const shown = (_kind: unknown, entry: unknown): boolean => !JSON.stringify(entry).includes('hidden');
  const relay = createRelay({
    response: response as unknown as ServerResponse,
    extraHeaders: ['X-Extra', '1'],
    filterFor(contentType) {
      if (!lists) return undefined;
      const create = contentType === 'json' ? createJsonBodyFilter : createEventStreamFilter;
      return create({ kind: 'by-shape' }, shown, 'legacy');
    },
    wrapSessionId: (id) => (id === 'dropped' ? undefined : `wrapped-${id}`),
    unauthorized: () => new Denial('ERR_UPSTREAM_CREDENTIAL_REFUSED', 'Refused.'),
    streaming: () => void (counted.streams += 1),
    sent: (bytes) => void (counted.bytes += bytes),
  });
  relay.done.catch(() => undefined);
  relay.receiver.dispatched(control);
  return { ...relay, response, control, counted };
}

const JSON_TYPE = ['Content-Type', 'application/json'];
const EVENTS = ['Content-Type', 'text/event-stream'];
const TOOLS = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"shown"},{"name":"hidden"}]}}';
const push = ({ receiver }: Relaying, ...chunks: string[]): void => chunks.forEach((chunk) => receiver.data(Buffer.from(chunk)));
/** Whether the promise is settled by now. */
const settled = (promise: Promise<unknown>): Promise<boolean> => Promise.race([promise.then(() => true, () => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

describe('an answer', () => {
  test('is relayed byte for byte, with its status, and counted', async () => {
    const relay = relaying();
    relay.receiver.started(404, [...JSON_TYPE, 'Content-Length', '7', 'Set-Cookie', 'a=b']);
    push(relay, '{"a":', '1}');
    relay.receiver.ended();
    relay.response.finish();
    await relay.done;
    expect([relay.response.status, relay.response.body, relay.counted.bytes]).toEqual([404, '{"a":1}', 7]);
    expect(relay.response.headers).toEqual([...JSON_TYPE, 'X-Extra', '1', 'Content-Length', '7']);
  });

  test('is done only when the client has taken it all', async () => {
    const relay = relaying();
    relay.receiver.started(200, JSON_TYPE);
    push(relay, '{}');
    relay.receiver.ended();
    expect(relay.response.writableEnded).toBe(true);
    expect(await settled(relay.done)).toBe(false);
    relay.response.finish();
    await relay.done;
    expect(relay.control.calls).toEqual([]);
  });

  test('can be cut until then', async () => {
    const relay = relaying();
    relay.receiver.started(200, JSON_TYPE);
    relay.receiver.ended();
    const denial = new Denial('ERR_CREDENTIAL_REVOKED', 'no');
    relay.abort(denial);
    await expect(relay.done).rejects.toBe(denial);
  });

  test('stops the upstream while the client does not keep up', () => {
    const relay = relaying();
    relay.receiver.started(200, JSON_TYPE);
    relay.response.keepsUp = false;
    push(relay, 'x');
    expect(relay.control.calls).toEqual(['pause']);
    relay.response.emit('drain');
    expect(relay.control.calls).toEqual(['pause', 'resume']);
  });

  test('shows the session id as wrapped, or not at all', () => {
    for (const [id, shown] of [['s', ['Mcp-Session-Id', 'wrapped-s']], ['dropped', []]] as const) {
      const relay = relaying();
      relay.receiver.started(200, [...JSON_TYPE, 'Mcp-Session-Id', id]);
      expect(relay.response.headers).toEqual([...JSON_TYPE, 'X-Extra', '1', ...shown]);
    }
  });

  test.each<[string, number, readonly string[], boolean, string]>([
    ['a redirect', 307, ['Location', 'http://evil'], false, 'ERR_UPSTREAM_RESPONSE_INVALID'],
    ['a refusal of our own credential', 401, JSON_TYPE, false, 'ERR_UPSTREAM_CREDENTIAL_REFUSED'],
    ['a list in a coding', 200, [...JSON_TYPE, 'Content-Encoding', 'gzip'], true, 'ERR_UPSTREAM_RESPONSE_INVALID'],
    ['a stream of lists in a coding', 200, [...EVENTS, 'Content-Encoding', 'gzip'], true, 'ERR_UPSTREAM_RESPONSE_INVALID'],
    ['a stream in a coding, which a comment would break', 200, [...EVENTS, 'Content-Encoding', 'gzip'], false, 'ERR_UPSTREAM_RESPONSE_INVALID'],
  ])('that is %s never begins', (_name, status, headers, lists, code) => {
    const relay = relaying({ lists });
    expect(() => relay.receiver.started(status, headers)).toThrow(expect.objectContaining({ code }));
    expect(relay.response.headersSent).toBe(false);
  });

  test('other than a list passes in a coding', () => {
    const relay = relaying();
    relay.receiver.started(200, [...JSON_TYPE, 'Content-Encoding', 'gzip']);
    expect(relay.response.headers).toContain('gzip');
  });
});

describe('a list', () => {
  test('is held, filtered and sent with its new length', async () => {
    const relay = relaying({ lists: true });
    relay.receiver.started(200, [...JSON_TYPE, 'Content-Length', String(TOOLS.length)]);
    push(relay, TOOLS.slice(0, 70), TOOLS.slice(70));
    expect(relay.response.headersSent).toBe(false);
    relay.receiver.ended();
    relay.response.finish();
    await relay.done;
    const filtered = TOOLS.replace(',{"name":"hidden"}', '');
    expect(relay.response.body).toBe(filtered);
    expect(relay.response.headers.slice(-2)).toEqual(['Content-Length', String(filtered.length)]);
    expect(relay.counted.bytes).toBe(filtered.length);
  });

  test('that cannot be read is refused before anything is sent', async () => {
    const relay = relaying({ lists: true });
    relay.receiver.started(200, JSON_TYPE);
    push(relay, TOOLS.slice(0, 70));
    relay.receiver.ended();
    await expect(relay.done).rejects.toMatchObject({ code: 'ERR_UPSTREAM_RESPONSE_INVALID' });
    expect(relay.response.headersSent).toBe(false);
  });

  test.each([[['Content-Type', 'text/plain']], [[]]])('in another form (%j) passes only while it is empty', (headers) => {
    const empty = relaying({ lists: true });
    empty.receiver.started(202, headers);
    empty.receiver.ended();
    expect([empty.response.status, empty.response.writableEnded]).toEqual([202, true]);
    const full = relaying({ lists: true });
    full.receiver.started(200, headers);
    expect(() => push(full, TOOLS)).toThrow(expect.objectContaining({ code: 'ERR_UPSTREAM_RESPONSE_INVALID' }));
    expect(full.response.headersSent).toBe(false);
  });
});

describe('an event stream', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  test('has its head flushed and its decision recorded before the first event', () => {
    const relay = relaying();
    relay.receiver.started(200, EVENTS);
    expect([relay.response.headersSent, relay.response.written, relay.counted.streams]).toEqual([true, [''], 1]);
  });

  test('is filtered event by event', () => {
    const relay = relaying({ lists: true });
    relay.receiver.started(200, EVENTS);
    push(relay, `data: ${TOOLS}\n\nda`);
    expect(relay.response.body).toContain('shown');
    expect(relay.response.body).not.toContain('hidden');
    expect(relay.response.body.endsWith('\n\n')).toBe(true);
  });

  test('is kept alive in silence, only between two events', () => {
    const relay = relaying();
    relay.receiver.started(200, EVENTS);
    jest.advanceTimersByTime(25_000);
    expect(relay.response.body).toBe(':\n\n');
    push(relay, 'data: half');
    jest.advanceTimersByTime(60_000);
    expect(relay.response.body).toBe(':\n\ndata: half');
    push(relay, '\n\n');
    jest.advanceTimersByTime(24_999);
    expect(relay.response.body).toBe(':\n\ndata: half\n\n');
    jest.advanceTimersByTime(1);
    expect(relay.response.body).toBe(':\n\ndata: half\n\n:\n\n');
  });

  test.each<[string, (relay: Relaying) => void]>([
    ['ends', ({ receiver }) => receiver.ended()],
    ['fails', ({ receiver }) => receiver.failed(new Denial('ERR_UPSTREAM_UNREACHABLE', 'no'))],
    ['is cut', ({ abort }) => abort(new Denial('ERR_CREDENTIAL_REVOKED', 'no'))],
    ['loses its client', ({ response }) => void response.emit('close')],
  ])('that %s leaves no timer behind', (_name, end) => {
    const relay = relaying();
    relay.receiver.started(200, EVENTS);
    expect(jest.getTimerCount()).toBe(1);
    end(relay);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the end of one side', () => {
  const denial = new Denial('ERR_CREDENTIAL_REVOKED', 'no');

  test('a cut ends the upstream at once, and not one byte more reaches the client', async () => {
    const relay = relaying();
    relay.receiver.started(200, EVENTS);
    relay.abort(denial);
    relay.abort(new Denial('ERR_SHUTTING_DOWN', 'later'));
    expect(relay.control.calls).toEqual(['abort no']);
    push(relay, 'data: x\n\n');
    relay.receiver.ended();
    relay.receiver.failed(new Denial('ERR_UPSTREAM_UNREACHABLE', 'no'));
    await expect(relay.done).rejects.toBe(denial);
    expect([relay.response.body, relay.response.writableEnded]).toEqual(['', false]);
  });

  test('a cut before the upstream was reached aborts the call as soon as it can be', () => {
    const relay = relaying();
    const late = new FakeControl();
    relay.abort(denial);
    relay.receiver.dispatched(late);
    relay.receiver.started(200, EVENTS);
    expect([late.calls, relay.response.headersSent]).toEqual([['abort no'], false]);
  });

  test('a client that goes away ends the upstream, and that is no refusal', async () => {
    const relay = relaying();
    relay.receiver.started(200, EVENTS);
    relay.response.emit('close');
    await expect(relay.done).resolves.toBeUndefined();
    expect(relay.control.calls).toEqual(['abort the client went away']);
  });

  test('an upstream that fails is told as its denial', async () => {
    const relay = relaying();
    const cause = new Denial('ERR_UPSTREAM_TIMEOUT', 'late');
    relay.receiver.failed(cause);
    await expect(relay.done).rejects.toBe(cause);
  });
});
