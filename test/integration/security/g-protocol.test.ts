/** G: headers beside the body, names against patterns, lists, and what servers and clients ask of each other. */
import { describe, expect, test } from '@jest/globals';
import { bearer, expectRefused, JSON_TYPE, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { aCall } from '../../kit/calls.ts';
import { type Guarded, guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { answerEvents, answerJson, chunkOf } from '../../kit/spy-scripts.ts';

const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
const VERSION = 'MCP-Protocol-Version: 2026-07-28';
const modern = (method: string, params: object = {}, meta: object = META): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } });
const MODERN_CALL = modern('tools/call', { name: 'echo' });
const MIRRORS = [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: echo'];
const rpcCode = ({ text }: { readonly text: string }): unknown => (JSON.parse(text) as { error?: { code?: unknown } }).error?.code;

test('G18 a call whose headers agree with its body is forwarded with them', async () => {
  const { sidecar, spy, text } = await guarded();
  expect((await sendRaw(sidecar.port, aCall(text, MODERN_CALL, MIRRORS))).status).toBe(200);
  const request = await spy.request(0);
  expect([request.values('mcp-method'), request.values('mcp-name'), request.body.toString()]).toEqual([['tools/call'], ['echo'], MODERN_CALL]);
});

describe('headers that mirror the body', () => {
  test.each([
    ['Mcp-Method missing', [VERSION, 'Mcp-Name: echo']],
    ['Mcp-Name missing', [VERSION, 'Mcp-Method: tools/call']],
    ['both missing', [VERSION]],
    ['another method', [VERSION, 'Mcp-Method: tools/list', 'Mcp-Name: echo']],
    ['another name', [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: secret']],
    ['the method in another case', [VERSION, 'Mcp-Method: Tools/Call', 'Mcp-Name: echo']],
    ['the name in another case', [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: Echo']],
    ['the name percent-encoded', [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: %65cho']],
    ['another name in base64', [VERSION, 'Mcp-Method: tools/call', `Mcp-Name: =?base64?${btoa('secret')}?=`]],
    ['base64 with spare bits', [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: =?base64?ZWNobz==?=']],
    ['an empty name', [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name:']],
    ['two methods', [...MIRRORS, 'Mcp-Method: tools/call']],
    ['two names, the first right', [...MIRRORS, 'mcp-name: secret']],
    ['two names, the second right', [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: secret', 'Mcp-Name: echo']],
    ['two versions', [...MIRRORS, VERSION]],
    ['no version', ['Mcp-Method: tools/call', 'Mcp-Name: echo']],
    ['an older version', ['MCP-Protocol-Version: 2025-11-25', 'Mcp-Method: tools/call', 'Mcp-Name: echo']],
    ['a version nobody knows', ['MCP-Protocol-Version: 2027-01-01', 'Mcp-Method: tools/call', 'Mcp-Name: echo']],
  ])('G18 G19 %s are refused with 400 and code -32020', async (_name, headers) => {
    const running = await guarded();
    const answer = await expectRefused(running, aCall(running.text, MODERN_CALL, headers), 400);
    expect(rpcCode(answer)).toBe(-32020);
  });

  test.each(['Mcp_Name: secret', 'Mcp_Method: tools/list', 'mcp.name: secret', 'MCP_Protocol_Version: 2025-11-25'])('G18 the imitation %s is refused with 400', async (line) => {
    const running = await guarded();
    await expectRefused(running, aCall(running.text, MODERN_CALL, [...MIRRORS, line]), 400);
  });

  test('G18 a header never makes a call out of what the body does not ask for', async () => {
    const running = await guarded({ tokens: [aToken({ tools: ['echo'] })] });
    const denied = modern('tools/call', { name: 'secret' });
    expect(rpcCode(await expectRefused(running, aCall(running.text, denied, MIRRORS), 400))).toBe(-32020);
    const named = [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: secret'];
    expect(refusalCode(await expectRefused(running, aCall(running.text, denied, named), 200))).toBe('ERR_PERMISSION_DENIED');
  });

  // Nobody compares them there, and an upstream behind a router that trusts headers would act on them.
  test('G18 in the older era they do not reach the upstream', async () => {
    const { sidecar, spy, text } = await guarded();
    const older = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } };
    const hostile = ['Mcp-Method: tools/call', 'Mcp-Name: secret', 'Mcp-Param-Path: /etc'];
    expect((await sendRaw(sidecar.port, aCall(text, older, hostile))).status).toBe(200);
    const names = (await spy.request(0)).rawHeaders.map(([name]) => name.toLowerCase()).filter((name) => name.startsWith('mcp-'));
    expect(names).toEqual([]);
  });
});

describe('the protocol version', () => {
  const OLDER = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } });

  test.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])('G19 %s belongs to the older era and is forwarded', async (version) => {
    const { sidecar, text } = await guarded();
    expect((await sendRaw(sidecar.port, aCall(text, OLDER, [`MCP-Protocol-Version: ${version}`]))).status).toBe(200);
  });

  test.each(['2025-01-01', '1.0', '', 'latest', '2025-11-25, 2026-07-28', 'DRAFT-2026-v1', '2026-07-28'])('G19 a body of the older era with the version %j is refused with 400', async (version) => {
    const running = await guarded();
    await expectRefused(running, aCall(running.text, OLDER, [`MCP-Protocol-Version: ${version}`]), 400);
  });

  test.each([
    ['another version in _meta', { ...META, 'io.modelcontextprotocol/protocolVersion': '2025-11-25' }],
    ['a number in _meta', { ...META, 'io.modelcontextprotocol/protocolVersion': 20260728 }],
    ['no capabilities', { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }],
    ['capabilities of the wrong type', { ...META, 'io.modelcontextprotocol/clientCapabilities': [] }],
    ['nothing', {}],
  ])('G19 a modern header over %s is refused with 400', async (_name, meta) => {
    const running = await guarded();
    await expectRefused(running, aCall(running.text, modern('tools/call', { name: 'echo' }, meta), MIRRORS), 400);
  });

  test('G19 a modern claim without headers does not pass as the older era', async () => {
    const running = await guarded();
    await expectRefused(running, aCall(running.text, MODERN_CALL), 400);
    await expectRefused(running, aCall(running.text, modern('initialize')), 404);
    await expectRefused(running, aCall(running.text, JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }), [VERSION]), 400);
  });
});

describe('names', () => {
  test.each([
    ['get_*', ['xget_a', 'GET_a', 'get-a', 'get', '../get_a', ' get_a', 'get']],
    ['a__b', ['a_b', 'a_ _b', 'a___b', 'a__b ', 'a__b/c', 'A__B', 'a__b\u0000']],
    ['repo/read', ['repo/readall', 'repo/./read', 'repo//read', 'repo/x/../read', 'repo%2Fread', 'repo\\read']],
    ['a.c', ['abc', 'a-c']],
    ['[ab]', ['a', 'b']],
    ['a?', ['ab', 'a']],
    ['^a|.+$', ['a', 'b']],
    ['{a,b}', ['a', 'b']],
    ['caf\u00e9', ['cafe\u0301', 'cafe']],
  ])('G20 the pattern %s allows none of its look-alikes', async (pattern, names) => {
    const running = await guarded({ tokens: [aToken({ tools: [pattern], prompts: [], resources: [] })] });
    for (const name of names) {
      const refused = await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }), 200);
      expect([name, refusalCode(refused)]).toEqual([name, 'ERR_PERMISSION_DENIED']);
    }
  });

  test.each(['file:///public/../etc/passwd', 'file:///public/%2e%2e/etc/passwd', 'file:///public/./../etc', 'FILE:///public/..\\etc', 'file:///public/\t../etc', 'file://evil/public/a', 'file:/public/../x', 'file:///publicx'])(
    'G20 the resource pattern file:///public/* does not allow %s',
    async (uri) => {
      const running = await guarded({ tokens: [aToken({ resources: ['file:///public/*'] })] });
      for (const method of ['resources/read', 'resources/subscribe']) {
        await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', id: 1, method, params: { uri } }), 200);
      }
    },
  );
});

describe('lists', () => {
  const LIST = modern('tools/list');
  const HEADERS = [VERSION, 'Mcp-Method: tools/list'];
  const result = { tools: [{ name: 'get_a' }, { name: 'secret_b' }], cacheScope: 'public', ttlMs: 60_000 };
  const reader = (): ReturnType<typeof aToken> => aToken({ tools: ['get_*'] });

  test.each([['public', result], ['nothing', { tools: result.tools }]])('G21 are private to the caller, where the server says %s', async (_name, answer) => {
    const { sidecar, text } = await guarded({ tokens: [reader()], spy: { script: answerJson({ jsonrpc: '2.0', id: 1, result: answer }) } });
    const listed = JSON.parse((await sendRaw(sidecar.port, aCall(text, LIST, HEADERS))).text) as { result: object };
    expect(listed.result).toMatchObject({ tools: [{ name: 'get_a' }], cacheScope: 'private' });
  });

  test.each([
    ['in one event', [`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`]],
    ['over several data lines', [`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result }, undefined, 1).replaceAll('\n', '\ndata: ')}\n\n`]],
    ['with CR alone', [`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\r\r`]],
    ['in pieces of a byte', Array.from(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`)],
    ['behind a byte order mark', [`\ufeffdata: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`]],
    ['without a blank line at the end', [`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}`]],
    ['under the id as text', [`data: ${JSON.stringify({ jsonrpc: '2.0', id: '1', result })}\n\n`]],
    ['in a field nobody knows', [`Data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`]],
  ])('G21 are filtered inside an event stream, %s', async (_name, events) => {
    const { sidecar, text } = await guarded({ tokens: [reader()], spy: { script: answerEvents(events, { end: true }) } });
    const listed = await sendRaw(sidecar.port, aCall(text, LIST, HEADERS));
    expect(listed.text).toContain('get_a');
    expect(listed.text).not.toContain('secret_b');
    expect(listed.text).not.toContain('"public"');
  });

  test.each([
    ['tools twice', '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[{"name":"secret_b"}]}}'],
    ['Tools in another case', '{"jsonrpc":"2.0","id":1,"result":{"Tools":[{"name":"secret_b"}]}}'],
    ['result twice', '{"jsonrpc":"2.0","id":1,"result":{"tools":[]},"result":{"tools":[{"name":"secret_b"}]}}'],
    ['an array for a result', '{"jsonrpc":"2.0","id":1,"result":[{"name":"secret_b"}]}'],
    ['an object for tools', '{"jsonrpc":"2.0","id":1,"result":{"tools":{"name":"secret_b"}}}'],
    ['no JSON', 'secret_b'],
    ['two documents', '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}{"tools":[{"name":"secret_b"}]}'],
  ])('G21 with %s, which clients read differently, are refused with 502', async (_name, body) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\n\r\n`;
    const { sidecar, text } = await guarded({ tokens: [reader()], spy: { script: (_request, socket) => void socket.write(head + body) } });
    const answer = await sendRaw(sidecar.port, aCall(text, LIST, HEADERS));
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain('secret_b');
  });

  test.each(['text/plain', 'application/json-seq', 'application/x-ndjson', 'text/html', ''])('G21 of the type %j, which is not read, are refused with 502', async (type) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result });
    const { sidecar, text } = await guarded({ tokens: [reader()], spy: { script: answerJson(JSON.parse(body), { headers: { 'Content-Type': type } }) } });
    const answer = await sendRaw(sidecar.port, aCall(text, LIST, HEADERS));
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain('secret_b');
  });

  test('G21 replayed on the stream of a session are filtered too', async () => {
    const event = `id: 9\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 77, result })}\n\n`;
    const { sidecar, text } = await guarded({ tokens: [reader()], spy: { script: answerEvents([event], { end: true }) } });
    const replayed = await sendRaw(sidecar.port, `GET /mcp HTTP/1.1\r\nHost: localhost\r\n${bearer(text)}\r\nAccept: text/event-stream\r\nLast-Event-ID: 8\r\n\r\n`);
    expect(replayed.text).toContain('get_a');
    expect(replayed.text).not.toContain('secret_b');
  });

  test('G21 of a stream that is open while the policy narrows follow the new one', async () => {
    const token = aToken({ tools: ['get_*', 'secret_*'] });
    const { sidecar, spy } = await guarded({ tokens: [token], spy: { script: answerEvents([': open\n\n']) } });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(token.text, LIST, HEADERS));
    await connection.untilReceived(': open');
    const narrowed = { ...token.token, grants: [{ rule: 'narrowed', allow: { tools: ['get_*'], prompts: [], resources: [] } }] };
    sidecar.publish([aBundle({ port: spy.port, tokens: [{ text: token.text, token: narrowed }] })]);
    spy.writeUnasked(chunkOf(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result })}\n\n`));
    await connection.untilReceived('get_a');
    expect(connection.received().toString()).not.toContain('secret_b');
    connection.destroy();
  });
});

describe('what a refusal says', () => {
  const DENIED = { rule: 'MCPServer/default/server#access[nobody-sees]', effect: 'Deny', principals: [{}], patterns: { tools: ['secret_*'], prompts: ['secret_*'], resources: ['secret://*'] } } as const;
  const ask = async (running: Guarded, method: string, params: object): Promise<string> => {
    const { text } = await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', id: 1, method, params }), 200);
    return text.replace(/"requestId":"[^"]*"/, '');
  };

  test('G22 is the same for what is denied by a rule, not granted, and not there, and names none of it', async () => {
    const running = await guarded({ tokens: [aToken({ tools: ['get_*', 'secret_*'], prompts: ['p', 'secret_*'], resources: ['a://*', 'secret://*'] })], bundle: { rules: [DENIED] } });
    const calls: readonly (readonly [string, object, object])[] = [
      ['tools/call', { name: 'secret_a' }, { name: 'missing' }],
      ['prompts/get', { name: 'secret_a' }, { name: 'missing' }],
      ['resources/read', { uri: 'secret://a' }, { uri: 'missing://a' }],
      ['resources/subscribe', { uri: 'secret://a' }, { uri: 'missing://a' }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'secret_a' }, argument: { name: 'x', value: '' } }, { ref: { type: 'ref/prompt', name: 'missing' }, argument: { name: 'x', value: '' } }],
      ['completion/complete', { ref: { type: 'ref/resource', uri: 'secret://{x}' } }, { ref: { type: 'ref/resource', uri: 'missing://{x}' } }],
    ];
    for (const [method, denied, missing] of calls) {
      const answer = await ask(running, method, denied);
      expect(answer).toBe(await ask(running, method, missing));
      expect(answer).not.toMatch(/secret|nobody-sees|rule/);
    }
  });

  test.each([
    ['a reference of both kinds', { ref: { type: 'ref/prompt', name: 'p', uri: 'secret://a' } }],
    ['a template that could become what is denied', { ref: { type: 'ref/resource', uri: '{scheme}://a' } }],
    ['a reference in another case', { ref: { Type: 'ref/prompt', type: 'ref/prompt', name: 'p' } }],
    ['no reference', {}],
  ])('G22 completion/complete of %s is refused', async (_name, params) => {
    const running = await guarded({ tokens: [aToken({ prompts: ['p'], resources: ['a://*'] })], bundle: { rules: [DENIED] } });
    const { status } = await sendRaw(running.sidecar.port, aCall(running.text, { jsonrpc: '2.0', id: 1, method: 'completion/complete', params }));
    expect({ refused: [200, 400].includes(status), untouched: running.spy.untouched }).toEqual({ refused: true, untouched: true });
  });

  test('G22 server/discover needs a permission on the server', async () => {
    const running = await guarded({ tokens: [aToken({ grants: [] })] });
    const refused = await expectRefused(running, aCall(running.text, modern('server/discover'), [VERSION, 'Mcp-Method: server/discover']), 403);
    expect(refusalCode(refused)).toBe('ERR_SERVER_NOT_GRANTED');
  });
});

describe('what a message says of itself', () => {
  test('G23 is never who is asking', async () => {
    const { sidecar, spy } = await guarded({ tokens: [aToken({ tools: ['echo'] })] });
    const token = aToken({ tools: ['echo'] });
    sidecar.publish([aBundle({ port: spy.port, tokens: [token] })]);
    const meta = { ...META, 'io.modelcontextprotocol/clientInfo': { name: 'admin', version: '1' }, principal: { subject: 'root' }, user: 'root', groups: ['admin'], traceparent: '00-0-0-01' };
    expect((await sendRaw(sidecar.port, aCall(token.text, modern('tools/call', { name: 'echo' }, meta), MIRRORS))).status).toBe(200);
    const request = await spy.request(0);
    expect([request.values('x-forwarded-user'), request.values('x-forwarded-groups')]).toEqual([['alice'], []]);
    const refused = await sendRaw(sidecar.port, aCall(token.text, modern('tools/call', { name: 'secret' }, meta), [VERSION, 'Mcp-Method: tools/call', 'Mcp-Name: secret']));
    expect([refusalCode(refused), spy.requests.length]).toEqual(['ERR_PERMISSION_DENIED', 1]);
  });

  test('G23 is bounded with the body it is part of', async () => {
    const running = await guarded({ maxBodyBytes: 10_000 });
    await expectRefused(running, aCall(running.text, modern('tools/call', { name: 'echo' }, { ...META, pad: 'x'.repeat(10_000) }), MIRRORS), 413);
  });
});

describe('what servers ask of clients', () => {
  test.each([
    ['tools/call again with its answers', 'tools/call', { name: 'secret', requestState: 's', inputResponses: { q: { result: { action: 'accept' } } } }, 'secret'],
    ['resources/read again', 'resources/read', { uri: 'secret://a', requestState: 's', inputResponses: {} }, 'secret://a'],
  ])('G24 %s is judged like the first time', async (_name, method, params, name) => {
    const running = await guarded({ tokens: [aToken({ tools: ['echo'], resources: [] })] });
    const refused = await expectRefused(running, aCall(running.text, modern(method, params), [VERSION, `Mcp-Method: ${method}`, `Mcp-Name: ${name}`]), 200);
    expect(refusalCode(refused)).toBe('ERR_PERMISSION_DENIED');
  });

  test('G24 the state that a server gave to one principal is of no use to one who may not call', async () => {
    const bob = aToken({ name: 'bob', tools: ['other'] });
    const running = await guarded({ tokens: [aToken({ tools: ['echo'] }), bob] });
    const again = modern('tools/call', { name: 'echo', requestState: 'of alice', inputResponses: {} });
    await expectRefused(running, aCall(bob.text, again, MIRRORS), 200);
  });

  test.each(['tasks/get', 'tasks/result', 'tasks/cancel'])('G24 %s without a session is refused with 404, and in the modern era it does not exist', async (method) => {
    const running = await guarded();
    await expectRefused(running, aCall(running.text, { jsonrpc: '2.0', id: 1, method, params: { taskId: '1' } }), 404);
    const refused = await expectRefused(running, aCall(running.text, modern(method, { taskId: '1' }), [VERSION, `Mcp-Method: ${method}`]), 404);
    expect(refusalCode(refused)).toBe('ERR_METHOD_UNKNOWN');
  });

  test.each([
    ['a resource that is denied', { resourceSubscriptions: ['a://1', 'secret://1'] }, 200],
    ['a member nobody knows', { everything: true }, 400],
    ['too many', { resourceSubscriptions: Array.from({ length: 1001 }, () => 'a://1') }, 400],
    ['text for a list', { resourceSubscriptions: 'a://1' }, 400],
    ['nothing', undefined, 400],
  ])('G24 subscriptions/listen to %s is refused', async (_name, notifications, status) => {
    const running = await guarded({ tokens: [aToken({ resources: ['a://*'] })] });
    const body = modern('subscriptions/listen', notifications === undefined ? {} : { notifications });
    await expectRefused(running, aCall(running.text, body, [VERSION, 'Mcp-Method: subscriptions/listen']), status);
  });

  test('G24 subscriptions/listen ends when the policy no longer allows one of its resources', async () => {
    const token = aToken({ resources: ['a://*'] });
    const { sidecar, spy } = await guarded({ tokens: [token], spy: { script: answerEvents([': open\n\n']) } });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(token.text, modern('subscriptions/listen', { notifications: { resourceSubscriptions: ['a://1'] } }), [VERSION, 'Mcp-Method: subscriptions/listen']));
    await connection.untilReceived(': open');
    const narrowed = { ...token.token, grants: [{ rule: 'narrowed', allow: { tools: ['*'], prompts: [], resources: ['a://2'] } }] };
    sidecar.publish([aBundle({ port: spy.port, tokens: [{ text: token.text, token: narrowed }] })]);
    await connection.untilClosed();
    await spy.untilOpen(0);
  });
});

test('G13 the mirror headers change nothing about the content type', async () => {
  const running = await guarded();
  const bytes = aCall(running.text, MODERN_CALL, MIRRORS).replace(JSON_TYPE, 'Content-Type: text/plain');
  await expectRefused(running, bytes, 415);
});
