import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAdminServer } from '../../../runtime/admin-server.ts';
import type { AdminServer, Readiness } from '../../../runtime/admin-server.ts';

let port = 0;
let server: AdminServer;
let live: boolean;
let ready: boolean | Readiness;
let probed: () => number;
let render: () => Promise<{ contentType: string; text: string }>;

beforeEach(async () => {
  live = true;
  ready = true;
  probed = () => 200;
  render = async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'x_total 1\n' });
  server = createAdminServer({
    address: '127.0.0.1',
    port: 0,
    metrics: { render: () => render() },
    ready: () => ready,
    live: () => live,
    answers: new Map([['/probe/server/liveness', async () => probed()]]),
  });
  ({ port } = await server.start());
});
afterEach(() => server.stop());

const request = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`, init);

/** What a raw socket gets for exactly these bytes. */
function raw(bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.setEncoding('latin1').on('data', (text) => (answer += text));
  socket.on('close', () => resolve(answer)).on('error', reject);
  return promise;
}

describe('a further path', () => {
  test('is answered with a status alone', async () => {
    for (const status of [200, 401, 502]) {
      probed = () => status;
      const response = await request('/probe/server/liveness');
      expect({ status: response.status, text: await response.text(), cache: response.headers.get('cache-control') }).toEqual({ status, text: '', cache: 'no-store' });
    }
  });

  test('is exact, and only read', async () => {
    for (const path of ['/probe/server/liveness/', '/probe/server', '/probe/server/LIVENESS', '/probe/server/%6civeness', '//probe/server/liveness']) expect((await request(path)).status).toBe(404);
    expect((await request('/probe/server/liveness', { method: 'POST' })).status).toBe(405);
  });

  test('that fails shows nothing of it', async () => {
    probed = () => {
      throw new Error('secret');
    };
    const response = await request('/probe/server/liveness');
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 500, text: 'internal error\n' });
  });
});

describe('the admin server', () => {
  test('says whether the process is alive', async () => {
    expect((await request('/healthz')).status).toBe(200);
    live = false;
    expect((await request('/healthz')).status).toBe(503);
  });

  test('says whether the process is ready, and why not', async () => {
    expect(await (await request('/readyz')).json()).toEqual({ ready: true, reasons: [] });
    ready = { ready: false, reasons: ['no snapshot'] };
    const refused = await request('/readyz');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toEqual({ ready: false, reasons: ['no snapshot'] });
    ready = false;
    expect((await request('/readyz')).status).toBe(503);
  });

  test('shows metrics with the content type that their format has', async () => {
    const response = await request('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toBe('x_total 1\n');
  });

  test('answers HEAD without a body', async () => {
    const response = await request('/metrics', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  test.each(['/', '/healthz/', '/HEALTHZ', '/metrics/x', '/mcp', '/debug/pprof', '/%6detrics', '/__proto__'])(
    'answers 404 to %s',
    async (path) => {
      const response = await request(path);
      expect(response.status).toBe(404);
      expect(await response.text()).toBe('not found\n');
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('refuses %s and repeats none of its body', async (method) => {
    const response = await request('/metrics', { method, body: 'canary-8417' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(await response.text()).not.toContain('canary');
  });

  test('repeats nothing a caller sent, neither path nor header', async () => {
    const answer = await raw('GET /canary-8417?canary-8417 HTTP/1.1\r\nhost: canary-8417\r\nx-a: canary-8417\r\nconnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toContain('canary');
  });

  test.each(['/../metrics', '/x/../metrics', '/metrics;x', '//metrics'])('matches %s as written', async (path) => {
    expect(await raw(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('refuses CONNECT and a malformed request by closing', async () => {
    expect(await raw('CONNECT 10.0.0.1:443 HTTP/1.1\r\nhost: a\r\n\r\n')).toBe('');
    expect(await raw('GET /healthz HTTP/1.1\r\nhost : a\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('names no software and forbids caching', async () => {
    const response = await request('/healthz');
    expect(response.headers.has('x-powered-by')).toBe(false);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('answers 500 without detail when the metrics cannot be made', async () => {
    render = () => Promise.reject(new Error('canary-8417'));
    const response = await request('/metrics');
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('internal error\n');
  });

  test('stop ends kept-alive connections, and nobody can connect afterwards', async () => {
    await (await request('/healthz')).text();
    await server.stop();
    await expect(request('/healthz')).rejects.toThrow();
  });

  test('start fails when the port is taken', async () => {
    const second = createAdminServer({ address: '127.0.0.1', port, metrics: { render }, ready: () => true, live: () => true });
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
