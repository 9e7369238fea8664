import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createPeerListener } from '../../../../sidecar/peer/listener.ts';
import type { PeerListener } from '../../../../sidecar/peer/listener.ts';
import { aPeerAuthority, aPod, certify, SERVER_UID } from '../../../kit/peers.ts';
import { aClock } from '../kit.ts';

const authority = await aPeerAuthority();
const REQUEST = 'GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n';
const clock = aClock();

let listener: PeerListener;
let handled: number;
afterEach(() => listener.closeAll());

async function listening(): Promise<number> {
  clock.at = Date.now();
  handled = 0;
  listener = createPeerListener(
    { address: '127.0.0.1', port: 0, maxConnections: 10 },
    {
      handle: async (_request, response) => {
        handled += 1;
        response.end('heard');
      },
      malformed: () => undefined,
      nowMs: () => clock.at,
    },
  );
  return (await listener.start()).port;
}

const trustIn = async (...trusted: (typeof authority)[]): Promise<Parameters<PeerListener['trust']>[0]> =>
  ({ ...(await certify(authority, aPod('127.0.0.1'))), authorities: trusted.map(({ certificatePem }) => certificatePem), serverUid: SERVER_UID });

/** What is answered to a request on a connection of its own, until it ends. */
function ask(port: number, tls: ConnectionOptions): { readonly socket: TLSSocket; readonly heard: Promise<boolean>; readonly ended: Promise<unknown> } {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...tls });
  socket.on('error', () => undefined);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  const answered = new Promise<boolean>((resolve) => socket.on('data', (chunk: Buffer) => resolve(chunk.includes('heard'))));
  socket.write(REQUEST);
  return { socket, ended, heard: Promise.race([answered, ended.then(() => false)]) };
}

describe('the listener of peers', () => {
  test('hears nobody until it can prove itself and knows whom to believe, and again nobody afterwards', async () => {
    const port = await listening();
    const peer = await certify(authority, aPod('127.0.0.2'));
    expect(await ask(port, peer).heard).toBe(false);
    listener.trust(await trustIn(authority));
    const open = ask(port, peer);
    expect(await open.heard).toBe(true);
    listener.trust(undefined);
    await open.ended;
    expect(await ask(port, peer).heard).toBe(false);
    expect(handled).toBe(1);
  });

  test('hears nobody on a connection that outlived its certificate', async () => {
    const port = await listening();
    listener.trust(await trustIn(authority));
    const open = ask(port, await certify(authority, aPod('127.0.0.2')));
    expect(await open.heard).toBe(true);
    clock.at += 3_600_000;
    open.socket.write(REQUEST);
    await open.ended;
    expect(handled).toBe(1);
  });

  test('resumes no TLS session from before a change of trust', async () => {
    const port = await listening();
    const next = await aPeerAuthority('next');
    listener.trust(await trustIn(authority));
    const peer = await certify(authority, aPod('127.0.0.2'));
    const first = ask(port, { ...peer, maxVersion: 'TLSv1.3' });
    const session = new Promise<Buffer>((resolve) => first.socket.once('session', resolve));
    expect(await first.heard).toBe(true);
    listener.trust(await trustIn(next));
    await first.ended;
    expect(await ask(port, { ...peer, session: await session }).heard).toBe(false);
    expect(handled).toBe(1);
  });
});
