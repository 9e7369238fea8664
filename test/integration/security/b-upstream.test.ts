/** Section B, the other side: what a broken or hostile upstream must not do to a client, or to the next one. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { answerBytes, answerEvents, answerJson, answerThenCut } from '../../kit/spy-scripts.ts';
import { stillServes } from './attacks.ts';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nEVIL';
const GOOD_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';

describe('start-up', () => {
  test.each(['--insecure-http-parser', '--insecure_http_parser', '"--insecure-http-parser"', '--max-http-header-size=9999 --insecure-http_parser'])(
    'B6 refuses to serve with NODE_OPTIONS=%s',
    (options) => {
      const program = new URL('../../../bin/mcpgateway', import.meta.url).pathname;
      const run = spawnSync(program, ['serve', '--config', tmpdir()], { env: { ...process.env, NODE_OPTIONS: options }, encoding: 'utf8', timeout: 15_000 });
      expect([run.status, run.stderr]).toEqual([64, expect.stringContaining('--insecure-http-parser')]);
    },
  );
});

describe('an upstream connection is not used again', () => {
  test('B13 after bytes that nobody asked for: they are nobody\'s answer', async () => {
    const { spy, sidecar, text } = await guarded();
    expect((await sendRaw(sidecar.port, aCall(text, ECHO))).status).toBe(200);
    spy.writeUnasked(EVIL);
    await spy.untilOpen(0);
    const next = await sendRaw(sidecar.port, aCall(text, { ...ECHO, id: 2 }));
    expect(JSON.parse(next.text)).toMatchObject({ id: 2 });
    expect(spy.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  test.each([1, 2, 50])('B13 after %d more answers in the same packet', async (count) => {
    const running = await guarded();
    running.spy.answerWith(answerBytes(`${GOOD_HEAD}{}${EVIL.repeat(count)}`));
    const connection = await openRaw(running.sidecar.port);
    connection.write(aCall(running.text, ECHO));
    expect((await connection.response()).text).toBe('{}');
    await running.spy.untilOpen(0);
    running.spy.answerWith(answerJson());
    connection.write(aCall(running.text, { ...ECHO, id: 2 }));
    expect(JSON.parse((await connection.response()).text)).toMatchObject({ id: 2 });
    expect(connection.received().toString()).not.toContain('EVIL');
    connection.destroy();
  });

  test('B14 after an early answer, before the body is read: the next call has a connection or a turn of its own', async () => {
    const { spy, sidecar, text } = await guarded({ spy: { answerAfter: 'head' } });
    const large = { ...ECHO, params: { name: 'echo', arguments: { message: 'x'.repeat(1_000_000) } } };
    for (const id of [1, 2, 3]) expect((await sendRaw(sidecar.port, aCall(text, { ...large, id }))).status).toBe(200);
    await spy.request(2);
    expect(spy.requests.map(({ body }) => body.toString())).toEqual([1, 2, 3].map((id) => JSON.stringify({ ...large, id })));
  });

  test('B14 sends nothing upstream of a body whose sender leaves half-way, and puts the attempt on record', async () => {
    const { spy, sidecar, text } = await guarded();
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO).slice(0, -10));
    await sendRaw(sidecar.port, 'GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n');
    connection.destroy();
    expect(await sidecar.audited(({ outcome }) => outcome === 'aborted')).toMatchObject({ upstream: { called: false } });
    expect(spy.untouched).toBe(true);
  });

  test('B14 after a client that left in the middle of an answer', async () => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerBytes('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n{'));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    await connection.untilReceived('{');
    connection.destroy();
    await spy.untilOpen(0);
    spy.answerWith(answerJson());
    expect((await sendRaw(sidecar.port, aCall(text, ECHO))).text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    expect(spy.connections.total).toBe(2);
  });
});

describe('an answer that is no answer', () => {
  test.each([
    ['an obs-fold', 'HTTP/1.1 200 OK\r\nX-A: a\r\n Set-Cookie: b=c\r\nContent-Length: 2\r\n\r\n{}'],
    ['a CR in a value', 'HTTP/1.1 200 OK\r\nMcp-A: a\rSet-Cookie: b=c\r\nContent-Length: 2\r\n\r\n{}'],
    ['a NUL in a value', 'HTTP/1.1 200 OK\r\nMcp-A: a\0b\r\nContent-Length: 2\r\n\r\n{}'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\n{}'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\nMcp-A : a\r\nContent-Length: 2\r\n\r\n{}'],
    ['length and coding', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['coding and length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}'],
    ['two lengths in one line', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}'],
    ['two content types', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a head of 64 KiB', `HTTP/1.1 200 OK\r\nMcp-A: ${'a'.repeat(65_536)}\r\nContent-Length: 2\r\n\r\n{}`],
    ['status 600', 'HTTP/1.1 600 No\r\nContent-Length: 2\r\n\r\n{}'],
    ['status 999', 'HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\n{}'],
    ['a Location with a line break', 'HTTP/1.1 302 Found\r\nLocation: /a\r\n\tSet-Cookie: b=c\r\nContent-Length: 0\r\n\r\n'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n'],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n'],
  ])('B19 is 502, or the end of the connection, and is on record: %s', async (what, bytes) => {
    const running = await guarded();
    running.spy.answerWith(answerBytes(bytes));
    const connection = await openRaw(running.sidecar.port);
    connection.write(aCall(running.text, ECHO));
    if (what === 'a chunk that is none') await connection.untilClosed();
    else expect((await connection.response()).status).toBe(502);
    expect(connection.received().toString('latin1')).not.toMatch(/set-cookie|location|hello/i);
    expect(await running.sidecar.audited(({ reason }) => reason !== undefined)).toMatchObject({ reason: 'ERR_UPSTREAM_RESPONSE_INVALID', upstream: { called: true } });
    connection.destroy();
    await running.spy.untilOpen(0);
    running.spy.answerWith(answerJson());
    await stillServes(running);
  });

  test.each(['HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 000 No\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', ''])(
    'B19 is 502 where the answer never begins: %j',
    async (bytes) => {
      const running = await guarded();
      running.spy.answerWith(answerThenCut(bytes));
      expect((await sendRaw(running.sidecar.port, aCall(running.text, ECHO))).status).toBe(502);
      running.spy.answerWith(answerJson());
      await stillServes(running);
    },
  );

  test('B19 gives a 204 no length, whatever the upstream says', async () => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerBytes('HTTP/1.1 204 No Content\r\nContent-Length: 200\r\n\r\n'));
    const answer = await sendRaw(sidecar.port, aCall(text, ECHO));
    expect([answer.status, answer.headers['content-length']]).toEqual([204, undefined]);
  });

  test('B19 passes interim answers over', async () => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerBytes(`HTTP/1.1 103 Early Hints\r\nLink: <x>\r\nSet-Cookie: a=b\r\n\r\n${GOOD_HEAD}{}`));
    const answer = await sendRaw(sidecar.port, aCall(text, ECHO));
    expect([answer.status, answer.text]).toEqual([200, '{}']);
  });

  test.each([
    ['longer than what is held back, and shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n{}'],
    ['cut between chunks', 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n:\n\r\n'],
  ])('B19 I2 ends the connection of the client for an answer %s', async (_how, bytes) => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerThenCut(bytes));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    await connection.untilClosed();
    expect(connection.received().toString()).not.toContain('0\r\n\r\n');
    expect(await sidecar.audited(({ reason }) => reason !== undefined)).toMatchObject({ reason: 'ERR_UPSTREAM_UNREACHABLE' });
  });

  test('B19 I2 is a 502 for a short answer that is shorter than its length: nothing of it is sent before it is whole', async () => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerThenCut('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"part":'));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    const response = await connection.response();
    expect(response.status).toBe(502);
    expect(response.text).not.toContain('part');
    connection.destroy();
  });

  test('B19 does not show an answer of a list in a form that cannot be filtered', async () => {
    const token = aToken({ tools: ['get_*'] });
    const { spy, sidecar } = await guarded({ tokens: [token] });
    const list = JSON.stringify({ jsonrpc: '2.0', id: 7, result: { tools: [{ name: 'secret_tool' }] } });
    for (const headers of ['Content-Type: text/plain', 'Content-Type: application/json\r\nContent-Encoding: gzip', 'X-None: 1']) {
      spy.answerWith(answerBytes(`HTTP/1.1 200 OK\r\n${headers}\r\nContent-Length: ${list.length}\r\n\r\n${list}`));
      const answer = await sendRaw(sidecar.port, aCall(token.text, { jsonrpc: '2.0', id: 7, method: 'tools/list' }));
      expect(answer.status).toBe(502);
      expect(answer.text).not.toContain('secret_tool');
    }
    spy.answerWith(answerEvents([`data: ${list}\n\n`], { end: true }));
    expect((await sendRaw(sidecar.port, aCall(token.text, { jsonrpc: '2.0', id: 7, method: 'tools/list' }))).text).not.toContain('secret_tool');
  });
});
