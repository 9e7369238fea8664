/** G: bodies with more than one reading. What is not refused reaches the upstream byte for byte. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { aRawRequest, bearer, expectRefused, JSON_TYPE, refusalCode } from '../../kit/attack.ts';
import { aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';

const CALL = '"jsonrpc":"2.0","id":1,"method":"tools/call"';
const call = (params: string): string => `{${CALL},"params":${params}}`;
const ids = (id: string): string => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo"}}`;
const LEGACY = ['MCP-Protocol-Version: 2025-11-25'];

async function refuses(body: string | Uint8Array, status = 400, headers: readonly string[] = [JSON_TYPE]): Promise<ReturnType<typeof refusalCode>> {
  const running = await guarded();
  const answer = await expectRefused(running, aRawRequest({ headers: [bearer(running.text), ...headers], body }), status);
  return refusalCode(answer);
}

/** The very bytes, and nothing else, arrive. */
async function forwards(body: string | Uint8Array): Promise<void> {
  const { sidecar, spy, text } = await guarded();
  const answer = await sendRaw(sidecar.port, aRawRequest({ headers: [bearer(text), JSON_TYPE], body }));
  expect({ status: answer.status, text: answer.status === 200 ? '' : answer.text }).toEqual({ status: 200, text: '' });
  expect((await spy.request(0)).body.equals(Buffer.from(body))).toBe(true);
}

describe('keys', () => {
  test.each([
    ['method', `{${CALL},"method":"ping","params":{"name":"echo"}}`],
    ['params', `{${CALL},"params":{"name":"echo"},"params":{"name":"secret"}}`],
    ['id', `{"id":2,${CALL},"params":{"name":"echo"}}`],
    ['jsonrpc', `{"jsonrpc":"1.0",${CALL},"params":{"name":"echo"}}`],
    ['name', call('{"name":"echo","name":"secret"}')],
    ['_meta', call('{"name":"echo","_meta":{},"_meta":{"progressToken":1}}')],
    ['a key of an argument', call('{"name":"echo","arguments":{"path":"/a","path":"/b"}}')],
    ['a key ten levels down', call(`{"name":"echo","arguments":${'{"a":'.repeat(10)}{"k":1,"k":2}${'}'.repeat(10)}}`)],
    ['the empty key', call('{"name":"echo","":1,"":2}')],
    ['__proto__', call('{"name":"echo","__proto__":1,"__proto__":2}')],
  ])('G1 %s twice is refused with 400', async (_name, body) => {
    await refuses(body);
  });

  test.each([
    ['method', `{${CALL},"\\u006dethod":"ping","params":{"name":"echo"}}`],
    ['params', `{${CALL},"params":{"name":"echo"},"p\\u0061rams":{"name":"secret"}}`],
    ['name', call('{"name":"echo","n\\u0061me":"secret"}')],
    ['name with upper-case digits', call('{"n\\u0061me":"echo","\\u006E\\u0061\\u006D\\u0065":"secret"}')],
    ['a pair of surrogates', call('{"name":"echo","arguments":{"\\ud83d\\ude00":1,"\ud83d\ude00":2}}')],
    ['a slash', call('{"name":"echo","arguments":{"a/b":1,"a\\/b":2}}')],
    ['a lone surrogate', call('{"name":"echo","arguments":{"\\ud800":1,"\\ud801":2}}')],
  ])('G2 %s twice, once with escapes, is refused with 400', async (_name, body) => {
    await refuses(body);
  });

  test.each([
    ['METHOD', `{${CALL},"METHOD":"ping","params":{"name":"echo"}}`],
    ['Params', `{${CALL},"params":{"name":"echo"},"Params":{"name":"secret"}}`],
    ['Id', `{${CALL},"Id":7,"params":{"name":"echo"}}`],
    ['paramſ', `{${CALL},"params":{"name":"echo"},"param\u017f":{"name":"secret"}}`],
    ['Name', call('{"name":"echo","Name":"secret"}')],
    ['NAME alone', call('{"NAME":"echo"}')],
    ['argumentſ', call('{"name":"echo","argument\u017f":{}}')],
    ['tas\u212aId', call('{"name":"echo","tas\u212aId":"1"}')],
    ['name with a NUL', call('{"name":"echo","name\\u0000":"secret"}')],
    ['name in full width', call('{"name":"echo","\uff4e\uff41\uff4d\uff45":"secret"}')],
    ['name with a zero-width space', call('{"name":"echo","name\u200b":"secret"}')],
    ['_Meta', call('{"name":"echo","_Meta":{}}')],
    ['protocolversion in _meta', call('{"name":"echo","_meta":{"io.modelcontextprotocol/protocolversion":"2026-07-28"}}')],
  ])('G3 %s, which only looks like a protocol key, is refused with 400', async (_name, body) => {
    await refuses(body);
  });

  // Folding such a key took time quadratic in its length: one request stopped the gateway for everybody.
  test.each([
    ['padding', `a${' '.repeat(2_000_000)}b`],
    ['combining marks', `a${'\u0301\u0316'.repeat(900_000)}`],
  ])('G3 J5 a key of megabytes of %s does not hold up anybody else', async (_name, key) => {
    const running = await guarded();
    const startedMs = performance.now();
    await expectRefused(running, aRawRequest({ headers: [bearer(running.text), JSON_TYPE], body: call(JSON.stringify({ name: 'echo', [key]: 1 })) }), 400);
    expect((await sendRaw(running.sidecar.port, aCall(running.text, ECHO))).status).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  test('G4 __proto__, constructor and toString are keys like any other, and travel as they are', async () => {
    const hostile = '{"__proto__":{"name":"secret","isAdmin":true},"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":null}';
    await forwards(call(`{"name":"echo","arguments":${hostile},"__proto__":{"name":"secret"}}`));
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false);
  });

  test.each([
    ['params.name from __proto__', call('{"__proto__":{"name":"echo"}}')],
    ['the message from __proto__', `{"__proto__":{${CALL}},"params":{"name":"echo"}}`],
  ])('G4 %s is not taken', async (_name, body) => {
    const running = await guarded();
    await expectRefused(running, aRawRequest({ headers: [bearer(running.text), JSON_TYPE], body }), 400);
  });
});

describe('methods', () => {
  test('G5 an escaped method is the method its code points say, and travels as it was written', async () => {
    await forwards(`{"jsonrpc":"2.0","id":1,"method":"tools\\u002fcall","params":{"name":"echo"}}`);
    const running = await guarded({ tokens: [aToken({ tools: ['other'] })] });
    const escaped = `{"jsonrpc":"2.0","id":1,"method":"tools\\u002fcall","params":{"name":"ech\\u006f"}}`;
    expect(refusalCode(await expectRefused(running, aCall(running.text, escaped), 200))).toBe('ERR_PERMISSION_DENIED');
  });

  test.each(['tools/call ', ' tools/call', 'Tools/Call', 'TOOLS/CALL', 'tools/call\u0000', 'tools\u2215call', 'tools//call', 'tools/./call', 'tools/call\u0301', 'tools/ca\u0131l', ''])(
    'G5 G8 the method %j is unknown',
    async (method) => {
      const running = await guarded();
      const answer = await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', id: 1, method, params: { name: 'echo' } }), 200);
      expect(refusalCode(answer)).toBe('ERR_METHOD_UNKNOWN');
    },
  );

  test.each([['null', 'null'], ['a number', '1'], ['an array', '["tools/call"]'], ['an object', '{}'], ['true', 'true'], ['a lone surrogate', '"tools/call\\ud800"'], ['300 characters', `"${'m'.repeat(300)}"`]])(
    'G8 a method that is %s is refused with 400',
    async (_name, method) => {
      await refuses(`{"jsonrpc":"2.0","id":1,"method":${method},"params":{"name":"echo"}}`);
    },
  );

  test.each(['{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","id":1,"params":{}}', '{"jsonrpc":"2.0"}', '{}', 'null', '1', '"tools/call"', 'true'])(
    'G8 a message without a method, %s, is refused with 400',
    async (body) => {
      await refuses(body);
    },
  );

  test.each(['sampling/createMessage', 'elicitation/create', 'roots/list', 'notifications/tools/list_changed', 'constructor', '__proto__', 'rpc.discover'])(
    'G7 G8 G24 %s, which no client may send, is refused as request and as notification',
    async (method) => {
      const running = await guarded();
      expect(refusalCode(await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', id: 1, method }), 200))).toBe('ERR_METHOD_UNKNOWN');
      await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', method }), 404);
    },
  );

  test('G7 a response that belongs to no session is refused: it would answer the question put to somebody else', async () => {
    const running = await guarded();
    for (const outcome of ['"result":{"content":{"type":"text","text":"forged"}}', '"error":{"code":1,"message":"no"}']) {
      await expectRefused(running, aCall(running.text, `{"jsonrpc":"2.0","id":0,${outcome}}`), 404);
      await expectRefused(running, aCall(running.text, `{"jsonrpc":"2.0","id":0,${outcome}}`, ['Mcp-Session-Id: s1']), 404);
      await expectRefused(running, aCall(running.text, `[{"jsonrpc":"2.0","id":0,${outcome}}]`), 404);
    }
  });

  test.each(['{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', '{"jsonrpc":"2.0","result":{}}', '{"jsonrpc":"2.0","id":1,"result":1}', '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', '{"jsonrpc":"2.0","id":null,"result":{}}'])(
    'G7 what is not clearly a response, %s, is refused with 400',
    async (body) => {
      await refuses(body);
    },
  );

  test.each(['{}', '{"name":null}', '{"name":["echo"]}', '{"name":{"toString":"echo"}}', '{"name":1}', '{"name":""}', '{"name":"echo\\ud800"}', '["echo"]', 'null', '"echo"', '{"arguments":{"name":"echo"}}'])(
    'G9 tools/call with the parameters %s is refused with 400',
    async (params) => {
      await refuses(call(params));
      await refuses(call(params).replace('tools/call', 'prompts/get'));
    },
  );

  test('G9 a name longer than any that a policy could name is refused', async () => {
    await refuses(call(`{"name":"${'n'.repeat(1025)}"}`));
    await refuses(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///${'u'.repeat(8192)}"}}`);
  });
});

describe('batches', () => {
  const one = (id: number, name: string): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } });

  test('G6 one member that is denied refuses the whole batch', async () => {
    const running = await guarded({ tokens: [aToken({ tools: ['echo'] })] });
    for (const body of [`[${one(1, 'echo')},${one(2, 'secret')}]`, `[${one(2, 'secret')},${one(1, 'echo')}]`, `[${one(1, 'echo')},{"jsonrpc":"2.0","method":"nothing/known"}]`]) {
      const { status } = await sendRaw(running.sidecar.port, aCall(running.text, body));
      expect({ refused: status >= 400, untouched: running.spy.untouched }).toEqual({ refused: true, untouched: true });
    }
    expect((await sendRaw(running.sidecar.port, aCall(running.text, `[${one(1, 'echo')},${one(2, 'echo')}]`))).status).toBe(200);
  });

  test.each([
    ['empty', '[]'],
    ['nested', `[[${one(1, 'echo')}]]`],
    ['of 101 members', `[${Array.from({ length: 101 }, (_, id) => one(id, 'echo')).join(',')}]`],
    ['of 10,000 members', `[${Array.from({ length: 10_000 }, (_, id) => one(id, 'echo')).join(',')}]`],
    ['with one id twice', `[${one(1, 'echo')},${one(1, 'echo')}]`],
    ['with a member that is null', `[${one(1, 'echo')},null]`],
    ['with initialize', '[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}]'],
  ])('G6 a batch that is %s is refused with 400', async (_name, body) => {
    await refuses(body);
  });

  test.each(['2024-11-05', '2025-06-18', '2025-11-25', '2026-07-28'])('G6 %s has no batches', async (version) => {
    await refuses(`[${one(1, 'echo')}]`, 400, [JSON_TYPE, `MCP-Protocol-Version: ${version}`]);
  });
});

describe('ids', () => {
  test.each(['9007199254740992', '9007199254740993', '-9007199254740993', '1e400', '-0', '1.5', 'null', 'true', '{}', '[1]', '"a\\ud800"', `"${'i'.repeat(257)}"`, `"${'i'.repeat(1_000_000)}"`, '0x1', '01'])(
    'G10 an id that parsers read differently is refused with 400: %s',
    async (id) => {
      await refuses(ids(id));
    },
  );

  test.each(['1.0', '1e2', '0', '-1', '9007199254740991', '"9007199254740993"', '"\\u0041\\n\\u2028"', '""', '"1"'])(
    'G10 the id %s travels as it was written',
    async (id) => {
      await forwards(ids(id));
    },
  );
});

describe('what is not one JSON text', () => {
  test.each([
    ['two documents', `${call('{"name":"echo"}')}${call('{"name":"secret"}')}`],
    ['two lines', `${call('{"name":"echo"}')}\n${call('{"name":"secret"}')}`],
    ['a comma behind', `${call('{"name":"echo"}')},`],
    ['a NUL behind', `${call('{"name":"echo"}')}\u0000`],
    ['a comment', `${call('{"name":"echo"}')}//`],
    ['a comment inside', call('{"name":"echo"/*,"name":"secret"*/}')],
    ['a trailing comma', call('{"name":"echo",}')],
    ['NaN', call('{"name":"echo","arguments":NaN}')],
    ['Infinity', call('{"name":"echo","arguments":-Infinity}')],
    ['single quotes', call("{'name':'echo'}")],
    ['bare keys', call('{name:"echo"}')],
    ['a raw line end in a string', call('{"name":"ec\nho"}')],
    ['a vertical tab', call('{"name":\u000b"echo"}')],
    ['a no-break space', call('{"name":\u00a0"echo"}')],
    ['a number with a leading zero', call('{"name":"echo","arguments":007}')],
    ['an event stream', `data: ${call('{"name":"echo"}')}\n\n`],
    ['a prefix against hijacking', `)]}',\n${call('{"name":"echo"}')}`],
    ['nothing', ''],
    ['blanks', '  \r\n'],
    ['half a text', call('{"name":"echo"}').slice(0, -1)],
  ])('G11 %s is refused with 400', async (_name, body) => {
    await refuses(body);
  });

  const text = call('{"name":"echo"}');
  const latin = (from: string, to: readonly number[]): Buffer => Buffer.concat([Buffer.from(call('{"name":"ech')), Buffer.from(to), Buffer.from(`o"}${from}}`)]);
  test.each([
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)])],
    ['UTF-16 little-endian', Buffer.from(text, 'utf16le')],
    ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])],
    ['UTF-16 big-endian', Buffer.from(text, 'utf16le').swap16()],
    ['UTF-32', Buffer.from(Array.from(text).flatMap((char) => [char.charCodeAt(0), 0, 0, 0]))],
    ['an overlong slash', latin('', [0xc0, 0xaf])],
    ['an overlong NUL', latin('', [0xc0, 0x80])],
    ['a cut sequence', latin('', [0xe2, 0x82])],
    ['a surrogate as UTF-8', latin('', [0xed, 0xa0, 0x80])],
    ['beyond U+10FFFF', latin('', [0xf4, 0x90, 0x80, 0x80])],
    ['Latin-1', latin('', [0xe9])],
    ['a lone continuation byte', latin('', [0x80])],
  ])('G12 %s is refused with 400', async (_name, body) => {
    await refuses(body);
  });

  test.each(['application/json; charset=utf-16', 'application/json;charset=utf-7', 'application/json; charset=iso-8859-1', 'application/json; charset=utf-8; charset=utf-16', "application/json; charset='utf-8'"])(
    'G12 the content type %s is refused with 415',
    async (type) => {
      await refuses(text, 415, [`Content-Type: ${type}`]);
    },
  );
});

describe('the form of the request', () => {
  const text = call('{"name":"echo"}');

  test.each([
    ['missing', []],
    ['empty', ['Content-Type:']],
    ['text/plain', ['Content-Type: text/plain']],
    ['application/json-rpc', ['Content-Type: application/json-rpc']],
    ['application/jsonrequest', ['Content-Type: application/jsonrequest']],
    ['multipart', ['Content-Type: multipart/form-data; boundary=x']],
    ['a form', ['Content-Type: application/x-www-form-urlencoded']],
    ['two values', ['Content-Type: application/json, text/plain']],
    ['a suffix', ['Content-Type: application/vnd.api+json']],
    ['a wildcard', ['Content-Type: */*']],
  ])('G13 a content type that is %s is refused with 415 before any of the body is read', async (_name, headers) => {
    const running = await guarded();
    const connection = await openRaw(running.sidecar.port);
    connection.write(aRawRequest({ headers: [bearer(running.text), ...headers], contentLength: text.length }));
    expect((await connection.response()).status).toBe(415);
    expect(running.spy.untouched).toBe(true);
    connection.destroy();
  });

  test('G13 two Content-Type lines are refused with 400', async () => {
    await refuses(text, 400, [JSON_TYPE, 'Content-Type: text/plain']);
    await refuses(text, 400, ['Content-Type: text/plain', JSON_TYPE]);
  });

  test.each(['gzip', 'br', 'zstd', 'deflate', 'gzip, gzip', 'identity;q=0', 'identity', 'x-gzip', ''])('G14 Content-Encoding: %s is refused with 415', async (coding) => {
    await refuses(gzipSync(text), 415, [JSON_TYPE, `Content-Encoding: ${coding}`]);
  });

  test('G14 a bomb of a thousand times its size is neither inflated nor read', async () => {
    const startedMs = performance.now();
    await refuses(gzipSync(Buffer.alloc(4_000_000, 0x20)), 415, [JSON_TYPE, 'Content-Encoding: gzip']);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  test.each([65, 100, 10_000, 1_900_000])('G15 a body nested %d deep is refused with 400', async (depth) => {
    const startedMs = performance.now();
    await refuses(call(`{"name":"echo","arguments":${'['.repeat(depth)}${']'.repeat(depth)}}`));
    await refuses(`${'{"a":'.repeat(Math.min(depth, 500_000))}1`);
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  test('G15 a body nested 64 deep is forwarded', async () => {
    await forwards(call(`{"name":"echo","arguments":${'['.repeat(62)}${']'.repeat(62)}}`));
  });

  test.each([
    ['100,000 keys', Array.from({ length: 100_000 }, (_, i) => `"k${String(i)}":1`)],
    ['100,000 keys that look like integers', Array.from({ length: 100_000 }, (_, i) => `"${String(i * 65_536)}":1`)],
  ])('G16 %s are refused with 400, soon', async (_name, members) => {
    const startedMs = performance.now();
    await refuses(call(`{"name":"echo","arguments":{${members.join(',')}}}`));
    expect(performance.now() - startedMs).toBeLessThan(1500);
  });

  test('G16 20,000 strings of colliding integers cost what other strings cost', async () => {
    const startedMs = performance.now();
    await forwards(call(`{"name":"echo","arguments":{${Array.from({ length: 19_000 }, (_, i) => `"${String(i * 16_777_216)}":1`).join(',')}}}`));
    expect(performance.now() - startedMs).toBeLessThan(1500);
  });
});

describe('the size of a body', () => {
  const padded = (bytes: number): string => call(`{"name":"echo","arguments":{"pad":"${'x'.repeat(bytes - call('{"name":"echo","arguments":{"pad":""}}').length)}"}}`);

  test('G17 a body of exactly the limit is forwarded, one byte more is refused with 413', async () => {
    const running = await guarded({ maxBodyBytes: 1000 });
    const send = (body: string): Promise<unknown> => expectRefused(running, aCall(running.text, body), 413);
    await send(padded(1001));
    expect((await sendRaw(running.sidecar.port, aCall(running.text, padded(1000)))).status).toBe(200);
    expect((await running.spy.request(0)).body.length).toBe(1000);
  });

  test('G17 a length that announces too much is refused with 413 before any of the body is sent', async () => {
    const running = await guarded();
    await expectRefused(running, aRawRequest({ headers: [bearer(running.text), JSON_TYPE], contentLength: 1_000_000_000_000 }), 413);
  });

  test('G17 an endless body without a length is refused with 413 at the limit, and the connection ends', async () => {
    const running = await guarded({ maxBodyBytes: 100_000 });
    const connection = await openRaw(running.sidecar.port);
    connection.write(['POST /mcp HTTP/1.1', 'Host: localhost', bearer(running.text), JSON_TYPE, 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
    for (let sent = 0; sent < 4; sent += 1) connection.write(`8000\r\n${'x'.repeat(0x8000)}\r\n`);
    expect((await connection.response()).status).toBe(413);
    await connection.untilClosed();
    expect(running.spy.untouched).toBe(true);
  });

  test('G17 a body that stops half-way when its sender leaves reaches nobody and is no decision', async () => {
    const running = await guarded();
    const connection = await openRaw(running.sidecar.port);
    const whole = aRawRequest({ headers: [bearer(running.text), JSON_TYPE, 'Expect: 100-continue'], body: call('{"name":"echo"}') });
    const headEnd = whole.indexOf('\r\n\r\n') + 4;
    connection.write(whole.subarray(0, headEnd));
    await connection.untilReceived('100 Continue');
    connection.write(whole.subarray(headEnd, -1));
    connection.destroy();
    expect(await running.sidecar.audited(({ outcome }) => outcome === 'aborted')).toMatchObject({ upstream: { called: false } });
    expect(running.spy.untouched).toBe(true);
  });

  test('G17 G7 an unauthenticated body is not read at all', async () => {
    const running = await guarded();
    const answer = await expectRefused(running, aRawRequest({ headers: [JSON_TYPE], contentLength: 4_000_000 }), 401);
    expect(answer.closed).toBe(true);
  });
});

test('G10 LEGACY headers and a body of the older era are forwarded', async () => {
  const { sidecar, spy, text } = await guarded();
  expect((await sendRaw(sidecar.port, aCall(text, ECHO, LEGACY))).status).toBe(200);
  expect((await spy.request(0)).values('mcp-protocol-version')).toEqual(['2025-11-25']);
});
