/** Section I: event streams and other calls that stay open, by the thousand and for hours. */
import { jest, describe, expect, test } from '@jest/globals';
import { startGateway } from '../../kit/gateway.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import type { Guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import type { RawConnection } from '../../kit/raw-http.ts';
import { answerAfter, answerEvents, answerJson, answerThenCut, chunkOf, headOf } from '../../kit/spy-scripts.ts';
import { startSpyUpstream } from '../../kit/spy-upstream.ts';
import { aRequest } from './attacks.ts';

const EVENT = 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"first"}}\n\n';
const COUNT = 1000;
const SLOW = { deadlineMs: 18_000 } as const;

async function openStream({ sidecar, text }: Guarded): Promise<RawConnection> {
  const connection = await openRaw(sidecar.port, SLOW);
  connection.write(aCall(text, ECHO));
  await connection.untilReceived('"first"');
  return connection;
}

async function openStreams(running: Guarded, count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  for (let opened = 0; opened < count; opened += 100) {
    connections.push(...(await Promise.all(Array.from({ length: Math.min(100, count - opened) }, () => openStream(running)))));
  }
  return connections;
}

describe('a thousand streams', () => {
  test('I1 I3 all get their first event at once, and none is left upstream when their clients are gone', async () => {
    const running = await guarded();
    running.spy.answerWith(answerEvents([EVENT]));
    const connections = await openStreams(running, COUNT);
    expect(running.spy.connections.open).toBe(COUNT);
    expect(await running.sidecar.metricsText()).toContain(`mcpgateway_open_streams ${COUNT}`);
    for (const [index, connection] of connections.entries()) {
      if (index % 2 === 0) connection.socket.resetAndDestroy();
      else connection.destroy();
    }
    const since = performance.now();
    await running.spy.untilOpen(0);
    expect(performance.now() - since).toBeLessThan(2000);
    expect(await running.sidecar.metricsText()).toContain('mcpgateway_open_streams 0');
  });

  test.each([
    ['ends its side', (connection: RawConnection) => void connection.socket.end()],
    ['resets', (connection: RawConnection) => void connection.socket.resetAndDestroy()],
    ['leaves', (connection: RawConnection) => connection.destroy()],
  ])('I1 ends a call upstream that has not been answered when its client %s', async (_how, leave) => {
    const { spy, sidecar, text } = await guarded({ spy: { script: () => undefined } });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    await spy.request(0);
    leave(connection);
    await spy.untilOpen(0);
    expect(await sidecar.audited(({ event }) => event === 'tools/call')).toMatchObject({ close: 'client-aborted' });
  });
});

describe('an end on the other side', () => {
  test.each([
    ['in the middle of an event', `${headOf(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' })}${chunkOf(EVENT)}${chunkOf('data: {"js')}`],
    ['between two events', `${headOf(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' })}${chunkOf(EVENT)}`],
    ['after its head', headOf(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' })],
  ])('I2 shows the client an error, not an end, when the upstream dies %s', async (_when, bytes) => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerThenCut(bytes));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    await connection.untilClosed();
    expect(connection.received().toString()).not.toContain('\r\n0\r\n\r\n');
    const record = await sidecar.audited(({ event }) => event === 'tools/call.close' || event === 'tools/call');
    expect(record).toMatchObject({ reason: 'ERR_UPSTREAM_UNREACHABLE' });
  });
});

describe('silence and speed', () => {
  test('I4 sends the comment also while an event is held back because its end has not come', async () => {
    jest.useFakeTimers({ doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date', 'hrtime'] });
    try {
      const running = await guarded();
      running.spy.answerWith(answerEvents([EVENT]));
      const connection = await openRaw(running.sidecar.port);
      connection.write(aRequest(running.text, 'GET /mcp HTTP/1.1', ['Accept: text/event-stream']));
      await connection.untilReceived('"first"');
      const other = await openStream(running);
      for (const piece of ['data: {"jsonrpc":"2.0",', '"method":"notifications/']) {
        running.spy.writeUnasked(chunkOf(piece));
        // The other stream is not filtered: what it shows has reached the gateway on both.
        await other.untilReceived(piece);
        jest.advanceTimersByTime(20_000);
      }
      await connection.untilReceived(':\n\n');
      running.spy.writeUnasked(chunkOf('message"}\n\n'));
      await connection.untilReceived('data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
      connection.destroy();
      other.destroy();
    } finally {
      jest.useRealTimers();
    }
  });

  test('I4 sends a comment into a silent stream, between events only, for as long as it is silent', async () => {
    jest.useFakeTimers({ doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date', 'hrtime'] });
    try {
      const running = await guarded();
      running.spy.answerWith(answerEvents([EVENT]));
      const connection = await openStream(running);
      jest.advanceTimersByTime(600_000);
      running.spy.writeUnasked(chunkOf('data: {"half":'));
      await connection.untilReceived('"half"');
      expect(connection.received().toString().split('3\r\n:\n\n\r\n').length - 1).toBe(24);
      const before = connection.received().length;
      jest.advanceTimersByTime(120_000);
      running.spy.writeUnasked(chunkOf('1}\n\n'));
      await connection.untilReceived('1}\n\n');
      expect(connection.received().subarray(before).toString()).toBe('4\r\n1}\n\n\r\n');
      connection.destroy();
    } finally {
      jest.useRealTimers();
    }
  });

  test.each([
    ['a call that is not filtered', aCall],
    ['a stream that is filtered', (text: string) => aRequest(text, 'GET /mcp HTTP/1.1', ['Accept: text/event-stream'])],
  ])('I5 holds the upstream back while a client does not read %s, and loses nothing', async (_what, bytesOf) => {
    const running = await guarded();
    const total = 400;
    const event = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${'x'.repeat(262_144)}"}}\n\n`;
    let sent = 0;
    const blocked = Promise.withResolvers<void>();
    running.spy.answerWith(async (_request, socket) => {
      socket.write(headOf(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' }));
      for (; sent < total; sent += 1) {
        if (socket.write(chunkOf(event))) continue;
        const drained = new Promise((resolve) => socket.once('drain', resolve));
        const idle = setTimeout(() => blocked.resolve(), 300);
        await drained;
        clearTimeout(idle);
      }
      socket.write('0\r\n\r\n');
      blocked.resolve();
    });
    const connection = await openRaw(running.sidecar.port, SLOW);
    connection.socket.pause();
    connection.write(bytesOf(running.text, ECHO));
    await blocked.promise;
    // What is not held by the gateway is held by the kernel: some megabytes per socket.
    expect(sent * event.length).toBeLessThan(32 * 1_048_576);
    let received = 0;
    connection.socket.removeAllListeners('data');
    const ended = new Promise<void>((resolve) => {
      connection.socket.on('data', (bytes) => {
        received += bytes.length;
        if (bytes.subarray(-5).toString() === '0\r\n\r\n') resolve();
      });
    });
    connection.socket.resume();
    await ended;
    expect(received).toBeGreaterThan(total * event.length);
    connection.destroy();
  });

  test.each([
    ['head', headOf(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' }), 'text/event-stream'],
    ['first event', headOf(200, { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked' }) + chunkOf(EVENT), '"first"'],
    ['first event of a stream with a length', headOf(200, { 'Content-Type': 'text/event-stream', 'Content-Length': '99999' }) + EVENT, '"first"'],
    ['beginning of a long JSON answer', `${headOf(200, { 'Content-Type': 'application/json', 'Content-Length': '999999' })}{"jsonrpc"`, '{"jsonrpc"'],
  ])('I6 passes the %s on at once, whatever a client would like compressed', async (_what, bytes, wanted) => {
    const { spy, sidecar, text } = await guarded();
    const written = Promise.withResolvers<number>();
    spy.answerWith((_request, socket) => void socket.write(bytes, () => written.resolve(performance.now())));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO, ['Accept-Encoding: gzip, br']));
    const since = await written.promise;
    await connection.untilReceived(wanted);
    expect(performance.now() - since).toBeLessThan(50);
    expect((await spy.request(0)).values('accept-encoding')).toEqual(['identity']);
    connection.destroy();
  });

  test.each([
    ['GET stream', (text: string) => aRequest(text, 'GET /mcp HTTP/1.1', ['Accept: text/event-stream'])],
    ['list', (text: string) => aCall(text, { jsonrpc: '2.0', id: 7, method: 'tools/list' })],
  ])('I9 ends a filtered %s whose one data line has no end', async (_what, bytesOf) => {
    const running = await guarded();
    let sent = 0;
    running.spy.answerWith(async (_request, socket) => {
      socket.write(`${headOf(200, { 'Content-Type': 'text/event-stream' })}data: {"jsonrpc":"2.0","x":"`);
      const megabyte = Buffer.alloc(1_048_576, 'a');
      const closed = new Promise<void>((resolve) => void socket.once('close', resolve));
      while (!socket.destroyed && sent < 1024) {
        sent += 1;
        if (!socket.write(megabyte)) await Promise.race([closed, new Promise<void>((resolve) => void socket.once('drain', resolve))]);
      }
    });
    const connection = await openRaw(running.sidecar.port, SLOW);
    connection.write(bytesOf(running.text));
    await connection.untilClosed();
    await running.spy.untilOpen(0);
    expect(sent).toBeLessThan(64);
    expect(connection.received().length).toBeLessThan(1000);
    expect(await running.sidecar.audited(({ reason }) => reason !== undefined)).toMatchObject({ reason: 'ERR_UPSTREAM_RESPONSE_INVALID' });
  });
});

/** A second SIGTERM would end the drain, so the end of the process is looked for, not asked for. */
async function untilGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('SIGTERM', () => {
  test('I8 ends readiness first, lets a running call finish, ends streams, takes nothing new, then exits', async () => {
    const gate = Promise.withResolvers<void>();
    const spy = await startSpyUpstream();
    spy.answerWith((request, socket) => (request.method === 'GET' ? answerEvents([EVENT])(request, socket) : answerAfter(gate.promise, answerJson())(request, socket)));
    const gateway = await startGateway({
      servers: [{ name: 'server', port: spy.port }],
      tokens: [{ name: 'alice', permissions: [{ serverRefs: [{ name: 'server' }], tools: ['*'], prompts: ['*'], resources: ['*'] }] }],
      config: { listener: { address: '127.0.0.1', port: 0, plainHTTP: true, drainSeconds: 15 } },
    });
    const token = gateway.tokens['alice'] ?? '';
    const at = (bytes: string): string => bytes.replace(' /mcp ', ` ${gateway.path('server')} `);
    const stream = await openRaw(gateway.port);
    stream.write(at(aRequest(token, 'GET /mcp HTTP/1.1', ['Accept: text/event-stream'])));
    await stream.untilReceived('"first"');
    const running = await openRaw(gateway.port, SLOW);
    running.write(at(aCall(token, ECHO)));
    await spy.request(1);
    process.kill(gateway.pid, 'SIGTERM');
    await stream.untilClosed();
    const ready = await sendRaw(Number(new URL(gateway.adminUrl).port), 'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining('draining')]);
    await expect(openRaw(gateway.port)).rejects.toThrow();
    gate.resolve();
    expect((await running.response()).status).toBe(200);
    await running.untilClosed();
    await untilGone(gateway.pid);
    expect((await gateway.stop()).code).toBe(0);
    const closed = gateway.auditLines().find(({ close }) => close === 'shutdown');
    expect(closed).toMatchObject({ outcome: 'allowed' });
    expect(gateway.auditLines().at(-1)).toMatchObject({ event: 'audit.stop' });
    await spy.stop();
  });
});
