import { createSecureContext } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createListener } from '../../../sidecar/listener.ts';
import type { Listener, ListenerOptions, RequestHandler } from '../../../sidecar/listener.ts';
import type { Authority, CertifiedKey } from '../../kit/certificates.ts';
import { createAuthority } from '../../kit/certificates.ts';
import type { RawConnection } from '../../kit/raw-http.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface Running {
  readonly port: number;
  readonly listener: Listener;
  /** Faults that were reported, and the wait for the next. */
  readonly faults: string[];
  fault(): Promise<void>;
}

const OK: RequestHandler = (request, response) => {
  request.resume();
  response.writeHead(200, ['Content-Length', '2']).end('ok');
  return Promise.resolve();
};
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function running(handle: RequestHandler = OK, options: Partial<ListenerOptions> = {}): Promise<Running> {
  const faults: string[] = [];
  const waiting: (() => void)[] = [];
  const listener = createListener({ address: '127.0.0.1', port: 0, maxConnections: 100, ...options }, {
    handle,
    malformed(peer, code) {
      faults.push(`${peer} ${code}`);
      for (const resolve of waiting.splice(0)) resolve();
    },
  });
  const { port } = await listener.start();
  stops.push(() => listener.closeAll());
  return { port, listener, faults, fault: () => (faults.length > 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))) };
}

/** Answers are held open until the test ends them. */
function holding(): { handle: RequestHandler; held: { request: IncomingMessage; response: ServerResponse }[]; until(count: number): Promise<void> } {
  const held: { request: IncomingMessage; response: ServerResponse }[] = [];
  let notify = (): void => undefined;
  return {
    held,
    handle(request, response) {
      held.push({ request, response });
      response.writeHead(200, ['Content-Type', 'text/plain']).write('first');
      notify();
      return Promise.resolve();
    },
    until: async (count) => {
      while (held.length < count) await new Promise<void>((resolve) => void (notify = resolve));
    },
  };
}

describe('the listener', () => {
  test('says where it listens, and why it cannot', async () => {
    const { port } = await running();
    expect((await sendRaw(port, GET)).text).toBe('ok');
    const second = createListener({ address: '127.0.0.1', port, maxConnections: 1 }, { handle: OK, malformed: () => undefined });
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('invites a client to send its body only when the handler says so', async () => {
    const { port } = await running((request, response, beforeBody) => {
      if (request.url === '/yes') beforeBody();
      return OK(request, response, beforeBody);
    });
    const invited = await openRaw(port);
    invited.write('POST /yes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    await invited.untilReceived('ok');
    expect(invited.received().toString()).toMatch(/^HTTP\/1\.1 100 Continue/);
    invited.destroy();
    expect((await sendRaw(port, 'POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')).status).toBe(200);
  });

  test('closes connections beyond its bound', async () => {
    const { port } = await running(OK, { maxConnections: 1 });
    const first = await openRaw(port);
    first.write(GET);
    await first.response();
    const second = await openRaw(port);
    await second.untilClosed();
    first.destroy();
  });

  test.each<[string, string, number, string]>([
    ['no HTTP', 'nonsense\r\n\r\n', 400, 'HPE_INVALID_METHOD'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, ''],
    ['a head too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17 * 1024)}\r\n\r\n`, 431, 'HPE_HEADER_OVERFLOW'],
    ['both framings', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'HPE_INVALID_TRANSFER_ENCODING'],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: a\n\n', 400, 'HPE_'],
    ['an expectation it cannot meet', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n', 417, 'EXPECTATION_UNKNOWN'],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n', 501, 'TUNNEL_REFUSED'],
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'TUNNEL_REFUSED'],
  ])('refuses %s with an empty answer and ends the connection', async (_name, bytes, status, code) => {
    const { port, faults } = await running(() => Promise.reject(new Error('never')));
    const response = await sendRaw(port, bytes);
    expect([response.status, response.text, response.closed]).toEqual([status, '', true]);
    expect(faults.join()).toContain(code);
  });

  test.each([
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('survives a client that asks for %s and resets the connection', async (_name, bytes) => {
    const { port, fault, faults } = await running();
    for (let i = 0; i < 20; i += 1) {
      const connection = await openRaw(port);
      connection.socket.write(bytes, () => connection.socket.resetAndDestroy());
    }
    await fault();
    expect((await sendRaw(port, GET)).text).toBe('ok');
    expect(faults[0]).toContain('TUNNEL_REFUSED');
  });
});

describe('in the middle of an answer', () => {
  const faulty = [['nonsense', 'nonsense\r\n\r\n'], ['an upgrade', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'], ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n']] as const;

  test.each(faulty)('%s ends the connection, and no other status line is written into it', async (_name, bytes) => {
    const { handle, until } = holding();
    const { port, fault } = await running(handle);
    const connection = await openRaw(port);
    connection.write(GET);
    await until(1);
    connection.write(bytes);
    await fault();
    await connection.untilClosed();
    expect(connection.received().toString().match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('of a second pipelined request the first being answered does not count as the end', async () => {
    const { handle, held, until } = holding();
    const { port, fault } = await running(handle);
    const connection = await openRaw(port);
    connection.write(GET + GET);
    await until(1);
    held[0]?.response.end();
    await Promise.all([once(held[0]!.response, 'close'), until(2)]);
    connection.write('nonsense\r\n\r\n');
    await fault();
    await connection.untilClosed();
    expect(connection.received().toString()).not.toContain('400 Bad Request');
  });
});

describe('draining', () => {
  test('is idle when every answer is complete or its connection is gone', async () => {
    const { handle, held, until } = holding();
    const { port, listener } = await running(handle);
    await listener.idle();
    const [first, second] = [await openRaw(port), await openRaw(port)];
    first.write(GET);
    second.write(GET);
    await until(2);
    let idle = false;
    const waiting = listener.idle().finally(() => { idle = true; });
    second.destroy();
    await once(held.find(({ request }) => request.socket.remotePort !== first.socket.localPort)!.response, 'close');
    await new Promise((resolve) => setImmediate(resolve));
    expect(idle).toBe(false);
    held.find(({ request }) => request.socket.remotePort === first.socket.localPort)?.response.end('last');
    await waiting;
    await first.untilReceived('last');
    first.destroy();
  });

  test('accepts no connection, and lets one that is busy have its answer as its last', async () => {
    const { handle, held, until } = holding();
    const { port, listener } = await running(handle);
    const busy = await openRaw(port);
    busy.write(GET);
    await until(1);
    listener.stopAccepting();
    await expect(openRaw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    held[0]?.response.end('last');
    await busy.untilReceived('last');
    await busy.untilClosed();
  });

  test('answers a request on a connection it still has, and says that it is the last', async () => {
    const { handle, held, until } = holding();
    const { port, listener } = await running(handle);
    const busy = await openRaw(port);
    busy.write(GET);
    await until(1);
    listener.stopAccepting();
    busy.write(GET);
    held[0]?.response.end();
    await until(2);
    held[1]?.response.end();
    await busy.untilClosed();
    expect(busy.received().toString()).toMatch(/connection: close/i);
  });

  test('closes idle connections at once, and everything when told to', async () => {
    const { handle, until } = holding();
    const { port, listener } = await running(handle);
    const busy = await openRaw(port);
    busy.write(GET);
    await until(1);
    await listener.closeAll();
    await busy.untilClosed();
  });
});

describe('TLS', () => {
  let authority: Authority;
  let [first, second]: CertifiedKey[] = [];
  beforeAll(async () => {
    authority = await createAuthority();
    [first, second] = await Promise.all([authority.issue({ commonName: 'first' }), authority.issue({ commonName: 'second' })]);
  });
  const withTls = (port: number, options: object = {}): Promise<RawConnection> => openRaw(port, { tls: { ca: authority.cert, servername: 'localhost', ...options } });
  const nameOf = ({ socket }: RawConnection): unknown => (socket as TLSSocket).getPeerCertificate().subject.CN;

  test('serves the new certificate to new connections and leaves open ones alone', async () => {
    const { port, listener } = await running(OK, { tls: first! });
    const before = await withTls(port);
    listener.setTls(second!);
    const after = await withTls(port);
    expect([nameOf(before), nameOf(after)]).toEqual(['first', 'second']);
    before.write(GET);
    expect((await before.response()).text).toBe('ok');
    before.destroy();
    after.destroy();
  });

  test('does not resume a session of the certificate before', async () => {
    const { port, listener } = await running(OK, { tls: first! });
    const before = await withTls(port, { maxVersion: 'TLSv1.2' });
    const session = (before.socket as TLSSocket).getSession();
    before.destroy();
    const resumed = await withTls(port, { maxVersion: 'TLSv1.2', session });
    expect((resumed.socket as TLSSocket).isSessionReused()).toBe(true);
    resumed.destroy();
    listener.setTls(second!);
    const after = await withTls(port, { maxVersion: 'TLSv1.2', session });
    expect((after.socket as TLSSocket).isSessionReused()).toBe(false);
    after.destroy();
  });

  test('is version 1.2 or later, also with a new certificate', async () => {
    const { port, listener } = await running(OK, { tls: first! });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', secureContext: createSecureContext({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }) };
    await expect(withTls(port, old)).rejects.toThrow();
    listener.setTls(second!);
    await expect(withTls(port, old)).rejects.toThrow();
  });

  test('never answers plain HTTP', async () => {
    const { port } = await running(OK, { tls: first! });
    const plain = await openRaw(port);
    plain.write(GET);
    await plain.untilClosed();
    expect(plain.received().toString()).not.toContain('200');
  });
});
