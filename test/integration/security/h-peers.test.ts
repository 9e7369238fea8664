/** H: a session of another pod. Two sidecars of one server, a spy behind each, and whoever else would like to be a peer. */
import { connect, createServer as createTcpServer } from 'node:net';
import type { Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import { peerPodName, peerServerName } from '../../../api/peer-name.ts';
import { createSessionKey, wrapSessionId } from '../../../sidecar/session/session-id.ts';
import { formatHolder } from '../../../sidecar/session/holder.ts';
import type { Holder } from '../../../sidecar/session/holder.ts';
import type { TlsMaterial } from '../../../sidecar/tls-files.ts';
import { aRawRequest, bearer, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import type { TestToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { createAuthority as createOtherAuthority } from '../../kit/certificates.ts';
import { aPeerAuthority, aPeerGroup, aPod, certify, SERVER_UID } from '../../kit/peers.ts';
import type { GuardedPod, PeerGroup } from '../../kit/peers.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import type { RawExchange } from '../../kit/raw-http.ts';
import { answerEvents, answerJson } from '../../kit/spy-scripts.ts';

const UPSTREAM_ID = 'upstream-session-of-a';
const INITIALIZE = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } };
const [HERE, THERE, NOWHERE] = ['127.0.0.11', '127.0.0.12', '127.0.0.13'] as const;
const EVENT = 'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface TwoPods {
  readonly group: PeerGroup;
  readonly alice: TestToken;
  /** Holds the session. */
  readonly holder: GuardedPod;
  /** What a client happens to reach. */
  readonly other: GuardedPod;
  /** As alice knows it. */
  readonly session: string;
  /** Requests that the holder's spy has seen when the session is open. */
  readonly before: number;
}

async function twoPods(): Promise<TwoPods> {
  const alice = aToken();
  const group = await aPeerGroup([alice]);
  const holder = await group.addPod(HERE, { script: answerJson(undefined, { headers: { 'Mcp-Session-Id': UPSTREAM_ID } }) });
  const other = await group.addPod(THERE);
  const opened = await sendRaw(holder.sidecar.port, aCall(alice.text, INITIALIZE));
  expect(opened.status).toBe(200);
  return { group, alice, holder, other, session: opened.headers['mcp-session-id'] ?? '', before: holder.spy.requests.length };
}

const withSession = (id: string): readonly string[] => [`Mcp-Session-Id: ${id}`];
const bodiless = (method: string, token: string, id: string): Buffer => aRawRequest({ method, headers: [bearer(token), 'Accept: text/event-stream', ...withSession(id)] });

/** A session of alice that is said to be held by this pod: only who has the session key can make it. */
function sessionHeldBy(pod: Holder): string {
  const { sessionKey } = aBundle({ port: 1 });
  return wrapSessionId({ sessionKey: createSessionKey(sessionKey), serverUid: SERVER_UID, issuer: 'gateway-tokens/default', subject: 'alice', holder: formatHolder(pod), upstreamId: UPSTREAM_ID });
}

/** Counts connections and what they bring. */
async function listenAt(address: string, port: number, server: Server): Promise<{ readonly connections: () => number; readonly bytes: () => number }> {
  let connections = 0;
  let bytes = 0;
  server.on('connection', () => (connections += 1));
  server.on('secureConnection', (socket: NodeJS.ReadableStream) => socket.on('data', (chunk: Buffer) => (bytes += chunk.length)));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { connections: () => connections, bytes: () => bytes };
}

describe('a session of another pod', () => {
  test('goes on there: the upstream that began it is asked, as the principal of the client, and the other one hears nothing', async () => {
    const { alice, holder, other, session, before } = await twoPods();
    const answer = await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, [...withSession(session), 'X-Request-Id: mine']));
    expect(answer.status).toBe(200);
    const seen = await holder.spy.request(before);
    expect([seen.values('mcp-session-id'), seen.values('x-forwarded-user'), seen.values('authorization')]).toEqual([[UPSTREAM_ID], ['alice'], []]);
    expect(JSON.parse(seen.body.toString())).toEqual(ECHO);
    expect(other.spy.untouched).toBe(true);
    // Shown anew by the upstream, it is the same session to the client.
    expect(answer.headers['mcp-session-id']).toBe(session);
    const [first, second] = await Promise.all([other, holder].map(({ sidecar }) => sidecar.audited(({ event }) => event === 'tools/call')));
    const { req } = first!['http'] as { req: string };
    expect(first).toMatchObject({ outcome: 'allowed', http: { peer: '127.0.0.1', clientReq: 'mine', status: 200 }, upstream: { called: false, pod: holder.pod.podUid } });
    expect(second).toMatchObject({ outcome: 'allowed', http: { peer: '127.0.0.1', clientReq: 'mine', from: { req } }, upstream: { called: true } });
    expect(answer.headers['x-mcp-gateway-request-id']).toBe(req);
  });

  test('ends where it is when the client ends it', async () => {
    const { alice, holder, other, session, before } = await twoPods();
    expect((await sendRaw(other.sidecar.port, bodiless('DELETE', alice.text, session))).status).toBe(200);
    expect(await holder.spy.request(before)).toMatchObject({ method: 'DELETE' });
    expect(other.spy.untouched).toBe(true);
  });

  test('shows of a list what the policy of either pod allows, and no more', async () => {
    const { alice, holder, other, session } = await twoPods();
    const only = (tools: readonly string[]): TestToken => ({ ...alice, token: { ...alice.token, grants: [{ rule: 'r', allow: { tools, prompts: [], resources: [] } }] } });
    holder.spy.answerWith(answerJson({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } }));
    holder.publish([only(['a', 'b'])]);
    other.publish([only(['b', 'c'])]);
    const { text } = await sendRaw(other.sidecar.port, aCall(alice.text, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, withSession(session)));
    expect(JSON.parse(text)).toMatchObject({ result: { tools: [{ name: 'b' }] } });
  });

  test('streams, and its end on either side is the end of the other', async () => {
    const { alice, holder, other, session } = await twoPods();
    holder.spy.answerWith(answerEvents([EVENT]));
    const client = await openRaw(other.sidecar.port);
    client.write(bodiless('GET', alice.text, session));
    await client.untilReceived('notifications/message');
    client.destroy();
    await holder.spy.untilOpen(0);
    await Promise.all([holder, other].map(({ sidecar }) => sidecar.audited(({ event, close }) => event === 'stream.close' && close === 'client-aborted')));
  });

  test.each<[string, (pods: TwoPods, tokens: TestToken[]) => void]>([
    ['the pod that holds it', ({ holder }, tokens) => holder.publish(tokens)],
    ['the pod that the client reached', ({ other }, tokens) => other.publish(tokens)],
  ])('H3 is over with its token as soon as %s knows: streams are cut on both sides, calls get 401 with a challenge', async (_where, tell) => {
    const pods = await twoPods();
    const { alice, holder, other, session } = pods;
    holder.spy.answerWith(answerEvents([EVENT]));
    const client = await openRaw(other.sidecar.port);
    client.write(bodiless('GET', alice.text, session));
    await client.untilReceived('notifications/message');
    tell(pods, [{ ...alice, token: { ...alice.token, revoked: true } }]);
    await client.untilClosed();
    await holder.spy.untilOpen(0);
    const before = holder.spy.requests.length;
    const answer = await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(session)));
    expect([answer.status, answer.headers['www-authenticate'], refusalCode(answer)]).toEqual([401, 'Bearer error="invalid_token"', 'ERR_CREDENTIAL_INVALID']);
    expect([holder.spy.requests.length, other.spy.untouched]).toEqual([before, true]);
  });

  test('is judged by the policy of the pod that holds it, whatever the other one allows', async () => {
    const { alice, holder, other, session, before } = await twoPods();
    holder.publish([{ ...alice, token: { ...alice.token, grants: [{ rule: 'r', allow: { tools: ['other'], prompts: [], resources: [] } }] } }]);
    const answer = await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(session)));
    expect(refusalCode(answer)).toBe('ERR_PERMISSION_DENIED');
    expect(holder.spy.requests.length).toBe(before);
  });

  test('lets running calls end when its pod shuts down, and cuts streams', async () => {
    const { alice, holder, other, session } = await twoPods();
    holder.spy.answerWith(answerEvents([EVENT]));
    const stream = await openRaw(other.sidecar.port);
    stream.write(bodiless('GET', alice.text, session));
    await stream.untilReceived('notifications/message');
    const gate = Promise.withResolvers<void>();
    holder.spy.answerWith(async (request, socket) => {
      await gate.promise;
      await answerJson()(request, socket);
    });
    const index = holder.spy.requests.length;
    const call = sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(session)));
    await holder.spy.request(index);
    const stopped = holder.sidecar.stop(60_000);
    await stream.untilClosed();
    gate.resolve();
    expect((await call).status).toBe(200);
    await stopped;
  });
});

describe('the holder of a session', () => {
  test('that starts again in a moment gets the call, once', async () => {
    const { group, alice, holder, other, session } = await twoPods();
    await holder.sidecar.stop();
    // What is left of a process that is going: it accepts and drops.
    const going = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => going.once('error', reject).listen(group.port, HERE, resolve));
    const refused = new Promise((resolve) => going.once('connection', resolve));
    const call = sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(session)));
    await refused;
    await new Promise((resolve) => going.close(resolve));
    const again = await group.addPod(HERE, { pod: holder.pod });
    expect((await call).status).toBe(200);
    expect(again.spy.requests.map((request) => request.values('mcp-session-id'))).toEqual([[UPSTREAM_ID]]);
    expect(other.spy.untouched).toBe(true);
  });

  test('that is gone makes its session unknown, after a bounded time', async () => {
    const { alice, holder, other, session } = await twoPods();
    await holder.sidecar.stop();
    const answer = await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(session)));
    expect([answer.status, refusalCode(answer)]).toEqual([404, 'ERR_SESSION_UNKNOWN']);
    expect(await other.sidecar.audited(({ event }) => event === 'tools/call')).toMatchObject({ reason: 'ERR_SESSION_HOLDER_UNREACHABLE', upstream: { called: false } });
    expect(other.spy.untouched).toBe(true);
  });

  test('H2 cannot be chosen: an id that was edited or made up is unknown, and nobody is connected to', async () => {
    const { group, alice, holder, other, session } = await twoPods();
    const elsewhere = await listenAt(NOWHERE, group.port, createTcpServer((socket) => socket.destroy()));
    const [form = '', mac = '', , upstream = ''] = session.split('.');
    const chosen = formatHolder(aPod(NOWHERE));
    const ids = [
      `${form}.${mac}.${chosen}.${upstream}`, `${form}.${'A'.repeat(32)}.${chosen}.${upstream}`, `${form}..${chosen}.${upstream}`,
      `${form}.${mac}..${upstream}`, `${form}.${mac}.${formatHolder(other.pod)}.${upstream}`, `${form}.${mac}.${chosen}`, session.replace(formatHolder(holder.pod), `${formatHolder(holder.pod)}A`),
    ];
    const before = holder.spy.requests.length;
    for (const id of ids) {
      const answer = await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(id)));
      expect([id, answer.status, refusalCode(answer)]).toEqual([id, 404, 'ERR_SESSION_UNKNOWN']);
    }
    expect([elsewhere.connections(), other.spy.untouched, holder.spy.requests.length]).toEqual([0, true, before]);
  });

  test.each<[string, (group: PeerGroup, pod: Holder) => Promise<TlsMaterial>]>([
    ['of another pod', ({ authority }) => certify(authority, aPod(NOWHERE))],
    ['of another server', ({ authority }, { podUid }) => certify(authority, aPod(NOWHERE), { dnsNames: [peerPodName('uid-other', podUid), peerServerName('uid-other')] })],
    ['of the server, but of no pod', ({ authority }, pod) => certify(authority, pod, { dnsNames: [peerServerName(SERVER_UID)] })],
    ['of another authority', async (_group, pod) => certify(await aPeerAuthority(), pod)],
    ['that is over', ({ authority }, pod) => certify(authority, pod, { nowMs: Date.now() - 3_000_000 })],
  ])('that shows a certificate %s gets no byte of the credential', async (_whose, issue) => {
    const { group, alice, other } = await twoPods();
    const pod = aPod(NOWHERE);
    const { cert, key } = await issue(group, pod);
    const impostor = await listenAt(NOWHERE, group.port, createTlsServer({ cert, key, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false }).on('tlsClientError', () => undefined));
    const answer = await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(sessionHeldBy(pod))));
    expect([answer.status, refusalCode(answer)]).toEqual([404, 'ERR_SESSION_UNKNOWN']);
    expect([impostor.connections(), impostor.bytes(), other.spy.untouched]).toEqual([1, 0, true]);
  });

  test('that shows its own certificate would have got it: what is refused above is the certificate', async () => {
    const { group, alice, other } = await twoPods();
    const pod = aPod(NOWHERE);
    const { cert, key } = await certify(group.authority, pod);
    const genuine = await listenAt(NOWHERE, group.port, createTlsServer({ cert, key, minVersion: 'TLSv1.3' }, (socket) => socket.once('data', () => socket.destroy())));
    expect((await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(sessionHeldBy(pod))))).status).toBe(502);
    // Sent, and not sent again.
    expect([genuine.connections(), genuine.bytes() > 0]).toEqual([1, true]);
  });
});

describe('the port of peers', () => {
  const ask = (group: PeerGroup, token: string, session: string, tls: ConnectionOptions): Promise<RawExchange> =>
    sendRaw(group.port, aCall(token, ECHO, withSession(session)), { tls: { host: HERE, servername: '', rejectUnauthorized: false, ...tls } });

  test('serves a sidecar of the server, which may say for whom it asks', async () => {
    const { group, alice, holder, session, before } = await twoPods();
    expect((await ask(group, alice.text, session, await certify(group.authority, aPod(THERE)))).status).toBe(200);
    expect(holder.spy.requests.length).toBe(before + 1);
  });

  test('H7 asks its peers for the credential of the client like everybody', async () => {
    const { group, holder, session, before } = await twoPods();
    const answer = await ask(group, aToken({ name: 'stranger' }).text, session, await certify(group.authority, aPod(THERE)));
    expect([answer.status, holder.spy.requests.length]).toEqual([401, before]);
  });

  test.each<[string, (group: PeerGroup) => Promise<ConnectionOptions>]>([
    ['without a certificate', async () => ({})],
    ['with a certificate of another server', async ({ authority }) => certify(authority, aPod(THERE), { dnsNames: [peerPodName('uid-other', aPod(THERE).podUid), peerServerName('uid-other')] })],
    ['with a certificate that names a pod and no server', async ({ authority }) => certify(authority, aPod(THERE), { dnsNames: [peerPodName(SERVER_UID, aPod(THERE).podUid)] })],
    ['with a name that ends like that of the server', async ({ authority }) => certify(authority, aPod(THERE), { dnsNames: [`x${peerServerName(SERVER_UID)}`] })],
    ['with a certificate of the serving authority', async () => certify(await aPeerAuthority('mcpgateway serving authority'), aPod(THERE))],
    ['with a self-signed certificate', async () => {
      const own = await aPeerAuthority();
      return { cert: own.certificatePem, key: own.privateKeyPem };
    }],
    ['with a certificate for servers alone', async () => (await createOtherAuthority()).issue({ names: [peerServerName(SERVER_UID)] })],
    ['with a certificate that is over', async ({ authority }) => certify(authority, aPod(THERE), { nowMs: Date.now() - 3_000_000 })],
    ['over TLS 1.2', async ({ authority }) => ({ ...(await certify(authority, aPod(THERE))), maxVersion: 'TLSv1.2' })],
  ])('H7 hears nobody %s', async (_how, tlsOf) => {
    const { group, alice, holder, session, before } = await twoPods();
    await expect(ask(group, alice.text, session, await tlsOf(group))).rejects.toBeDefined();
    expect(holder.spy.requests.length).toBe(before);
  });

  test('hears nobody in plain text', async () => {
    const { group, alice, holder, session, before } = await twoPods();
    const bytes = aCall(alice.text, ECHO, withSession(session));
    const socket = connect({ host: HERE, port: group.port });
    socket.write(bytes);
    const received = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).on('error', () => undefined).on('close', () => resolve(text));
    });
    expect([received.includes('HTTP/1.1 200'), holder.spy.requests.length]).toEqual([false, before]);
  });

  test('goes no further: a session of a third pod is unknown there, and nobody is connected to', async () => {
    const { group, alice, holder, before } = await twoPods();
    const third = await listenAt(NOWHERE, group.port, createTcpServer((socket) => socket.destroy()));
    const answer = await ask(group, alice.text, sessionHeldBy(aPod(NOWHERE)), await certify(group.authority, aPod(THERE)));
    expect([answer.status, refusalCode(answer), third.connections(), holder.spy.requests.length]).toEqual([404, 'ERR_SESSION_UNKNOWN', 0, before]);
  });

  test('is closed at once to those whom nobody vouches for any more, and open to those whom the next authority does', async () => {
    const { group, alice, holder, other, session } = await twoPods();
    const call = (): Promise<RawExchange> => sendRaw(other.sidecar.port, aCall(alice.text, ECHO, withSession(session)));
    expect((await call()).status).toBe(200);
    const former = await certify(group.authority, aPod(THERE));
    const open = await openRaw(group.port, { tls: { host: HERE, rejectUnauthorized: false, ...former } });
    open.write(aCall(alice.text, ECHO, withSession(session)));
    expect((await open.response()).status).toBe(200);
    const next = await aPeerAuthority('the next peer authority');
    // Trusted before it signs, and the former while what it signed is valid: nothing breaks on the way.
    for (const { publish } of [holder, other]) publish([alice], [next, group.authority]);
    expect((await call()).status).toBe(200);
    for (const { sidecar, pod } of [holder, other]) sidecar.setPeerCertificate(await certify(next, pod));
    expect((await call()).status).toBe(200);
    holder.publish([alice], [next]);
    await open.untilClosed();
    other.publish([alice], [next]);
    expect((await call()).status).toBe(200);
    const before = holder.spy.requests.length;
    await expect(ask(group, alice.text, session, former)).rejects.toBeDefined();
    expect(holder.spy.requests.length).toBe(before);
  });

  test('is closed to everybody while the server has no authorities', async () => {
    const { group, alice, holder, session, before } = await twoPods();
    const peer = await certify(group.authority, aPod(THERE));
    holder.publish([alice], []);
    await expect(ask(group, alice.text, session, peer)).rejects.toBeDefined();
    expect(holder.spy.requests.length).toBe(before);
  });
});

test('A1 what peers tell each other is nothing when a client says it', async () => {
  const { alice, holder, other, session, before } = await twoPods();
  const claims = ['X-MCP-Gateway-Peer-Client: 203.0.113.9', 'X-MCP-Gateway-Peer-Request: chosen'];
  expect((await sendRaw(holder.sidecar.port, aCall(alice.text, ECHO, [...withSession(session), ...claims]))).status).toBe(200);
  expect((await sendRaw(other.sidecar.port, aCall(alice.text, ECHO, [...withSession(session), ...claims]))).status).toBe(200);
  for (const index of [before, before + 1]) {
    const seen = await holder.spy.request(index);
    expect([seen.values('x-mcp-gateway-peer-client'), seen.values('x-mcp-gateway-peer-request')]).toEqual([[], []]);
  }
  await other.sidecar.audited(({ event }) => event === 'tools/call');
  for (const text of [holder, other].map(({ sidecar }) => sidecar.auditText())) expect(text).not.toMatch(/203\.0\.113\.9|chosen/);
});
