import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ProbeRequest } from '../../../api/server-probes.ts';
import { createServerProbes } from '../../../sidecar/server-probes.ts';
import { freePort, listenOnLoopback } from '../../kit/ports.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  return listenOnLoopback(server);
}

const answerOf = (port: number, http?: ProbeRequest, timeoutSeconds = 10): (() => Promise<number>) => {
  const probe = { container: 'server', kind: 'liveness', timeoutSeconds, ...(http === undefined ? {} : { http }) } as const;
  const answer = createServerProbes({ port, probes: [probe] }).get('/probe/server/liveness');
  if (answer === undefined) throw new Error('no such probe');
  return answer;
};
const GET: ProbeRequest = { path: '/live?x=y', headers: [] };

async function asked(probe: ProbeRequest, listener: RequestListener = (_request, response) => response.end('secret')): Promise<{ status: number; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const port = await listening(createHttpServer((request, response) => {
    requests.push(request);
    listener(request, response);
  }));
  return { status: await answerOf(port, probe)(), requests };
}

describe('a probe over HTTP', () => {
  test.each([
    [200, 200],
    [204, 200],
    [399, 200],
    [400, 400],
    [401, 401],
    [503, 503],
    [600, 502],
  ])('answered with %p is %p for the kubelet', async (status, expected) => {
    expect((await asked(GET, (_request, response) => response.writeHead(status).end('x'))).status).toBe(expected);
  });

  test('asks for what was written, with its headers and no credential', async () => {
    const headers = [{ name: 'X-A', value: '1' }, { name: 'x-a', value: '2' }, { name: 'Host', value: 'mcp.example' }, { name: 'User-Agent', value: 'mine' }];
    const { requests: [request] } = await asked({ path: '/live?x=y', headers });
    expect({ method: request?.method, url: request?.url }).toEqual({ method: 'GET', url: '/live?x=y' });
    expect(request?.headers).toEqual({ accept: '*/*', 'user-agent': 'mine', host: 'mcp.example', 'x-a': '1, 2', connection: 'close' });
  });

  test('passes on nothing that frames the message or vouches for an identity', async () => {
    const names = ['Content-Length', 'Transfer-Encoding', 'Expect', 'Upgrade', 'Connection', 'X-Forwarded-User', 'X-MCP-Gateway-Issuer', '__proto__'];
    const { requests: [request] } = await asked({ path: '/', headers: names.map((name) => ({ name, value: '5' })) });
    expect(Object.keys(request?.headers ?? {}).sort()).toEqual(['accept', 'connection', 'host', 'user-agent']);
    expect(request?.rawHeaders).toContain('__proto__');
  });

  test('follows no redirect', async () => {
    const other: string[] = [];
    const elsewhere = await listening(createHttpServer((request, response) => {
      other.push(request.url ?? '');
      response.end();
    }));
    const { status, requests } = await asked(GET, (_request, response) => response.writeHead(302, { location: `http://127.0.0.1:${elsewhere}/` }).end());
    expect(status).toBe(200);
    expect(requests).toHaveLength(1);
    expect(other).toEqual([]);
  });

  test('reads no more than the head of an answer that never ends', async () => {
    const closed = Promise.withResolvers<void>();
    const { status } = await asked(GET, (_request, response) => {
      response.once('close', closed.resolve);
      response.writeHead(200).write('x');
    });
    expect(status).toBe(200);
    await closed.promise;
  });

  test('that is not answered ends with its time, and the connection with it', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await listening(createServer((socket) => socket.on('error', () => undefined).once('close', () => closed.resolve()).resume()));
    expect(await answerOf(port, GET, 0.05)()).toBe(504);
    await closed.promise;
  });

  test.each([
    ['closes at once', ''],
    ['answers with something else', 'SSH-2.0-x\r\n'],
    ['changes the protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ])('of a server that %s is bad', async (_title, bytes) => {
    const port = await listening(createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end(bytes))));
    expect(await answerOf(port, GET)()).toBe(502);
  });

  test('of a port where nobody listens is bad', async () => {
    expect(await answerOf(await freePort(), GET)()).toBe(502);
  });
});

describe('a probe of the port', () => {
  test('is good where a connection is accepted, which then ends', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await listening(createServer((socket) => socket.on('error', () => undefined).once('close', () => closed.resolve()).resume()));
    expect(await answerOf(port)()).toBe(200);
    await closed.promise;
  });

  test('is bad where nobody listens', async () => {
    expect(await answerOf(await freePort())()).toBe(502);
  });
});

test('however many ask, the server is asked once, and again afterwards', async () => {
  let count = 0;
  const gate = Promise.withResolvers<void>();
  const server = createHttpServer((_request, response) => {
    count += 1;
    void gate.promise.then(() => response.end());
  });
  const answer = answerOf(await listening(server), GET);
  const all = Array.from({ length: 50 }, () => answer());
  await once(server, 'request');
  gate.resolve();
  expect(new Set(await Promise.all(all))).toEqual(new Set([200]));
  expect(count).toBe(1);
  expect(await answer()).toBe(200);
  expect(count).toBe(2);
});
