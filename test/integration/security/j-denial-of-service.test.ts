/** Section J: what costs the sender little must not cost the gateway much, nor keep others out. */
import { pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Denial } from '../../../core/denial.ts';
import { authenticate } from '../../../sidecar/authenticate/authenticate.ts';
import { readRequestHead } from '../../../sidecar/request-head.ts';
import { buildSnapshot } from '../../../sidecar/snapshot/snapshot.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { createAuthority } from '../../kit/certificates.ts';
import { cpuMsOf } from '../../kit/cpu-time.ts';
import { startGateway } from '../../kit/gateway.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { openRaw, sendRaw } from '../../kit/raw-http.ts';
import { answerJson } from '../../kit/spy-scripts.ts';
import { startSpyUpstream } from '../../kit/spy-upstream.ts';
import { aChunkedCall, refuses, refusesAndCloses, stillServes } from './attacks.ts';

const SLOW = { deadlineMs: 18_000 } as const;

describe('slow and silent clients', () => {
  test('J1 E13 cuts a sender that says nothing, stalls in its head, or stalls in its TLS handshake', async () => {
    const plain = await guarded();
    const tls = await guarded({ tls: await (await createAuthority()).issue() });
    const silent = await openRaw(plain.sidecar.port, SLOW);
    const halfHead = await openRaw(plain.sidecar.port, SLOW);
    halfHead.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bear');
    const noHandshake = await openRaw(tls.sidecar.port, SLOW);
    const halfHello = await openRaw(tls.sidecar.port, SLOW);
    halfHello.write(Buffer.from('160301020001', 'hex'));
    const idleAfterTls = await openRaw(tls.sidecar.port, { ...SLOW, tls: { rejectUnauthorized: false } });
    await Promise.all([silent, halfHead, noHandshake, halfHello, idleAfterTls].map((connection) => connection.untilClosed()));
    expect(halfHead.received().toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect([plain.spy.untouched, tls.spy.untouched]).toEqual([true, true]);
    expect(await tls.sidecar.metricsText()).toContain('mcpgateway_malformed_requests_total{code="ERR_TLS_HANDSHAKE_TIMEOUT"} 2');
    await stillServes(plain);
    await stillServes(tls, { tls: { rejectUnauthorized: false } });
  });
});

describe('large heads and bodies', () => {
  test.each([
    ['one header of 17 KiB', ['X-A: '.padEnd(17_408, 'a')]],
    ['many headers of 17 KiB together', Array.from({ length: 170 }, (_, i) => `X-${i}: `.padEnd(100, 'a'))],
    ['a name of 17 KiB', [`${'a'.repeat(17_408)}: 1`]],
    ['a token of 100 KB', [`X-API-Key: mgt_${'a'.repeat(100_000)}`]],
  ])('J2 refuses %s', async (_what, lines) => {
    const running = await guarded();
    await refusesAndCloses(running, aCall(running.text, ECHO, lines), 431);
    await stillServes(running);
  });

  test.each([1001, 3000])('J2 refuses %d headers', async (count) => {
    const running = await guarded();
    await refusesAndCloses(running, aCall(running.text, ECHO, Array.from({ length: count }, () => 'a:')), [400, 431]);
  });

  test.each([[8_192, [404]], [20_000, [400, 431]]])('J2 refuses a path of %d characters', async (length, statuses) => {
    const running = await guarded();
    await refuses(running, aCall(running.text, ECHO).replace('/mcp', `/${'a'.repeat(length)}`), statuses);
  });

  test('J2 refuses chunk extensions without bound', async () => {
    const running = await guarded();
    const bytes = aChunkedCall(running.text, JSON.stringify(ECHO)).replace(/\r\n\r\n([0-9a-f]+)/, `\r\n\r\n$1;${'a=b;'.repeat(10_000)}`);
    const connection = await openRaw(running.sidecar.port);
    connection.write(bytes);
    await connection.untilClosed();
    expect([connection.received().length, running.spy.untouched]).toEqual([0, true]);
    await stillServes(running);
  });

  test('J2 refuses trailers without bound', async () => {
    const running = await guarded();
    const connection = await openRaw(running.sidecar.port);
    connection.write(aChunkedCall(running.text, JSON.stringify(ECHO)).slice(0, -2) + `X-A: ${'a'.repeat(20_000)}\r\n\r\n`);
    await connection.untilClosed();
    expect(running.spy.untouched).toBe(true);
    await stillServes(running);
  });

  test.each([
    ['declared', (text: string) => aCall(text, 'x'.repeat(2000))],
    ['in chunks', (text: string) => aChunkedCall(text, 'x'.repeat(2000))],
  ])('J7 refuses a body beyond the limit, %s, without reading it whole', async (_how, bytesOf) => {
    const running = await guarded({ maxBodyBytes: 1000 });
    await refusesAndCloses(running, bytesOf(running.text), 413);
  });

  test('J7 takes a body that is exactly as large as the limit', async () => {
    const body = JSON.stringify(ECHO);
    const { sidecar, text } = await guarded({ maxBodyBytes: body.length });
    expect((await sendRaw(sidecar.port, aCall(text, body))).status).toBe(200);
    expect((await sendRaw(sidecar.port, aCall(text, `${body} `))).status).toBe(413);
  });

  test('J7 refuses a list answer without bound', async () => {
    const running = await guarded();
    running.spy.answerWith((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"jsonrpc":"2.0","id":7,"result":{"tools":["');
      const filler = Buffer.alloc(1_048_576, 'a');
      for (let i = 0; i < 20; i += 1) socket.write(filler);
    });
    const answer = await sendRaw(running.sidecar.port, aCall(running.text, { jsonrpc: '2.0', id: 7, method: 'tools/list' }));
    expect(answer.status).toBe(502);
    await running.spy.untilOpen(0);
  });
});

describe('floods', () => {
  test('J3 keeps to the bound on connections, and takes new ones as old ones go', async () => {
    const running = await guarded({ maxConnections: 5 });
    const held = await Promise.all(Array.from({ length: 5 }, () => openRaw(running.sidecar.port)));
    const beyond = await openRaw(running.sidecar.port);
    beyond.write(aCall(running.text, ECHO));
    await beyond.untilClosed();
    expect([beyond.received().length, running.spy.untouched]).toEqual([0, true]);
    const [first] = held;
    first?.write(aCall(running.text, ECHO, ['Connection: close']));
    await first?.untilClosed();
    await stillServes(running);
    for (const connection of held) connection.destroy();
  });

  test('J3 J4 answers the health port during a flood, and counts invalid tokens exactly instead of logging each', async () => {
    const spy = await startSpyUpstream({ script: answerJson() });
    const gateway = await startGateway({
      servers: [{ name: 'server', port: spy.port }],
      config: { listener: { address: '127.0.0.1', port: 0, plainHTTP: true, maxConnections: 20 }, audit: { unauthenticatedPerPeerPerMinute: 10 } },
    });
    const body = JSON.stringify(ECHO);
    const bytes = `POST ${gateway.path('server')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${aToken().text}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let batch = 0; batch < 20; batch += 1) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => sendRaw(gateway.port, bytes)));
      expect(answers.every(({ status }) => status === 401)).toBe(true);
    }
    const held = await Promise.all(Array.from({ length: 30 }, () => openRaw(gateway.port)));
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const health = await sendRaw(Number(new URL(gateway.adminUrl).port), `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      expect(health.status).toBe(200);
    }
    for (const connection of held) connection.destroy();
    const logged = gateway.logLines.length;
    await gateway.stop();
    const denied = gateway.auditLines().filter(({ reason }) => reason === 'ERR_CREDENTIAL_INVALID');
    const summary = gateway.auditLines().find(({ event }) => event === 'audit.refusals');
    expect(denied).toHaveLength(10);
    expect(summary).toMatchObject({ refusals: { count: 190, reasons: { ERR_CREDENTIAL_INVALID: 190 } } });
    expect(logged).toBeLessThan(20);
    expect(spy.untouched).toBe(true);
    await spy.stop();
  });

  test('J4 refuses two thousand unknown tokens with less CPU than forty derivations of a slow key take in the same process', () => {
    const snapshot = buildSnapshot([{ bundle: aBundle({ port: 1, tokens: [aToken()] }), upstreamHeaders: [] }], []);
    const server = snapshot.servers.get('uid-server');
    if (server === undefined) throw new Error('the server is missing');
    const heads = Array.from({ length: 2000 }, () =>
      readRequestHead({ method: 'GET', url: '/mcp', httpVersion: '1.1', rawHeaders: ['Host', 'localhost', 'Authorization', `Bearer ${aToken().text}`] }, new Set()));
    const codes = new Map<unknown, number>();
    const refusing = cpuMsOf(() => {
      for (const head of heads) {
        const code = codeOf(() => authenticate(head, server, 0));
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    });
    const deriving = cpuMsOf(() => {
      // The default of a gateway that derives a key for each new session.
      for (let derivation = 0; derivation < 40; derivation += 1) pbkdf2Sync('token', 'salt', 100_000, 32, 'sha256');
    });
    expect(codes).toEqual(new Map([['ERR_CREDENTIAL_INVALID', 2000]]));
    expect(refusing).toBeLessThan(deriving);
  });
});

function codeOf(attempt: () => unknown): unknown {
  try {
    attempt();
    return 'accepted';
  } catch (error) {
    return error instanceof Denial ? error.code : error;
  }
}
