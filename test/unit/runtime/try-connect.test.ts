import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createTryConnect } from '../../../runtime/try-connect.ts';
import { freePort, listenOnLoopback } from '../../kit/ports.ts';

let server: Server;
let received: Buffer[];
let port: number;
const { signal } = new AbortController();

beforeEach(async () => {
  received = [];
  server = createServer((socket) => socket.on('data', (bytes) => received.push(bytes)).on('error', () => undefined));
  port = await listenOnLoopback(server);
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

test('says that somebody listens, sends nothing and keeps no connection', async () => {
  const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
  expect(await createTryConnect(5_000)({ address: '127.0.0.1', port }, signal)).toBe('Connected');
  await closed;
  expect(received).toEqual([]);
});

test('says that nobody does, on another address of the same machine too', async () => {
  expect(await createTryConnect(5_000)({ address: '127.0.0.1', port: await freePort() }, signal)).toBe('Refused');
  expect(await createTryConnect(5_000)({ address: '127.0.0.9', port }, signal)).toBe('Refused');
});

test('does not wait longer than it should, nor for a signal that is aborted', async () => {
  expect(await createTryConnect(0)({ address: '127.0.0.1', port }, AbortSignal.abort())).toBe('Unanswered');
  const stopping = new AbortController();
  const outcome = createTryConnect(60_000)({ address: '127.0.0.1', port }, stopping.signal);
  stopping.abort();
  expect(await outcome).toBe('Unanswered');
});

test('looks no name up', async () => {
  expect(await createTryConnect(5_000)({ address: 'localhost', port }, signal)).toBe('Unanswered');
});
