/** What the other tests lean on: a lenient upstream that misses nothing, a client that sends just its bytes, TLS. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer as createTlsServer } from 'node:tls';
import { createAuthority } from '../kit/certificates.ts';
import { createOwner } from '../kit/owner.ts';
import { listenOnLoopback } from '../kit/ports.ts';
import { openRaw, sendRaw } from '../kit/raw-http.ts';
import { answerAfter, answerEvents, answerInTurn, answerJson, answerThenCut, chunkOf } from '../kit/spy-scripts.ts';
import { type SpyOptions, startSpyUpstream } from '../kit/spy-upstream.ts';

const owner = createOwner();
afterEach(owner.stopAll);

const aSpy = async (options?: SpyOptions) => owner.own(await startSpyUpstream(options));
const CALL = '{"jsonrpc":"2.0","id":7,"method":"ping"}';
const POST = `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(CALL.length)}\r\n\r\n${CALL}`;

describe('the spy upstream', () => {
  test('is untouched until someone connects', async () => {
    const spy = await aSpy();
    expect(spy.untouched).toBe(true);
    const connection = await openRaw(spy.port);
    await spy.untilOpen(1);
    expect(spy.untouched).toBe(false);
    connection.destroy();
    await spy.untilOpen(0);
    expect(spy.connections).toEqual({ total: 1, open: 0 });
  });

  test('answers with the id of the request, and keeps every byte and header line of it', async () => {
    const spy = await aSpy();
    const answer = await sendRaw(spy.port, POST.replace('Host: x', 'Host: x\r\nX-Twice: 1\r\nx-tWICE: 2'));
    expect(JSON.parse(answer.text)).toEqual({ jsonrpc: '2.0', id: 7, result: {} });
    const request = await spy.request(0);
    expect(request.values('x-twice')).toEqual(['1', '2']);
    expect(request.rawHeaders.map(([name]) => name)).toEqual(['Host', 'X-Twice', 'x-tWICE', 'Content-Length']);
    expect(request.body.toString()).toBe(CALL);
    expect(spy.bytesReceived).toBe(request.raw.length);
  });

  test('tells pipelined requests apart, and answers each in its turn', async () => {
    const spy = await aSpy({ script: answerInTurn(answerJson({ turn: 1 }), answerJson({ turn: 2 })) });
    const { responses } = await sendRaw(spy.port, POST + POST, { expected: 2 });
    expect(responses.map(({ text }) => text)).toEqual(['{"turn":1}', '{"turn":2}']);
    expect(spy.requests.map(({ connection }) => connection)).toEqual([0, 0]);
  });

  test('puts a chunked body together that arrives byte by byte, with bare line feeds', async () => {
    const spy = await aSpy();
    const connection = await openRaw(spy.port);
    connection.socket.setNoDelay(true);
    for (const byte of `POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n${chunkOf('ab')}${chunkOf('c')}0\r\n\r\n`) {
      connection.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await spy.request(0)).body.toString()).toBe('abc');
    connection.destroy();
  });

  test('answers before it has read the body if it is told to', async () => {
    const spy = await aSpy({ answerAfter: 'head' });
    const connection = await openRaw(spy.port);
    connection.write(POST.slice(0, -CALL.length));
    expect((await connection.response()).status).toBe(200);
    expect(spy.requests).toHaveLength(0);
    connection.write(CALL);
    expect((await spy.request(0)).body.toString()).toBe(CALL);
    connection.destroy();
  });

  test('hangs until its gate opens', async () => {
    const gate = Promise.withResolvers<void>();
    const spy = await aSpy({ script: answerAfter(gate.promise, answerJson({ late: true })) });
    const connection = await openRaw(spy.port);
    connection.write(POST);
    await spy.request(0);
    expect(connection.received()).toHaveLength(0);
    gate.resolve();
    expect((await connection.response()).text).toBe('{"late":true}');
    connection.destroy();
  });

  test('leaves an event stream open, and cuts a response short when told to', async () => {
    const cut = answerThenCut('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab');
    const spy = await aSpy({ script: answerInTurn(answerEvents(['data: 1\n\n']), cut) });
    const stream = await openRaw(spy.port);
    stream.write(POST);
    await stream.untilReceived('data: 1');
    spy.writeUnasked(chunkOf('data: 2\n\n') + '0\r\n\r\n');
    expect((await stream.response()).text).toBe('data: 1\n\ndata: 2\n\n');
    stream.destroy();
    await spy.untilOpen(0);
    await expect(sendRaw(spy.port, POST)).rejects.toThrow('closed before a response');
  });
});

describe('certificates', () => {
  test('are trusted through their authority for the names they were issued for, and for no others', async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issue({ names: ['gateway.test', '127.0.0.1'] });
    const server = createTlsServer({ cert, key }, (socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    const port = await listenOnLoopback(server);
    owner.own({ stop: () => new Promise((resolve) => server.close(resolve)) });

    const trusted = { ca: authority.cert, servername: 'gateway.test' };
    const answer = await sendRaw(port, 'GET / HTTP/1.1\r\n\r\n', { tls: trusted });
    expect(answer).toMatchObject({ status: 200, closed: true });
    const stranger = await createAuthority();
    await expect(openRaw(port, { tls: { ...trusted, ca: stranger.cert } })).rejects.toThrow(/certificate/);
    await expect(openRaw(port, { tls: { ...trusted, servername: 'other.test' } })).rejects.toThrow(/altnames/);
  });
});
