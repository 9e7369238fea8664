import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Denial } from '../../../../core/denial.ts';
import { authorize } from '../../../../sidecar/authorize/authorize.ts';
import type { Permit } from '../../../../sidecar/authorize/authorize.ts';
import { createPeerForwarder } from '../../../../sidecar/peer/forward.ts';
import type { PeerForwarder } from '../../../../sidecar/peer/forward.ts';
import type { PeerTrust } from '../../../../sidecar/peer/peer-trust.ts';
import type { Holder } from '../../../../sidecar/session/holder.ts';
import { aPeerAuthority, aPod, certify, SERVER_UID } from '../../../kit/peers.ts';
import { freePort, portOf } from '../../../kit/ports.ts';
import { aServer, ECHO, liveToken, presentedOf } from '../kit.ts';

const authority = await aPeerAuthority();
const SELF = aPod('127.0.0.1');
const CALL = { path: '/mcp', method: 'POST', headers: ['host', 'localhost', 'content-length', '2'], body: Buffer.from('{}') } as const;
const TOKEN = liveToken();
const SERVED = aServer({ tokens: [TOKEN] });
const PERMIT = authorize(presentedOf(SERVED, TOKEN).principal, ECHO, SERVED.policy);
const trustOf = async (): Promise<PeerTrust> => ({ ...(await certify(authority, SELF)), authorities: [authority.certificatePem], serverUid: SERVER_UID });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Peer {
  readonly holder: Holder;
  readonly server: Server;
  /** Connections made, and requests answered. */
  readonly seen: { connections: number; requests: number };
}

/** Every holder here has the same port, and an address of its own. */
async function aPeer(port: number, ip: string): Promise<Peer> {
  const holder = aPod(ip);
  const seen = { connections: 0, requests: 0 };
  const { cert, key } = await certify(authority, holder);
  const server = createServer({ cert, key, ca: [authority.certificatePem], requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, (_request, response) => {
    seen.requests += 1;
    response.end('ok');
  });
  server.on('secureConnection', (socket) => {
    seen.connections += 1;
    expect(socket.isSessionReused()).toBe(false);
  });
  await new Promise<void>((resolve) => server.listen(port, ip, resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { holder, server, seen };
}

async function aForwarder(port: number, over: { readonly maxHolders?: number; readonly idleMs?: number } = {}): Promise<PeerForwarder> {
  const forwarder = createPeerForwarder({ port, maxHolders: 8, idleMs: 60_000, ...over });
  cleanups.push(() => forwarder.close());
  forwarder.trust(await trustOf());
  return forwarder;
}

/** The status of the answer, or the code of the denial. */
function outcomeOf(forwarder: PeerForwarder, holder: Holder): Promise<number | string> {
  return new Promise((resolve) => {
    let answered: number | string = 'nothing';
    forwarder.forward(
      PERMIT, holder, { ...CALL, headers: [...CALL.headers] },
      {
        dispatched: () => undefined,
        started: (status) => (answered = status),
        data: () => undefined,
        ended: () => resolve(answered),
        failed: ({ code }) => resolve(code),
      },
      () => new Denial('ERR_SESSION_HOLDER_UNREACHABLE', 'Session not found.'),
    );
  });
}

describe('a call to a holder', () => {
  test('needs a permit', async () => {
    const forwarder = await aForwarder(await freePort());
    expect(() => forwarder.forward({} as Permit, SELF, { ...CALL, headers: [] }, {} as never, () => new Denial('ERR_INTERNAL', ''))).toThrow(TypeError);
  });

  test('is answered over connections that are used again, each holder its own', async () => {
    const port = await freePort();
    const [one, two] = [await aPeer(port, '127.0.0.21'), await aPeer(port, '127.0.0.22')];
    const forwarder = await aForwarder(port);
    for (const { holder } of [one, two, one, one]) {
      expect(await outcomeOf(forwarder, holder)).toBe(200);
      // The answer is here before its connection is free again.
      await new Promise(setImmediate);
    }
    expect([one.seen, two.seen]).toEqual([{ connections: 1, requests: 3 }, { connections: 1, requests: 1 }]);
  });

  test('goes nowhere without a certificate or anybody to believe', async () => {
    const port = await freePort();
    const peer = await aPeer(port, '127.0.0.21');
    const forwarder = await aForwarder(port);
    forwarder.trust(undefined);
    expect(await outcomeOf(forwarder, peer.holder)).toBe('ERR_SESSION_HOLDER_UNREACHABLE');
    expect(peer.seen).toEqual({ connections: 0, requests: 0 });
  });

  test('uses no connection and no TLS session of before its trust changed', async () => {
    const port = await freePort();
    const peer = await aPeer(port, '127.0.0.21');
    const forwarder = await aForwarder(port);
    expect(await outcomeOf(forwarder, peer.holder)).toBe(200);
    forwarder.trust(await trustOf());
    expect(await outcomeOf(forwarder, peer.holder)).toBe(200);
    expect(peer.seen).toEqual({ connections: 2, requests: 2 });
  });

  test('waits for a holder that accepts in a moment, and is sent once', async () => {
    const port = await freePort();
    const holder = aPod('127.0.0.21');
    const forwarder = await aForwarder(port);
    const { cert, key } = await certify(authority, holder);
    // Ends as a process would that is just going: in the middle of a handshake.
    const going = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => going.listen(port, '127.0.0.21', resolve));
    const connected = new Promise((resolve) => going.once('connection', resolve));
    const outcome = outcomeOf(forwarder, holder);
    await connected;
    await new Promise((resolve) => going.close(resolve));
    let requests = 0;
    const server = createServer({ cert, key }, (_request, response) => {
      requests += 1;
      response.end();
    }).listen(port, '127.0.0.21');
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    expect([await outcome, requests]).toEqual([200, 1]);
  });

  test('is not tried again at once that proved to be another, nor once it was sent', async () => {
    const port = await freePort();
    const peer = await aPeer(port, '127.0.0.21');
    const forwarder = await aForwarder(port);
    expect(await outcomeOf(forwarder, aPod('127.0.0.21'))).toBe('ERR_SESSION_HOLDER_UNREACHABLE');
    expect(peer.seen.requests).toBe(0);
    peer.server.removeAllListeners('request').on('request', (request) => {
      peer.seen.requests += 1;
      request.socket.destroy();
    });
    expect(await outcomeOf(forwarder, peer.holder)).toBe('ERR_UPSTREAM_UNREACHABLE');
    expect(peer.seen.requests).toBe(1);
  });

  test('that waits for a connection ends when the gateway does', async () => {
    const silent = createTcpServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => silent.close());
    const forwarder = await aForwarder(portOf(silent));
    const connected = new Promise((resolve) => silent.once('connection', resolve));
    const outcome = outcomeOf(forwarder, aPod('127.0.0.1'));
    await connected;
    await forwarder.close();
    expect(await outcome).toBe('ERR_SESSION_HOLDER_UNREACHABLE');
  });
});

describe('connections to holders', () => {
  const openTo = (server: Server): Promise<number> => new Promise((resolve, reject) => server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))));
  async function untilClosed(server: Server): Promise<void> {
    const socketClosed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    await socketClosed;
  }

  test('are dropped when nobody asks for them', async () => {
    const port = await freePort();
    const peer = await aPeer(port, '127.0.0.21');
    const forwarder = await aForwarder(port, { idleMs: 1 });
    const closed = untilClosed(peer.server);
    expect(await outcomeOf(forwarder, peer.holder)).toBe(200);
    await closed;
    expect(await outcomeOf(forwarder, peer.holder)).toBe(200);
    expect(peer.seen).toEqual({ connections: 2, requests: 2 });
  });

  test('are kept to a bounded number of holders: the one asked longest ago is dropped', async () => {
    const port = await freePort();
    const [one, two, three] = [await aPeer(port, '127.0.0.21'), await aPeer(port, '127.0.0.22'), await aPeer(port, '127.0.0.23')];
    const forwarder = await aForwarder(port, { maxHolders: 2 });
    const closed = untilClosed(two.server);
    for (const { holder } of [one, two, one, three]) expect(await outcomeOf(forwarder, holder)).toBe(200);
    await closed;
    expect([await openTo(one.server), await openTo(two.server), await openTo(three.server)]).toEqual([1, 0, 1]);
  });
});
