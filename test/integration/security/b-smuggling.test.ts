/** Section B: smuggling and normalisation, against an upstream that accepts anything and reports every byte. */
import { describe, expect, test } from '@jest/globals';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { aChunkedCall, aRequest, refuses, refusesAndCloses, stillServes } from './attacks.ts';

const BODY = JSON.stringify(ECHO);
/** What an attacker hides behind a body: it must never be read as a request. */
const HIDDEN = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Hidden: 1\r\nContent-Length: 0\r\n\r\n';
const JSON_LINE = 'Content-Type: application/json';

describe('framing', () => {
  test.each([
    ['length before coding', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['coding before length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['another case', ['content-length: 5', 'TRANSFER-ENCODING: CHUNKED']],
    ['length 0', ['Content-Length: 0', 'Transfer-Encoding: chunked']],
    ['identity', ['Content-Length: 5', 'Transfer-Encoding: identity']],
  ])('B1 refuses Content-Length beside Transfer-Encoding: %s', async (_how, lines) => {
    const running = await guarded();
    await refusesAndCloses(running, aChunkedCall(running.text, BODY, lines) + HIDDEN, 400);
    await stillServes(running);
  });

  const length = Buffer.byteLength(BODY);
  test.each([
    ['equal', [`Content-Length: ${length}`, `Content-Length: ${length}`]],
    ['different', [`Content-Length: ${length}`, 'Content-Length: 0']],
    ['different, shorter first', ['Content-Length: 0', `Content-Length: ${length}`]],
    ['in another case', [`Content-Length: ${length}`, `CONTENT-LENGTH: ${length}`]],
    ['as a list', [`Content-Length: ${length}, ${length}`]],
    ['with an empty one', [`Content-Length: ${length}`, 'Content-Length:']],
  ])('B2 refuses two lengths: %s', async (_how, lines) => {
    const running = await guarded();
    await refusesAndCloses(running, aRequest(running.text, 'POST /mcp HTTP/1.1', [JSON_LINE, ...lines], BODY) + HIDDEN, 400);
  });

  test.each([
    'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunkedx', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity',
    'Transfer-Encoding: identity, chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: x, chunked', 'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: chunked;q=1', 'Transfer-Encoding: "chunked"', 'Transfer-Encoding: chunked,', 'Transfer-Encoding: ,chunked', 'Transfer-Encoding:',
    'Transfer-Encoding: \x0bchunked', 'Transfer-Encoding: chunk', 'Transfer-Encoding: gzip',
    'Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', 'Transfer-Encoding:\r\n chunked', 'Transfer-Encoding: x\r\n\tchunked', ' Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Transfer_Encoding: chunked', 'Transfer.Encoding: chunked',
  ])('B3 refuses the coding %j', async (line) => {
    const running = await guarded();
    await refusesAndCloses(running, aChunkedCall(running.text, BODY, line.split('\r\n')) + HIDDEN, 400);
    await stillServes(running);
  });

  test.each([
    ['every line ends with LF', (text: string) => aCall(text, ECHO).replaceAll('\r\n', '\n')],
    ['the request line ends with LF', (text: string) => aCall(text, ECHO).replace('HTTP/1.1\r\n', 'HTTP/1.1\n')],
    ['one header ends with LF', (text: string) => aCall(text, ECHO).replace('Host: localhost\r\n', 'Host: localhost\n')],
    ['the head ends with CR LF CR X', (text: string) => aCall(text, ECHO).replace('\r\n\r\n', '\r\n\rX')],
    ['the head ends with CR LF LF', (text: string) => aCall(text, ECHO).replace('\r\n\r\n', '\r\n\n')],
    ['a header ends with CR only', (text: string) => aCall(text, ECHO).replace('Host: localhost\r\n', 'Host: localhost\r')],
    ['a chunk size ends with LF', (text: string) => aChunkedCall(text, BODY).replace(`${length.toString(16)}\r\n`, `${length.toString(16)}\n`)],
    ['a chunk size ends with CR', (text: string) => aChunkedCall(text, BODY).replace(`${length.toString(16)}\r\n`, `${length.toString(16)}\r`)],
    ['a chunk ends with LF', (text: string) => aChunkedCall(text, BODY).replace(`${BODY}\r\n`, `${BODY}\n`)],
    ['a chunk is longer than its size', (text: string) => aChunkedCall(text, BODY).replace(BODY, `${BODY}X`)],
    ['a chunk size is not hexadecimal', (text: string) => aChunkedCall(text, BODY).replace(`${length.toString(16)}\r\n`, '0xg\r\n')],
    ['a chunk size is negative', (text: string) => aChunkedCall(text, BODY).replace(`${length.toString(16)}\r\n`, '-1\r\n')],
    ['a chunk size overflows 64 bits', (text: string) => aChunkedCall(text, BODY).replace(`${length.toString(16)}\r\n`, '10000000000000001\r\n')],
  ])('B4 gives nothing to the upstream where %s', async (_where, bytesOf) => {
    const running = await guarded();
    const connection = await openRaw(running.sidecar.port);
    connection.write(bytesOf(running.text) + HIDDEN);
    await connection.untilClosed();
    expect(running.spy.untouched).toBe(true);
    expect(connection.received().toString('latin1')).toMatch(/^(?:HTTP\/1\.1 400 |$)/);
    await stillServes(running);
  });

  test.each(['+5', '-5', '0x5', '5 5', '5,', '5;', '5.0', '1e1', 'five', '', '\u00b2', '99999999999999999999', '5\t5', '"5"'])(
    'B5 refuses the length %j',
    async (value) => {
      const running = await guarded();
      await refusesAndCloses(running, Buffer.from(aRequest(running.text, 'POST /mcp HTTP/1.1', [JSON_LINE, `Content-Length: ${value}`], '12345') + HIDDEN, 'latin1'), 400);
    },
  );

  test.each([1001, 2001, 4000])('B7 refuses %d headers with the length hidden behind them', async (count) => {
    const running = await guarded();
    const many = Array.from({ length: count }, () => 'a:');
    await refusesAndCloses(running, aRequest(running.text, 'POST /mcp HTTP/1.1', [JSON_LINE, ...many, `Content-Length: ${length}`], BODY) + HIDDEN, [400, 431]);
  });

  test.each(['DELETE', 'OPTIONS', 'GET', 'HEAD', 'PUT', 'PATCH', 'TRACE'])('B8 B9 refuses a body on %s, and reads nothing behind it as a request', async (method) => {
    const running = await guarded();
    for (const body of [
      aRequest(running.text, `${method} /mcp HTTP/1.1`, ['Transfer-Encoding: chunked'], `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`),
      aRequest(running.text, `${method} /mcp HTTP/1.1`, [`Content-Length: ${HIDDEN.length}`], HIDDEN),
      aRequest(running.text, `${method} /mcp HTTP/1.1`, ['Content-Length: 5']),
    ]) {
      const connection = await openRaw(running.sidecar.port);
      connection.write(body + aCall(running.text, ECHO));
      await connection.untilClosed();
      const statuses = [...connection.received().toString('latin1').matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
      expect(statuses).toEqual([method === 'GET' || method === 'DELETE' || method === 'OPTIONS' ? '400' : '405']);
      expect(running.spy.untouched).toBe(true);
    }
  });

  test('B21 sends one Content-Length, whatever the framing and the case the client used', async () => {
    const { spy, sidecar, text } = await guarded();
    await sendRaw(sidecar.port, aChunkedCall(text, BODY));
    await sendRaw(sidecar.port, aCall(text, ECHO).replace('Content-Length', 'CONTENT-LENGTH'));
    for (const request of spy.requests) {
      expect(request.values('content-length')).toEqual([String(length)]);
      expect(request.values('transfer-encoding')).toEqual([]);
      expect(request.values('host')).toHaveLength(1);
    }
    expect(spy.requests).toHaveLength(2);
  });

  test('B21 drops chunk extensions and trailers', async () => {
    const { spy, sidecar, text } = await guarded();
    const bytes = aChunkedCall(text, BODY).replace('\r\n0\r\n\r\n', '\r\n0;x=y\r\nX-Forwarded-User: mallory\r\n\r\n').replace(`${length.toString(16)}\r\n`, `${length.toString(16)};a=b\r\n`);
    expect((await sendRaw(sidecar.port, bytes)).status).toBe(200);
    const request = await spy.request(0);
    expect(request.body.toString()).toBe(BODY);
    expect(request.raw.toString('latin1')).not.toMatch(/mallory|a=b|x=y/);
  });
});

describe('tunnels and expectations', () => {
  test.each([
    ['a WebSocket', 'GET /mcp HTTP/1.1', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']],
    ['h2c', 'GET /mcp HTTP/1.1', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA']],
    ['h2c on POST', 'POST /mcp HTTP/1.1', ['Connection: Upgrade', 'Upgrade: h2c', JSON_LINE, 'Content-Length: 0']],
    ['TLS', 'OPTIONS /mcp HTTP/1.1', ['Connection: Upgrade', 'Upgrade: TLS/1.0']],
    ['CONNECT', 'CONNECT localhost:80 HTTP/1.1', []],
    ['CONNECT to itself', 'CONNECT 127.0.0.1:1 HTTP/1.1', ['Content-Length: 0']],
  ])('B10 refuses a tunnel: %s', async (_what, line, lines) => {
    const running = await guarded();
    await refusesAndCloses(running, aRequest(running.text, line, lines) + HIDDEN, [400, 501]);
    await stillServes(running);
  });

  test.each(['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET /mcp HTTP/2.0\r\nHost: localhost\r\n\r\n', 'GET /mcp HTTP/0.9\r\n\r\n', 'GET /mcp\r\n\r\n', 'GET /mcp HTTP/1.0\r\nHost: localhost\r\n\r\n', 'GET /mcp HTTP/1.2\r\nHost: localhost\r\n\r\n', '\x16\x03\x01\x00\x05hello'])(
    'B10 B22 refuses %j: HTTP/1.1 is all that is spoken',
    async (bytes) => {
      const running = await guarded();
      await refusesAndCloses(running, bytes, 400);
    },
  );

  test('B10 survives a tunnel request whose sender resets the connection while an answer is on its way', async () => {
    const running = await guarded();
    running.spy.answerWith((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n');
      socket.write(`data: ${'x'.repeat(1_000_000)}\n\n`);
    });
    for (const tunnel of ['GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n']) {
      const connection = await openRaw(running.sidecar.port);
      connection.write(aCall(running.text, ECHO));
      await connection.untilReceived('HTTP/1.1 200');
      connection.write(tunnel);
      await connection.untilClosed();
      expect(connection.received().toString('latin1')).not.toContain('HTTP/1.1 501');
      const resetting = await openRaw(running.sidecar.port);
      resetting.write(tunnel);
      resetting.socket.resetAndDestroy();
      await resetting.untilClosed();
    }
    await running.spy.untilOpen(0);
    running.spy.answerWith((_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    await stillServes(running);
  });

  test('B11 says nothing of 100 before the credential is accepted', async () => {
    const running = await guarded();
    const connection = await openRaw(running.sidecar.port);
    connection.write(aRequest('mgt_wrong', 'POST /mcp HTTP/1.1', [JSON_LINE, 'Content-Length: 5', 'Expect: 100-continue']));
    expect((await connection.response()).status).toBe(401);
    await connection.untilClosed();
    expect(connection.received().toString()).not.toContain('100 Continue');
    expect(running.spy.untouched).toBe(true);
  });

  test('B11 grants 100 to a good credential, then carries out the call', async () => {
    const { spy, sidecar, text } = await guarded();
    const connection = await openRaw(sidecar.port);
    const [head = ''] = aCall(text, ECHO, ['Expect: 100-continue']).split(BODY);
    connection.write(head);
    expect((await connection.response()).status).toBe(100);
    connection.write(BODY);
    expect((await connection.response()).status).toBe(200);
    expect((await spy.request(0)).values('expect')).toEqual([]);
    connection.destroy();
  });

  test.each(['200-ok', '100-continue, x', 'x', '"100-continue"'])('B11 refuses the expectation %j', async (value) => {
    const running = await guarded();
    await refusesAndCloses(running, aCall(running.text, ECHO, [`Expect: ${value}`]), 417);
  });
});

describe('one connection, several requests', () => {
  const stranger = aCall('mgt_wrong', { ...ECHO, id: 2 });

  test('B12 authenticates each pipelined request alone', async () => {
    const { spy, sidecar, text } = await guarded();
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO) + stranger);
    expect([(await connection.response()).status, (await connection.response()).status]).toEqual([200, 401]);
    expect(spy.requests).toHaveLength(1);
    connection.destroy();
  });

  test('B12 remembers no credential over a keep-alive pause', async () => {
    const { spy, sidecar, text } = await guarded();
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    expect((await connection.response()).status).toBe(200);
    connection.write(aCall(text, ECHO).replace(/Authorization: .*\r\n/, ''));
    expect((await connection.response()).status).toBe(401);
    expect(spy.requests).toHaveLength(1);
    connection.destroy();
  });

  test('B12 does not carry out a call behind a refusal that closes the connection', async () => {
    const { spy, sidecar, text } = await guarded();
    const connection = await openRaw(sidecar.port);
    connection.write(stranger + aCall(text, ECHO));
    expect((await connection.response()).status).toBe(401);
    await connection.untilClosed();
    expect(spy.untouched).toBe(true);
  });

  test('B12 starts a pipelined call when the one before is answered, and in their order', async () => {
    const { spy, sidecar, text } = await guarded();
    const opened: (() => void)[] = [];
    spy.answerWith((request, socket) => void opened.push(() => void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${request.body.length}\r\n\r\n${request.body.toString()}`)));
    const connection = await openRaw(sidecar.port);
    const calls = [1, 2, 3].map((id) => ({ ...ECHO, id }));
    connection.write(calls.map((call) => aCall(text, call)).join(''));
    for (const [index, call] of calls.entries()) {
      await spy.request(index);
      expect(spy.requests).toHaveLength(index + 1);
      opened[index]?.();
      expect((await connection.response()).text).toBe(JSON.stringify(call));
    }
    connection.destroy();
  });

  test('B12 ends a connection that pipelines without bound, whose calls would all stay open', async () => {
    const { spy, sidecar, text } = await guarded({ spy: { script: () => undefined } });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO).repeat(200));
    await connection.untilClosed();
    await spy.untilOpen(0);
    expect(spy.connections.total).toBe(1);
    expect(await sidecar.audited(({ event }) => event === 'tools/call')).toMatchObject({ outcome: 'allowed', close: 'client-aborted' });
  });
});

describe('paths, hosts, methods, names', () => {
  test.each([
    '/mcp/', '//mcp', '/mcp//', '/./mcp', '/mcp/.', '/mcp/..', '/mcp/../mcp', '/x/../mcp', '/mcp/../admin', '/mcp/%2e%2e/admin', '/%2e/mcp',
    '/%2e%2e%2fmcp', '/mcp%2f', '/mcp%2F..%2Fmcp', '/mcp/..;/mcp', '/mcp;a=b', '/mcp;', '/..;/mcp', '/\\mcp', '/mcp\\', '/mcp\\..\\mcp', '/mcp%5c', '/%5cmcp',
    '/mcp%00', '/mcp%00.json', '/mcp%20', '/mcp%09', '/mcp%0d%0a', '/%252e%252e/mcp', '/%6dcp', '/%6Dcp', '/MCP', '/Mcp', '/mcp%3f', '/mcp%23', '/mcp.', '/mcp,',
    '/mcp:', '/mcp@x', '/mcp|', '/mc', '/mcpx', '/', '/admin', '/%ef%bc%8fmcp', '/mcp%c0%af', '/mcp/%', '/mcp~',
  ])('B15 refuses %s as a path', async (path) => {
    const running = await guarded();
    await refuses(running, aCall(running.text, ECHO).replace('/mcp', path), 404);
  });

  test.each([
    '/mcp?', '/mcp?x=1', '/mcp#', '/mcp#x', '*', 'mcp', 'http://localhost/mcp', 'https://localhost/mcp', 'HTTP://LOCALHOST/mcp', 'http://evil.example/mcp',
    'localhost/mcp', 'file:///mcp', '?', '', '/mcp\t', '/m cp', '/mcp\0', '/m\x01cp', '/mcp\x7f', '/mcp\xe9', '/\u00e9',
  ])('B15 refuses %j as a request target', async (target) => {
    const running = await guarded();
    await refuses(running, Buffer.from(aCall(running.text, ECHO).replace('/mcp', () => target), 'latin1'), [400, 404]);
  });

  test('B15 refuses a target that begins with the configured path of another server', async () => {
    const running = await guarded({ bundle: { path: '/team/mcp' } });
    for (const path of ['/mcp', '/team', '/team/', '/team/mcp/mcp', '/team//mcp', '/team/./mcp', '/Team/mcp', '/team%2fmcp']) {
      await refuses(running, aCall(running.text, ECHO).replace('/mcp', path), 404);
    }
  });

  test.each(['LOCALHOST', 'LocalHost', 'localhost.', 'LOCALHOST.:8080', 'localhost:80', 'localhost:65535', '127.0.0.1', '127.0.0.1:9', '[::1]', '[::1]:80', '[0:0:0:0:0:0:0:1]'])(
    'B16 compares the host %s after normalising it',
    async (host) => {
      const running = await guarded({ allowedHosts: ['localhost', '127.0.0.1', '[::1]', '[0:0:0:0:0:0:0:1]'] });
      expect((await sendRaw(running.sidecar.port, aCall(running.text, ECHO).replace('Host: localhost', `Host: ${host}`))).status).toBe(200);
    },
  );

  test.each([
    'user@localhost', 'user:pass@localhost', 'localhost@evil.example', 'localhost:80@evil.example', 'localhost/', 'localhost\\', 'localhost,localhost', 'localhost localhost',
    'localhost..', '.localhost', 'localhost:', 'localhost:0', 'localhost:080', 'localhost:65536', 'localhost:80:80', 'localhost:http', 'http://localhost', '[::1', '::1', '[::1].', '[localhost]',
    '[::1%25lo]', '[::ffff:127.0.0.1]', 'localhost%00', 'localhost%2eevil.example', 'loc\u00e4lhost', '', 'a'.repeat(4000),
    'evil.example', 'localhost.evil.example', 'evil.localhost', '127.1', '2130706433', '0x7f.1', '127.0.0.2', '0.0.0.0', 'ocalhost', 'localhostx',
  ])('B16 refuses the host %j', async (host) => {
    const running = await guarded();
    await refuses(running, Buffer.from(aCall(running.text, ECHO).replace('Host: localhost', () => `Host: ${host}`), 'latin1'), [400, 403]);
  });

  test.each([
    ['none', ''],
    ['two', 'Host: localhost\r\nHost: localhost\r\n'],
    ['two, another first', 'Host: evil.example\r\nHost: localhost\r\n'],
    ['two, another second', 'Host: localhost\r\nhost: evil.example\r\n'],
  ])('B16 refuses a request with %s Host lines', async (_how, lines) => {
    const running = await guarded();
    await refuses(running, aCall(running.text, ECHO).replace('Host: localhost\r\n', lines), 400);
  });

  test.each(['PUT', 'PATCH', 'TRACE', 'PROPFIND', 'MKCOL', 'LINK', 'PURGE', 'SEARCH', 'QUERY', 'SUBSCRIBE', 'SOURCE', 'FOO', 'post', 'Post', 'POSTX', 'P\u00d6ST', 'A'.repeat(8000)])(
    'B17 refuses the method %s',
    async (method) => {
      const running = await guarded();
      await refuses(running, Buffer.from(aCall(running.text, ECHO).replace('POST', method), 'latin1'), [400, 405]);
      await stillServes(running);
    },
  );

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'x_http_method_override', 'X.HTTP.Method'])(
    'B17 refuses the header %s, of which each server makes its own method',
    async (name) => {
      const running = await guarded();
      await refuses(running, aCall(running.text, ECHO, [`${name}: DELETE`]), 400);
    },
  );

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'prototype', 'toString', 'valueOf', '__defineGetter__'])(
    'B18 neither trips over a header named %s nor copies it',
    async (name) => {
      const running = await guarded();
      await sendRaw(running.sidecar.port, aCall(running.text, ECHO, [`${name}: canary`, `${name}: canary`]));
      for (const request of running.spy.requests) expect(request.raw.toString()).not.toContain('canary');
      await stillServes(running);
    },
  );

  test.each([
    ['the same twice', ['Content-Type: application/json']],
    ['another', ['content-type: text/plain']],
    ['an empty one', ['Content-Type:']],
  ])('B20 refuses two Content-Type lines: %s', async (_what, lines) => {
    const running = await guarded();
    await refuses(running, aCall(running.text, ECHO, lines), [400, 415]);
  });

  test.each(['application/json, text/plain', 'application/json; charset=utf-8; charset=utf-7', 'application/json;charset=utf-16', 'application/jsonp', 'text/plain; application/json', 'application/json;', 'multipart/form-data'])(
    'B20 refuses the content type %s',
    async (type) => {
      const running = await guarded();
      await refuses(running, aCall(running.text, ECHO).replace('application/json', type), 415);
    },
  );
});
