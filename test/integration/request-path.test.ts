/** The request path over real sockets: what a permitted call looks like on both sides, and how open ones are cut. */
import { describe, expect, test } from '@jest/globals';
import { aBundle, aToken } from '../kit/bundles.ts';
import { aCall, ECHO } from '../kit/calls.ts';
import { guarded } from '../kit/guarded.ts';
import { openRaw } from '../kit/raw-http.ts';
import { answerBytes, answerEvents, answerJson, chunkOf } from '../kit/spy-scripts.ts';

const LIST = { jsonrpc: '2.0', id: 7, method: 'tools/list' } as const;
const NOTE = 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n';

describe('a permitted call', () => {
  test('reaches the upstream byte for byte, with the identity and without the credential', async () => {
    const { spy, sidecar, text } = await guarded();
    const connection = await openRaw(sidecar.port);
    const trace = '0af7651916cd43dd8448eb211c80319c';
    connection.write(aCall(text, ECHO, [`traceparent: 00-${trace}-b7ad6b7169203331-01`, 'X-Request-Id: client-7']));
    expect((await connection.response()).status).toBe(200);
    const request = await spy.request(0);
    expect(request.body.toString()).toBe(JSON.stringify(ECHO));
    expect(request.values('x-forwarded-user')).toEqual(['alice']);
    expect(request.values('authorization')).toEqual([]);
    expect(request.raw.toString('latin1')).not.toContain(text);
    connection.destroy();
    const record = await sidecar.audited(({ outcome }) => outcome === 'allowed');
    expect(record).toMatchObject({
      event: 'tools/call',
      policy: { rule: 'GatewayToken/default/alice#permissions[0]' },
      mcp: { method: 'tools/call', name: 'echo' },
      http: { clientReq: 'client-7', trace },
      upstream: { called: true },
    });
    expect(sidecar.auditText()).not.toContain(text);
  });

  test('carries the credential of the upstream, which the client never sees', async () => {
    const upstreamHeaders = [{ name: 'authorization', value: 'Bearer upstream-secret', reference: 'secret/pat#token' }];
    const { spy, sidecar, text } = await guarded({ upstreamHeaders });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    const response = await connection.response();
    expect((await spy.request(0)).values('authorization')).toEqual(['Bearer upstream-secret']);
    expect(JSON.stringify(response.rawHeaders) + response.text).not.toContain('upstream-secret');
    connection.destroy();
    const record = await sidecar.audited(({ outcome }) => outcome === 'allowed');
    expect(record).toMatchObject({ upstream: { called: true, credential: ['secret/pat#token'] } });
    expect(sidecar.auditText() + sidecar.logText()).not.toContain('upstream-secret');
  });

  test('is answered with 401 when its token is revoked before a short answer is complete', async () => {
    const token = aToken();
    const { spy, sidecar } = await guarded({ tokens: [token] });
    spy.answerWith(answerBytes('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"secret":'));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(token.text, ECHO));
    await spy.request(0);
    sidecar.publish([aBundle({ port: spy.port, tokens: [] })]);
    const response = await connection.response();
    expect(response.status).toBe(401);
    expect(response.text).not.toContain('secret');
    connection.destroy();
  });

  test('is refused with 503 while a credential of the upstream is missing, and the upstream is not contacted', async () => {
    const { spy, sidecar, text } = await guarded({ upstreamHeaders: 'missing' });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    expect((await connection.response()).status).toBe(503);
    expect(spy.untouched).toBe(true);
  });
});

describe('one rule for listing and calling', () => {
  const tools = [{ name: 'get_a' }, { name: 'delete_a' }];

  test('shows in a list what a call would be allowed, and marks it private to nobody else', async () => {
    const { spy, sidecar, text } = await guarded({ tokens: [aToken({ tools: ['get_*'] })] });
    spy.answerWith(answerJson({ jsonrpc: '2.0', id: 7, result: { tools } }));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, LIST));
    const listed = await connection.response();
    expect(JSON.parse(listed.text)).toEqual({ jsonrpc: '2.0', id: 7, result: { tools: [{ name: 'get_a' }] } });
  });

  test('refuses the call of a tool that is not listed, in a JSON-RPC error, without contacting the upstream', async () => {
    const { spy, sidecar, text } = await guarded({ tokens: [aToken({ tools: ['get_*'] })] });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, { ...ECHO, params: { name: 'delete_a' } }));
    const refused = await connection.response();
    expect(refused.status).toBe(200);
    expect(JSON.parse(refused.text)).toMatchObject({ id: 1, error: { data: { code: 'ERR_PERMISSION_DENIED' } } });
    expect(spy.untouched).toBe(true);
    const record = await sidecar.audited(({ outcome }) => outcome === 'denied');
    expect(record).toMatchObject({ reason: 'ERR_PERMISSION_DENIED', mcp: { name: 'delete_a' }, upstream: { called: false } });
  });

  test('filters inside the events of a stream', async () => {
    const { spy, sidecar, text } = await guarded({ tokens: [aToken({ tools: ['get_*'] })] });
    const event = `event: message\nid: 5\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 7, result: { tools } })}\n\n`;
    spy.answerWith(answerEvents([NOTE, event], { end: true }));
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, LIST));
    const listed = await connection.response();
    expect(listed.text).toContain('get_a');
    expect(listed.text).toContain('notifications/message');
    expect(listed.text).not.toContain('delete_a');
  });
});

describe('an open stream', () => {
  async function streaming(): Promise<Awaited<ReturnType<typeof guarded>> & { connection: Awaited<ReturnType<typeof openRaw>>; token: ReturnType<typeof aToken> }> {
    const token = aToken();
    const running = await guarded({ tokens: [token] });
    running.spy.answerWith(answerEvents([NOTE]));
    const connection = await openRaw(running.sidecar.port);
    connection.write(aCall(token.text, ECHO));
    await connection.untilReceived('notifications/message');
    return { ...running, connection, token };
  }

  test('is cut when its token is revoked, on both sides, with the cause on record', async () => {
    const { spy, sidecar, connection, token } = await streaming();
    const revoked = { text: token.text, token: { ...token.token, revoked: true } };
    sidecar.publish([aBundle({ port: spy.port, tokens: [revoked] })]);
    await connection.untilClosed();
    await spy.untilOpen(0);
    const record = await sidecar.audited(({ event }) => event === 'tools/call.close');
    expect(record).toMatchObject({ reason: 'ERR_CREDENTIAL_REVOKED' });
    expect(await sidecar.metricsText()).toContain('mcpgateway_streams_cut_total{cause="revoked"} 1');
  });

  test('is cut when its token disappears', async () => {
    const { spy, sidecar, connection } = await streaming();
    sidecar.publish([aBundle({ port: spy.port, tokens: [] })]);
    await connection.untilClosed();
  });

  test('is cut when the policy no longer allows what it was opened for', async () => {
    const { spy, sidecar, connection, token } = await streaming();
    const narrowed = { ...token.token, grants: [{ rule: 'narrowed', allow: { tools: ['other'], prompts: [], resources: [] } }] };
    sidecar.publish([aBundle({ port: spy.port, tokens: [{ text: token.text, token: narrowed }] })]);
    await connection.untilClosed();
    expect(await sidecar.metricsText()).toContain('mcpgateway_streams_cut_total{cause="policy-changed"} 1');
  });

  test('goes on when a change leaves it allowed', async () => {
    const { spy, sidecar, connection, token } = await streaming();
    sidecar.publish([aBundle({ port: spy.port, tokens: [token, aToken({ name: 'bob' })] })]);
    spy.writeUnasked(chunkOf(NOTE.replace('"x"', '"later"')));
    await connection.untilReceived('"later"');
    expect(sidecar.records.some(({ event }) => event === 'tools/call.close')).toBe(false);
    connection.destroy();
  });

  test('ends upstream when the client goes away', async () => {
    const { spy, connection } = await streaming();
    connection.destroy();
    await spy.untilOpen(0);
    expect(spy.connections.open).toBe(0);
  });
});

describe('before the first policy', () => {
  test('K4 refuses everything with 503, and the upstream is not contacted', async () => {
    const { spy, sidecar, text } = await guarded({ withoutPolicy: true });
    const connection = await openRaw(sidecar.port);
    connection.write(aCall(text, ECHO));
    expect((await connection.response()).status).toBe(503);
    expect(spy.untouched).toBe(true);
  });
});
