/** H: sessions of the older era belong to one principal. The spy hands out session ids and says which it was shown. */
import { describe, expect, test } from '@jest/globals';
import { aRawRequest, bearer, expectRefused, JSON_TYPE, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken, type TestToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { type Guarded, guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { answerAfter, answerJson, type SpyScript } from '../../kit/spy-scripts.ts';

const UPSTREAM_ID = '0f8a2f7e-upstream-session';
const INITIALIZE = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } };
const opensSession = (id = UPSTREAM_ID): SpyScript => answerJson(undefined, { headers: { 'Mcp-Session-Id': id } });

interface InSession extends Guarded {
  readonly alice: TestToken;
  readonly bob: TestToken;
  /** As alice knows it. */
  readonly session: string;
  /** Requests the spy has seen when the session is open. */
  readonly before: number;
}

async function inSession(): Promise<InSession> {
  const alice = aToken();
  const bob = aToken({ name: 'bob' });
  const running = await guarded({ tokens: [alice, bob], spy: { script: opensSession() } });
  const opened = await sendRaw(running.sidecar.port, aCall(alice.text, INITIALIZE));
  expect(opened.status).toBe(200);
  return { ...running, alice, bob, session: opened.headers['mcp-session-id'] ?? '', before: running.spy.requests.length };
}

const withSession = (id: string): readonly string[] => [`Mcp-Session-Id: ${id}`];
const bodiless = (method: string, token: string, id: string): Buffer => aRawRequest({ method, headers: [bearer(token), 'Accept: text/event-stream', ...withSession(id)] });

/** 404 as for a session that does not exist, and nothing more reached the upstream. */
async function expectUnknown({ sidecar, spy, before }: InSession, bytes: string | Uint8Array): Promise<void> {
  const answer = await sendRaw(sidecar.port, bytes);
  expect([answer.status, refusalCode(answer), spy.requests.length]).toEqual([404, 'ERR_SESSION_UNKNOWN', before]);
}

describe('the id of a session', () => {
  test('H1 works for the principal it was made for, as the id the upstream knows', async () => {
    const { sidecar, spy, alice, session, before } = await inSession();
    expect(session).not.toContain(UPSTREAM_ID);
    expect((await sendRaw(sidecar.port, aCall(alice.text, ECHO, withSession(session)))).status).toBe(200);
    expect((await spy.request(before)).values('mcp-session-id')).toEqual([UPSTREAM_ID]);
  });

  test('H1 is unknown for another principal, whatever the request', async () => {
    const running = await inSession();
    const { bob, session } = running;
    await expectUnknown(running, aCall(bob.text, ECHO, withSession(session)));
    await expectUnknown(running, aCall(bob.text, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, withSession(session)));
    await expectUnknown(running, aCall(bob.text, { jsonrpc: '2.0', id: 0, result: {} }, withSession(session)));
    await expectUnknown(running, aCall(bob.text, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, withSession(session)));
    await expectUnknown(running, aCall(bob.text, [ECHO], withSession(session)));
    await expectUnknown(running, bodiless('GET', bob.text, session));
  });

  test('H1 is unknown for a principal of the same name in another namespace', async () => {
    const running = await inSession();
    const { sidecar, spy, alice, session } = running;
    const namesake = aToken({ namespace: 'elsewhere' });
    sidecar.publish([aBundle({ port: spy.port, tokens: [alice, namesake] })]);
    await expectUnknown(running, aCall(namesake.text, ECHO, withSession(session)));
  });

  test('H1 is unknown on another server, and after the session key has changed', async () => {
    const running = await inSession();
    const { sidecar, spy, alice, session } = running;
    sidecar.publish([aBundle({ name: 'other', port: spy.port, tokens: [alice] })]);
    await expectUnknown(running, aCall(alice.text, ECHO, withSession(session)));
    sidecar.publish([aBundle({ port: spy.port, tokens: [alice], sessionKey: Buffer.alloc(32, 9).toString('base64url') })]);
    await expectUnknown(running, aCall(alice.text, ECHO, withSession(session)));
  });

  test('H2 is unknown when it is guessed, cut, longer, spelt otherwise or that of the upstream', async () => {
    const running = await inSession();
    const { alice, session } = running;
    const [form = '', mac = '', id = ''] = session.split('.');
    const guesses = [
      UPSTREAM_ID, Buffer.from(UPSTREAM_ID).toString('base64url'), session.slice(0, -1), `${session}A`, `${session}==`, `${session}.`, `.${session}`,
      session.toUpperCase(), session.toLowerCase(), `${form}..${id}`, `${form}.${'A'.repeat(mac.length)}.${id}`, `${form}.${mac.slice(0, -1)}.${id}`,
      `s2.${mac}.${id}`, `${form}.${id}.${mac}`, `${form}.${mac}.${Buffer.from('another-session').toString('base64url')}`, `"${session}"`, '', '0', 'null',
      `${session}, ${session}`, `${form}.${mac}.${'A'.repeat(4000)}`, 'x'.repeat(15_000),
    ];
    for (const guess of guesses) await expectUnknown(running, aCall(alice.text, ECHO, withSession(guess)));
  });

  test('H2 of a megabyte is refused with 431, and two ids with 400', async () => {
    const { sidecar, spy, alice, session, before } = await inSession();
    expect((await sendRaw(sidecar.port, aCall(alice.text, ECHO, withSession('x'.repeat(1_000_000))))).status).toBe(431);
    expect((await sendRaw(sidecar.port, aCall(alice.text, ECHO, [...withSession(session), ...withSession('x')]))).status).toBe(400);
    expect((await sendRaw(sidecar.port, aCall(alice.text, ECHO, [`Mcp_Session_Id: ${session}`]))).status).toBe(400);
    expect(spy.requests.length).toBe(before);
  });

  test('H2 carries 192 bits that nobody can guess, and differs for each principal', async () => {
    const { sidecar, bob, session } = await inSession();
    const other = (await sendRaw(sidecar.port, aCall(bob.text, INITIALIZE))).headers['mcp-session-id'] ?? '';
    const macs = [session, other].map((id) => Buffer.from(id.split('.')[1] ?? '', 'base64url'));
    expect(macs.map((mac) => mac.length)).toEqual([24, 24]);
    expect(macs[0]?.equals(macs[1] ?? Buffer.alloc(0))).toBe(false);
  });

  test('H3 does not outlive its token: 401, not 404', async () => {
    const { sidecar, spy, alice, bob, session, before } = await inSession();
    sidecar.publish([aBundle({ port: spy.port, tokens: [{ ...alice, token: { ...alice.token, revoked: true } }, bob] })]);
    for (const bytes of [aCall(alice.text, ECHO, withSession(session)), bodiless('GET', alice.text, session), bodiless('DELETE', alice.text, session)]) {
      expect((await sendRaw(sidecar.port, bytes)).status).toBe(401);
    }
    expect(spy.requests.length).toBe(before);
  });

  test('H4 lets nobody else end the session, and nobody end one without naming it', async () => {
    const running = await inSession();
    const { sidecar, spy, alice, bob, session, before } = running;
    await expectUnknown(running, bodiless('DELETE', bob.text, session));
    await expectUnknown(running, bodiless('DELETE', bob.text, UPSTREAM_ID));
    await expectUnknown(running, aRawRequest({ method: 'DELETE', headers: [bearer(bob.text)] }));
    await expectUnknown(running, aRawRequest({ method: 'DELETE', headers: [bearer(alice.text)] }));
    expect((await sendRaw(sidecar.port, bodiless('DELETE', alice.text, session))).status).toBe(200);
    expect(await spy.request(before)).toMatchObject({ method: 'DELETE' });
  });

  test('H6 that a client brings to initialize is ignored, whoever made it', async () => {
    const { sidecar, spy, alice, bob, session } = await inSession();
    for (const [token, id] of [[bob, session], [alice, session], [bob, 'chosen-by-the-client'], [bob, UPSTREAM_ID]] as const) {
      const index = spy.requests.length;
      const answer = await sendRaw(sidecar.port, aCall(token.text, INITIALIZE, withSession(id)));
      expect(answer.status).toBe(200);
      expect((await spy.request(index)).values('mcp-session-id')).toEqual([]);
      if (token === bob) expect(answer.headers['mcp-session-id']).not.toBe(id);
    }
  });
});

test('H5 two principals with the same request id at the same time each get their own answer, on connections of their own', async () => {
  const alice = aToken();
  const bob = aToken({ name: 'bob' });
  const gate = Promise.withResolvers<void>();
  const whoAsked: SpyScript = (request, socket) => answerJson({ jsonrpc: '2.0', id: 1, result: { for: request.values('x-forwarded-user')[0] } })(request, socket);
  const { sidecar, spy } = await guarded({ tokens: [alice, bob], spy: { script: answerAfter(gate.promise, whoAsked) } });
  const asked = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? alice : bob));
  const answers = asked.map(async ({ text }) => (await sendRaw(sidecar.port, aCall(text, ECHO))).text);
  // All are under way together before any is answered.
  await spy.request(asked.length - 1);
  gate.resolve();
  const told = (await Promise.all(answers)).map((text) => (JSON.parse(text) as { result: { for: string } }).result.for);
  expect(told).toEqual(asked.map(({ token }) => token.name));
  expect(new Set(spy.requests.map(({ connection }) => connection)).size).toBe(asked.length);
});

test('H5 two principals shown the same upstream session hold two ids, and neither works for the other', async () => {
  const running = await inSession();
  const { sidecar, alice, bob, session } = running;
  const bobs = (await sendRaw(sidecar.port, aCall(bob.text, INITIALIZE))).headers['mcp-session-id'] ?? '';
  const counted = { ...running, before: running.spy.requests.length };
  await expectUnknown(counted, aCall(alice.text, ECHO, withSession(bobs)));
  await expectUnknown(counted, aCall(bob.text, ECHO, withSession(session)));
});

test('H5 a connection that served one principal serves the next as the next', async () => {
  const alice = aToken();
  const bob = aToken({ name: 'bob' });
  const { sidecar, spy } = await guarded({ tokens: [alice, bob] });
  const connection = await openRaw(sidecar.port);
  for (const [index, { text, token }] of [alice, bob, alice].entries()) {
    connection.write(aCall(text, ECHO));
    expect((await connection.response()).status).toBe(200);
    expect((await spy.request(index)).values('x-forwarded-user')).toEqual([token.name]);
  }
  connection.destroy();
});

describe('without a credential', () => {
  const anonymous = (body: unknown, more: readonly string[] = []): Buffer => aRawRequest({ headers: [JSON_TYPE, ...more], body: JSON.stringify(body) });

  test.each(['initialize', 'ping', 'server/discover', 'tools/list', 'logging/setLevel', 'notifications/initialized', 'tools/call'])('H7 %s is refused with 401', async (method) => {
    const running = await guarded();
    await expectRefused(running, anonymous({ ...INITIALIZE, method }), 401);
    await expectRefused(running, anonymous({ jsonrpc: '2.0', method }), 401);
    await expectRefused(running, anonymous([{ jsonrpc: '2.0', id: 1, method }]), 401);
  });

  test.each([
    ['a header that names initialize', ['Mcp-Method: initialize']],
    ['a header of a gateway that routes', ['X-Mcp-Init-Host: localhost', 'Router-Key: secret-api-key']],
    ['an init host', ['mcp-init-host: localhost']],
    ['an internal address', ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1']],
    ['a probe', ['User-Agent: kube-probe/1.33']],
    ['an identity', ['X-Forwarded-User: alice', 'X-MCP-Gateway-Auth-Method: bearer']],
  ])('H7 initialize with %s is refused with 401', async (_name, headers) => {
    await expectRefused(await guarded(), anonymous(INITIALIZE, headers), 401);
  });

  test('H7 a session is no credential', async () => {
    const { sidecar, spy, session, before } = await inSession();
    for (const method of ['GET', 'DELETE']) {
      expect((await sendRaw(sidecar.port, aRawRequest({ method, headers: withSession(session) }))).status).toBe(401);
    }
    expect((await sendRaw(sidecar.port, anonymous(ECHO, withSession(session)))).status).toBe(401);
    expect(spy.requests.length).toBe(before);
  });
});
