import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Denial } from '../../../core/denial.ts';
import type { Exchange } from '../../../sidecar/audit/exchange.ts';
import { Permit } from '../../../sidecar/authorize/authorize.ts';
import { createPipeline } from '../../../sidecar/pipeline.ts';
import type { PermittedCall, Send } from '../../../sidecar/proxy/send.ts';
import { createCurrentSnapshot } from '../../../sidecar/snapshot/current.ts';
import type { CurrentSnapshot } from '../../../sidecar/snapshot/current.ts';
import { buildSnapshot } from '../../../sidecar/snapshot/snapshot.ts';
import type { Snapshot } from '../../../sidecar/snapshot/snapshot.ts';
import { aBundle } from '../../kit/bundles.ts';
import type { RawConnection } from '../../kit/raw-http.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { aClock, liveToken, NOW } from './kit.ts';

const TOKEN = liveToken({ tools: ['echo'] });
const EXPIRED = liveToken({ name: 'late', expiresAtMs: NOW });
const REVOKED = liveToken({ name: 'gone', revoked: true });
const UNGRANTED = liveToken({ name: 'idle', grants: [] });
const LIMIT = 200;

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => void (await Promise.all(stops.splice(0).map((stop) => stop()))));

interface Running {
  readonly port: number;
  readonly current: CurrentSnapshot;
  readonly clock: ReturnType<typeof aClock>;
  readonly sent: { readonly permit: Permit; readonly call: PermittedCall }[];
  readonly failures: unknown[];
  /** The next exchange that ends. */
  closed(): Promise<Exchange>;
  readonly recorded: readonly Exchange[];
  readonly continues: { count: number };
}

const snapshotOf = (settings: Partial<Parameters<typeof aBundle>[0]> = {}, credential: 'there' | 'missing' = 'there'): Snapshot =>
  buildSnapshot([{ bundle: aBundle({ port: 1, tokens: [TOKEN, EXPIRED, REVOKED, UNGRANTED], ...settings }), upstreamHeaders: credential === 'missing' ? undefined : [] }], [{ label: 'default/refused', path: '/refused' }]);

const answer: Send = (_permit, { response }) => {
  response.writeHead(200, ['Content-Length', '2']).end('ok');
  return Promise.resolve();
};

async function running({ snapshot = snapshotOf(), send = answer }: { snapshot?: Snapshot | undefined; send?: Send } = {}, withoutPolicy = false): Promise<Running> {
  const current = createCurrentSnapshot();
  if (!withoutPolicy) current.publish(snapshot);
  const clock = aClock();
  const sent: Running['sent'] = [];
  const failures: unknown[] = [];
  const recorded: Exchange[] = [];
  const waiting: ((exchange: Exchange) => void)[] = [];
  const continues = { count: 0 };
  const pipeline = createPipeline({
    requestId: () => `req-${recorded.length}`,
    current,
    clock,
    send: (permit, call) => {
      sent.push({ permit, call });
      return send(permit, call);
    },
    recorder: {
      streamStarted: () => undefined,
      malformed: () => undefined,
      snapshotApplied: () => undefined,
      failed: (_exchange, cause) => void failures.push(cause),
      closed(exchange) {
        recorded.push(exchange);
        for (const resolve of waiting.splice(0)) resolve(exchange);
      },
    },
    options: { maxBodyBytes: LIMIT, allowedHosts: new Set(['localhost']), allowedOrigins: new Set(['https://app.example.com']) },
  });
  const server = createServer((request, response) => void pipeline.handle(request, response, () => void (continues.count += 1)));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }));
  const closed = (): Promise<Exchange> => new Promise((resolve) => waiting.push(resolve));
  return { port: (server.address() as AddressInfo).port, current, clock, sent, failures, recorded, closed, continues };
}

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly token?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

const CALL = (name = 'echo'): string => JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name } });
const UNKNOWN_METHOD = '{"jsonrpc":"2.0","id":7,"method":"no/such"}';

function bytesOf({ method = 'POST', path = '/mcp', host = 'localhost', token = TOKEN.text, headers = [], body = CALL() }: Request): string {
  const framing = method === 'POST' ? ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`] : [];
  const authorization = token === '' ? [] : [`Authorization: Bearer ${token}`];
  return [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...authorization, ...framing, ...headers, '', method === 'POST' ? body : ''].join('\r\n');
}

/** A request whose body is held back until `finish`. */
async function uploading(port: number): Promise<{ connection: RawConnection; finish(): void }> {
  const bytes = bytesOf({});
  const connection = await openRaw(port);
  connection.write(bytes.slice(0, -10));
  return { connection, finish: () => connection.write(bytes.slice(-10)) };
}

describe('the order of checks decides the answer', () => {
  // Each request has every fault of the rows below it as far as they go together.
  const malformed = { path: '/other?a=b', host: 'evil.example', token: '', body: '{', headers: ['Origin: https://other.example'] };
  test.each<[string, Request, number, string]>([
    ['a malformed target', malformed, 400, 'ERR_REQUEST_MALFORMED'],
    ['a foreign origin', { ...malformed, path: '/other' }, 403, 'ERR_ORIGIN_FORBIDDEN'],
    ['a foreign host', { ...malformed, path: '/other', headers: [] }, 403, 'ERR_HOST_FORBIDDEN'],
    ['an unknown path', { path: '/other', token: '', body: '{' }, 404, 'ERR_PATH_UNKNOWN'],
    ['a server that is not accepted', { path: '/refused', token: '', body: '{' }, 503, 'ERR_SERVER_NOT_ACCEPTED'],
    ['two credentials', { headers: [`X-Api-Key: ${TOKEN.text}`], body: '{' }, 400, 'ERR_CREDENTIAL_AMBIGUOUS'],
    ['no credential', { token: '', body: '{' }, 401, 'ERR_CREDENTIAL_MISSING'],
    ['an unknown credential', { token: liveToken().text, body: '{' }, 401, 'ERR_CREDENTIAL_INVALID'],
    ['an expired credential', { token: EXPIRED.text, body: '{' }, 401, 'ERR_CREDENTIAL_EXPIRED'],
    ['a revoked credential', { token: REVOKED.text, body: '{' }, 401, 'ERR_CREDENTIAL_REVOKED'],
    ['an unknown credential, before the size of the body', { token: liveToken().text, body: 'x'.repeat(LIMIT + 1) }, 401, 'ERR_CREDENTIAL_INVALID'],
    ['a body too large', { token: UNGRANTED.text, body: 'x'.repeat(LIMIT + 1) }, 413, 'ERR_BODY_TOO_LARGE'],
    ['a malformed message', { token: UNGRANTED.text, body: '{' }, 400, 'ERR_REQUEST_MALFORMED'],
    ['a credential without a grant', { token: UNGRANTED.text }, 403, 'ERR_SERVER_NOT_GRANTED'],
    ['an unknown method', { body: UNKNOWN_METHOD }, 200, 'ERR_METHOD_UNKNOWN'],
    ['a tool that is not granted', { body: CALL('other') }, 200, 'ERR_PERMISSION_DENIED'],
  ])('%s', async (_name, request, status, code) => {
    const { port, sent, recorded } = await running();
    const response = await sendRaw(port, bytesOf(request));
    expect(response.status).toBe(status);
    expect(recorded.map(({ denial }) => denial?.code)).toEqual([code]);
    expect(sent).toEqual([]);
    expect(recorded[0]).toMatchObject({ status, closeCause: 'refused', upstreamCalled: false, permitRule: undefined });
  });

  test('no policy comes before everything', async () => {
    const { port } = await running({}, true);
    expect((await sendRaw(port, bytesOf({ path: '/other?a=b', token: '' }))).status).toBe(503);
  });

  test('a missing credential of the upstream closes the server to everybody, before what it may hold is told', async () => {
    const { port, sent } = await running({ snapshot: snapshotOf({}, 'missing') });
    expect((await sendRaw(port, bytesOf({ token: UNGRANTED.text }))).status).toBe(503);
    expect(sent).toEqual([]);
  });

  test('unknown, expired and revoked credentials get the same answer, byte for byte', async () => {
    const { port } = await running();
    const answers = await Promise.all([liveToken().text, EXPIRED.text, REVOKED.text, 'nonsense'].map(async (token) => {
      const { status, rawHeaders, text } = await sendRaw(port, bytesOf({ token }));
      return JSON.stringify([status, rawHeaders.filter(([name]) => name !== 'Date'), text]).replaceAll(/req-\d/g, 'req');
    }));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('Bearer error=\\"invalid_token\\"');
  });
});

describe('a permitted request', () => {
  test('is sent with a real permit, the exact bytes and what was judged', async () => {
    const { port, sent, recorded } = await running();
    const body = `  ${CALL()} \n`;
    expect(await sendRaw(port, bytesOf({ body }))).toMatchObject({ status: 200, text: 'ok' });
    expect(sent).toHaveLength(1);
    expect(Permit.isPermit(sent[0]?.permit)).toBe(true);
    expect(sent[0]?.call.body?.toString()).toBe(body);
    expect(recorded[0]).toMatchObject({ permitRule: 'GatewayToken/default/alice#permissions[0]', closeCause: 'completed', status: 200, bytesIn: body.length, principal: { subject: 'alice' } });
  });

  test.each([['GET', 'stream'], ['DELETE', 'terminate']])('of %s has no body and is a %s', async (method, kind) => {
    const { port, sent } = await running();
    await sendRaw(port, bytesOf({ method }));
    expect(sent.map(({ call }) => [call.message.kind, call.body])).toEqual([[kind, null]]);
  });

  test('may have a body of exactly the limit', async () => {
    const { port, sent } = await running();
    expect((await sendRaw(port, bytesOf({ body: CALL().padEnd(LIMIT) }))).status).toBe(200);
    expect((await sendRaw(port, bytesOf({ body: CALL().padEnd(LIMIT + 1) }))).status).toBe(413);
    expect(sent).toHaveLength(1);
  });

  test('is invited to send its body only after its credential was accepted', async () => {
    const { port, continues } = await running();
    await sendRaw(port, bytesOf({ token: EXPIRED.text }));
    expect(continues.count).toBe(0);
    await sendRaw(port, bytesOf({}));
    expect(continues.count).toBe(1);
  });
});

describe('a change while the body is on its way', () => {
  test.each<[string, (running: Running) => void, number, string]>([
    ['revokes the token', ({ current }) => current.publish(snapshotOf({ tokens: [{ ...TOKEN, token: { ...TOKEN.token, revoked: true } }] })), 401, 'ERR_CREDENTIAL_REVOKED'],
    ['removes the token', ({ current }) => current.publish(snapshotOf({ tokens: [] })), 401, 'ERR_CREDENTIAL_INVALID'],
    ['narrows the grant', ({ current }) => current.publish(snapshotOf({ tokens: [{ ...TOKEN, token: { ...TOKEN.token, grants: [] } }] })), 403, 'ERR_SERVER_NOT_GRANTED'],
    ['removes the server', ({ current }) => current.publish(buildSnapshot([], [])), 404, 'ERR_PATH_UNKNOWN'],
    ['lets the token expire', ({ clock }) => void (clock.at = NOW + 60_000), 401, 'ERR_CREDENTIAL_EXPIRED'],
  ])('%s', async (_name, change, status, code) => {
    const gateway = await running();
    const { connection, finish } = await uploading(gateway.port);
    await untilAdmitted(gateway);
    change(gateway);
    finish();
    expect((await connection.response()).status).toBe(status);
    connection.destroy();
    expect([gateway.sent.length, gateway.recorded[0]?.denial?.code]).toEqual([0, code]);
  });

  test('is what a request that is still allowed is sent by', async () => {
    const gateway = await running();
    const { connection, finish } = await uploading(gateway.port);
    await untilAdmitted(gateway);
    const next = snapshotOf();
    gateway.current.publish(next);
    finish();
    expect((await connection.response()).status).toBe(200);
    connection.destroy();
    expect(gateway.sent[0]?.call.server).toBe(next.servers.get('uid-server'));
  });
});

/** The credential was accepted: the client has been invited to send its body. */
async function untilAdmitted({ continues }: Running): Promise<void> {
  while (continues.count === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('an end that is no answer', () => {
  test('an upload that breaks off decides nothing', async () => {
    const gateway = await running();
    const { connection } = await uploading(gateway.port);
    await untilAdmitted(gateway);
    const closed = gateway.closed();
    connection.destroy();
    expect(await closed).toMatchObject({ closeCause: 'client-aborted', denial: undefined, permitRule: undefined });
    expect(gateway.sent).toEqual([]);
  });

  test('a denial after the head destroys the connection and appends nothing', async () => {
    const gateway = await running({
      send: (_permit, { response }) => {
        response.writeHead(200, ['Content-Type', 'text/event-stream']).write('data: x\n\n');
        return Promise.reject(new Denial('ERR_CREDENTIAL_REVOKED', 'REFUSAL'));
      },
    });
    const closed = gateway.closed();
    const connection = await openRaw(gateway.port);
    connection.write(bytesOf({}));
    await connection.untilClosed();
    expect(connection.received().toString()).not.toMatch(/REFUSAL|401/);
    expect(await closed).toMatchObject({ closeCause: 'upstream-aborted', denial: { code: 'ERR_CREDENTIAL_REVOKED' } });
  });

  test('a fault of the gateway is a 500 that tells nothing, and is logged', async () => {
    const bug = new Error('SECRET detail');
    const { port, failures } = await running({ send: () => Promise.reject(bug) });
    const response = await sendRaw(port, bytesOf({}));
    expect(response.status).toBe(500);
    expect(JSON.parse(response.text)).toMatchObject({ id: null, error: { code: -32603, message: 'Internal error.' } });
    expect(response.text + JSON.stringify(response.rawHeaders)).not.toContain('SECRET');
    expect(failures).toEqual([bug]);
  });

  test('a refused upload ends the connection instead of being read', async () => {
    const { port } = await running();
    const connection = await openRaw(port);
    connection.write(bytesOf({ token: EXPIRED.text }).slice(0, -10));
    expect((await connection.response()).headers['connection']).toBe('close');
    await connection.untilClosed();
  });
});

describe('browsers', () => {
  const origin = 'Origin: https://app.example.com';
  const preflight = { method: 'OPTIONS', token: '', headers: [origin, 'Access-Control-Request-Method: POST'] };

  test('D9 get a preflight without a credential, which decides and records nothing', async () => {
    const { port, sent, recorded } = await running();
    const response = await sendRaw(port, bytesOf(preflight));
    expect([response.status, response.text, response.headers['access-control-allow-origin']]).toEqual([204, '', 'https://app.example.com']);
    expect(response.headers['access-control-allow-headers']).toContain('x-api-key');
    expect([sent, recorded]).toEqual([[], []]);
  });

  test.each<[string, Request, number]>([
    ['without an origin', { ...preflight, headers: [] }, 405],
    ['that asks for no method', { ...preflight, headers: [origin] }, 405],
    ['from elsewhere', { ...preflight, headers: ['Origin: https://evil.example', 'Access-Control-Request-Method: POST'] }, 403],
    ['from null', { ...preflight, headers: ['Origin: null', 'Access-Control-Request-Method: POST'] }, 403],
    ['for a path that is not served', { ...preflight, path: '/other' }, 404],
  ])('are refused a preflight %s, and that is on record', async (_name, request, status) => {
    const { port, recorded } = await running();
    const response = await sendRaw(port, bytesOf(request));
    expect(response.status).toBe(status);
    expect(recorded).toHaveLength(1);
  });

  test('may read the challenge of a refusal', async () => {
    const { port } = await running();
    const { status, headers } = await sendRaw(port, bytesOf({ token: '', headers: [origin] }));
    expect([status, headers['access-control-allow-origin'], headers['www-authenticate']]).toEqual([401, 'https://app.example.com', 'Bearer']);
    expect(headers['access-control-expose-headers']).toContain('WWW-Authenticate');
  });

  test('of the endpoint\'s own origin are allowed, and a foreign origin is granted nothing in its refusal', async () => {
    const { port } = await running();
    expect((await sendRaw(port, bytesOf({ headers: ['Origin: http://localhost'] }))).status).toBe(200);
    const refused = await sendRaw(port, bytesOf({ headers: ['Origin: https://evil.example'] }));
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  });
});
