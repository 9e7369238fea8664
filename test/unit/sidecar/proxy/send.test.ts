import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { Denial } from '../../../../core/denial.ts';
import type { Message } from '../../../../core/mcp/message.ts';
import { createExchange } from '../../../../sidecar/audit/exchange.ts';
import type { Exchange } from '../../../../sidecar/audit/exchange.ts';
import { authorize } from '../../../../sidecar/authorize/authorize.ts';
import type { Permit } from '../../../../sidecar/authorize/authorize.ts';
import { createOpenExchanges } from '../../../../sidecar/open-exchanges.ts';
import type { UpstreamCall } from '../../../../sidecar/proxy/forward.ts';
import type { CallReceiver } from '../../../../sidecar/proxy/pool.ts';
import { createSend } from '../../../../sidecar/proxy/send.ts';
import { sessionShownAs } from '../../../../sidecar/session/bound-session.ts';
import { buildSnapshot } from '../../../../sidecar/snapshot/snapshot.ts';
import { aBundle } from '../../../kit/bundles.ts';
import type { TestToken } from '../../../kit/bundles.ts';
import { aClock, aHead, aRequest, ECHO, liveToken, NOW, presentedOf, STREAM } from '../kit.ts';

const TOKEN = liveToken();
const BODY = Buffer.from('{"exact": "bytes" }');
const LIST = aRequest('tools/list');
const TOOLS = '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"shown"},{"name":"hidden"}]}}';

class FakeResponse extends EventEmitter {
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  readonly socket = { setNoDelay: () => undefined };
  head: readonly string[] = [];
  body = '';
  writeHead(_status: number, head: readonly string[]): this {
    Object.assign(this, { head, headersSent: true });
    return this;
  }
  flushHeaders(): void {}
  write(chunk: Buffer): boolean {
    this.body += chunk.toString();
    return true;
  }
  end(chunk?: Buffer): void {
    if (chunk !== undefined) this.write(chunk);
    Object.assign(this, { writableEnded: true, writableFinished: true });
    setImmediate(() => this.emit('close'));
  }
}

interface Sending {
  readonly calls: { readonly permit: Permit; readonly call: UpstreamCall; readonly receiver: CallReceiver }[];
  readonly aborts: string[];
  readonly exchange: Exchange;
  readonly response: FakeResponse;
  readonly open: ReturnType<typeof createOpenExchanges>;
  readonly clock: ReturnType<typeof aClock>;
  readonly started: Exchange[];
  readonly done: Promise<void>;
}

const snapshotOf = (token: TestToken, rules: Parameters<typeof aBundle>[0]['rules'] = []): ReturnType<typeof buildSnapshot> =>
  buildSnapshot([{ bundle: aBundle({ port: 4711, tokens: [token], rules }), upstreamHeaders: [{ name: 'authorization', value: 'Bearer upstream', reference: 'secret/pat#token' }] }], []);

function sending(message: Message, headers: readonly string[] = [], token = TOKEN): Sending {
  const [server] = snapshotOf(token).servers.values();
  const presented = presentedOf(server!, token);
  const method = message.kind === 'stream' ? 'GET' : message.kind === 'terminate' ? 'DELETE' : 'POST';
  const calls: Sending['calls'] = [];
  const aborts: string[] = [];
  const started: Exchange[] = [];
  const clock = aClock();
  const open = createOpenExchanges(clock);
  const exchange = createExchange({ id: 'req-1', startedMonotonicMs: 0, peer: '', httpMethod: method });
  const response = new FakeResponse();
  const send = createSend({
    forwarder: {
      forward(permit, call, receiver) {
        calls.push({ permit, call, receiver });
        receiver.dispatched({ abort: ({ message: reason }) => void aborts.push(reason), pause: () => undefined, resume: () => undefined });
      },
      close: () => Promise.resolve(),
    },
    peers: undefined,
    open,
    streamStarted: (each) => void started.push(each),
  });
  const call = { head: aHead(headers, method), body: method === 'POST' ? BODY : null, message, server: server!, presented, exchange, response: response as unknown as ServerResponse };
  const done = send(authorize(presented.principal, message, server!.policy), call);
  done.catch(() => undefined);
  return { calls, aborts, exchange, response, open, clock, started, done };
}

const valuesOf = (flat: readonly string[], name: string): readonly string[] =>
  flat.filter((_, index) => index % 2 === 1 && flat[index - 1]?.toLowerCase() === name);

describe('a permitted call', () => {
  const session = (): string => {
    const [server] = snapshotOf(TOKEN).servers.values();
    return sessionShownAs('upstream-1', ECHO, { server: server!, principal: presentedOf(server!, TOKEN).principal, own: undefined }) ?? '';
  };

  test('is sent as the bytes that were judged, with the identity, our credential and our id, and nothing of the client\'s', () => {
    const { calls: [sent], exchange } = sending(ECHO, ['Authorization', `Bearer ${TOKEN.text}`, 'X-Forwarded-User', 'root', 'Cookie', 'a=b']);
    const { call } = sent!;
    expect(call).toMatchObject({ port: 4711, path: '/mcp', method: 'POST' });
    expect(call.body).toBe(BODY);
    expect(valuesOf(call.headers, 'authorization')).toEqual(['Bearer upstream']);
    expect(valuesOf(call.headers, 'x-forwarded-user')).toEqual(['alice']);
    expect(valuesOf(call.headers, 'x-mcp-gateway-request-id')).toEqual(['req-1']);
    expect(valuesOf(call.headers, 'content-length')).toEqual([String(BODY.length)]);
    expect(valuesOf(call.headers, 'cookie')).toEqual([]);
    expect(call.headers.join()).not.toContain(TOKEN.text);
    expect(exchange).toMatchObject({ upstreamCalled: true, upstreamCredentials: ['secret/pat#token'] });
  });

  test.each<[Message, string]>([[STREAM, 'GET'], [{ kind: 'terminate', era: 'legacy' }, 'DELETE']])('of %j is sent as %s, without a body', (message, method) => {
    const { calls: [sent] } = sending(message, ['Mcp-Session-Id', session()]);
    expect([sent?.call.method, sent?.call.body]).toEqual([method, null]);
    expect(valuesOf(sent?.call.headers ?? [], 'content-length')).toEqual([]);
  });

  test('goes to the session of its principal, whose name alone is recorded', () => {
    const { calls: [sent], exchange } = sending(ECHO, ['Mcp-Session-Id', session()]);
    expect(valuesOf(sent?.call.headers ?? [], 'mcp-session-id')).toEqual(['upstream-1']);
    expect(exchange.sessionId).toMatch(/^[0-9a-f]{16}$/);
  });

  test.each<[string, readonly string[], TestToken, string]>([
    ['for a session of nobody', ['Mcp-Session-Id', 'made-up'], TOKEN, 'ERR_SESSION_UNKNOWN'],
    ['for an identity too large to forward', [], liveToken({ identity: { displayName: 'x'.repeat(9000) } }), 'ERR_PERMISSION_DENIED'],
  ])('is not sent %s', async (_name, headers, token, code) => {
    const { calls, done, exchange, open } = sending(ECHO, headers, token);
    await expect(done).rejects.toMatchObject({ code });
    expect([calls, exchange.upstreamCalled]).toEqual([[], false]);
    expect(open.rejudge(buildSnapshot([], [])).size).toBe(0);
  });

  test('is answered with our id and the cross-origin headers, and open no longer', async () => {
    const { calls: [sent], response, exchange, done, open } = sending(ECHO, ['Origin', 'https://app.example.com']);
    sent?.receiver.started(200, ['Content-Type', 'application/json']);
    sent?.receiver.data(Buffer.from('{}'));
    sent?.receiver.ended();
    await done;
    expect(response.head).toEqual(expect.arrayContaining(['X-MCP-Gateway-Request-Id', 'req-1', 'Access-Control-Allow-Origin', 'https://app.example.com']));
    expect([response.body, exchange.bytesOut]).toEqual(['{}', 2]);
    expect(open.rejudge(buildSnapshot([], [])).size).toBe(0);
  });
});

describe('while it is open', () => {
  test('a revocation cuts it, with the first cause on record', async () => {
    const { aborts, exchange, open, done } = sending(ECHO);
    open.rejudge(snapshotOf({ ...TOKEN, token: { ...TOKEN.token, revoked: true } }));
    open.cutAll('shutdown', new Denial('ERR_SHUTTING_DOWN', 'later'), () => true);
    await expect(done).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_REVOKED' });
    expect([exchange.closeCause, aborts]).toEqual(['revoked', ['The credential is not valid.']]);
  });

  test('the passing of its expiry cuts it', async () => {
    const { exchange, open, clock, done } = sending(ECHO);
    clock.at = NOW + 60_000;
    open.cutExpired();
    await expect(done).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_EXPIRED' });
    expect(exchange.closeCause).toBe('expired');
  });

  test.each<[string, Message, readonly string[], (text: string) => string]>([
    ['a list', LIST, ['Content-Type', 'application/json'], (text) => text],
    ['a list in a stream', LIST, ['Content-Type', 'text/event-stream'], (text) => `data: ${text}\n\n`],
    ['a list replayed in the stream of a session', STREAM, ['Content-Type', 'text/event-stream'], (text) => `data: ${text}\n\n`],
  ])('%s is filtered by the newest policy', async (_name, message, type, framed) => {
    const { calls: [sent], response, open, done, started } = sending(message);
    const rule = { rule: 'r', effect: 'Deny', principals: [{ everyone: true }], patterns: { tools: ['hidden'], prompts: [], resources: [] } } as const;
    sent?.receiver.started(200, type);
    open.rejudge(snapshotOf(TOKEN, [rule]));
    sent?.receiver.data(Buffer.from(framed(TOOLS)));
    sent?.receiver.ended();
    await done;
    expect(response.body).toContain('shown');
    expect(response.body).not.toContain('hidden');
    expect(started).toHaveLength(type.includes('text/event-stream') ? 1 : 0);
  });

  test('a batch has its lists filtered by the id of each', async () => {
    const entries = [ECHO, { ...LIST, entry: { kind: 'request', id: 8, method: 'tools/list', target: { kind: 'none' } } } as const].flatMap((each) => (each.kind === 'single' ? [each.entry] : []));
    const { calls: [sent], response, done, open } = sending({ kind: 'batch', era: 'legacy', entries });
    const rule = { rule: 'r', effect: 'Deny', principals: [{ everyone: true }], patterns: { tools: ['hidden'], prompts: [], resources: [] } } as const;
    open.rejudge(snapshotOf(TOKEN, [rule]));
    sent?.receiver.started(200, ['Content-Type', 'application/json']);
    sent?.receiver.data(Buffer.from(`[{"jsonrpc":"2.0","id":7,"result":{}},${TOOLS.replace('7', '8')}]`));
    sent?.receiver.ended();
    await done;
    expect(response.body).not.toContain('hidden');
  });
});
