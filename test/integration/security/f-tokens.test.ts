/** F: what is no credential, or no longer one, over raw sockets against the real sidecar and a spy. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { formatCredential, hashCredential } from '../../../core/credential.ts';
import { Denial } from '../../../core/denial.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { authenticate } from '../../../sidecar/authenticate/authenticate.ts';
import { readRequestHead } from '../../../sidecar/request-head.ts';
import { buildSnapshot } from '../../../sidecar/snapshot/snapshot.ts';
import { aRawRequest, bearer, expectRefused, JSON_TYPE, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { openRaw, type RawConnection, sendRaw } from '../../kit/raw-http.ts';
import { answerAfter, answerEvents, answerJson } from '../../kit/spy-scripts.ts';

const BODY = JSON.stringify(ECHO);
const withHeader = (line: string): Buffer => aRawRequest({ headers: [line, JSON_TYPE], body: BODY });

const connections: RawConnection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.destroy();
});
async function opened(port: number): Promise<RawConnection> {
  const connection = await openRaw(port);
  connections.push(connection);
  return connection;
}

function flipCase(text: string): string {
  return Array.from(text).map((char) => (char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase())).join('');
}

describe('what is not exactly a credential', () => {
  const VARIANTS: readonly (readonly [string, (text: string) => string])[] = [
    ['cut by one', (text) => text.slice(0, -1)],
    ['longer by one', (text) => `${text}0`],
    ['with its cases swapped', flipCase],
    ['in upper case', (text) => text.toUpperCase()],
    ['with a space inside', (text) => `${text.slice(0, 20)} ${text.slice(20)}`],
    ['with a tab inside', (text) => `${text.slice(0, 20)}\t${text.slice(20)}`],
    ['with a no-break space behind', (text) => `${text}\u00a0`],
    ['percent-encoded', (text) => text.replaceAll('_', '%5F')],
    ['percent-encoded as a whole', (text) => Array.from(text).map((char) => `%${char.charCodeAt(0).toString(16)}`).join('')],
    ['with a look-alike letter', (text) => text.replace('m', '\u0443')],
    ['with a full-width letter in UTF-8', (text) => Buffer.from(text.replace('m', '\uff4d')).toString('latin1')],
    ['in quotes', (text) => `"${text}"`],
    ['twice', (text) => text + text],
    ['with its own copy behind a comma', (text) => `${text},${text}`],
    ['with padding of base64', (text) => `${text}==`],
    ['of the right form that nobody minted', () => formatCredential({ generation: randomBytes(8), secret: randomBytes(32) }).text],
  ];

  test.each(VARIANTS)('F1 a token %s is refused with 401, as bearer token and as API key', async (_name, vary) => {
    const key = aToken({ name: 'bob', type: 'APIKey' });
    const running = await guarded({ tokens: [aToken(), key] });
    const asBearer = await expectRefused(running, withHeader(`Authorization: Bearer ${vary(running.text)}`), 401);
    const asKey = await expectRefused(running, withHeader(`X-API-Key: ${vary(key.text)}`), 401);
    expect([refusalCode(asBearer), refusalCode(asKey)]).toEqual(['ERR_CREDENTIAL_INVALID', 'ERR_CREDENTIAL_INVALID']);
  });

  test.each([
    ['Basic', (text: string) => `Basic ${text}`],
    ['Basic with the token in base64', (text: string) => `Basic ${Buffer.from(`:${text}`).toString('base64')}`],
    ['no scheme', (text: string) => text],
    ['a doubled space', (text: string) => `Bearer  ${text}`],
    ['a tab', (text: string) => `Bearer\t${text}`],
    ['no space', (text: string) => `Bearer${text}`],
    ['a colon', (text: string) => `Bearer: ${text}`],
    ['a comma and another scheme', (text: string) => `Bearer ${text}, Basic eDp5`],
    ['the scheme alone', () => 'Bearer'],
    ['nothing', () => ''],
    ['DPoP', (text: string) => `DPoP ${text}`],
    ['a Kelvin sign', (text: string) => `Bearer ${text}`.replace('B', '\u212a')],
    ['15 KB behind the scheme', () => `Bearer ${'a'.repeat(15_000)}`],
  ])('F2 an Authorization header with %s is refused with 401', async (_name, value) => {
    const running = await guarded();
    await expectRefused(running, withHeader(`Authorization: ${value(running.text)}`), 401);
  });

  test('F2 a header of 100 KB is refused with 431 before it is whole', async () => {
    await expectRefused(await guarded(), withHeader(`Authorization: Bearer ${'a'.repeat(100_000)}`), 431);
  });

  test.each(['bearer', 'BEARER', 'bEaReR'])('F2 the scheme may be written %s (RFC 9110 §11.1)', async (scheme) => {
    const { sidecar, text } = await guarded();
    expect((await sendRaw(sidecar.port, withHeader(`Authorization: ${scheme} ${text}`))).status).toBe(200);
  });

  test('F2 a token of one type does not pass as the other', async () => {
    const key = aToken({ type: 'APIKey' });
    await expectRefused(await guarded({ tokens: [key] }), withHeader(bearer(key.text)), 401);
    const token = aToken();
    await expectRefused(await guarded({ tokens: [token] }), withHeader(`X-API-Key: ${token.text}`), 401);
  });

  test('F2 an API key in two headers, and a key beside a token, are refused with 400', async () => {
    const key = aToken({ name: 'bob', type: 'APIKey' });
    const running = await guarded({ tokens: [aToken(), key] });
    const twice = aRawRequest({ headers: [`X-API-Key: ${key.text}`, `x-api-key: ${key.text}`, JSON_TYPE], body: BODY });
    await expectRefused(running, twice, 400);
    const both = aRawRequest({ headers: [bearer(running.text), `X-API-Key: ${key.text}`, JSON_TYPE], body: BODY });
    await expectRefused(running, both, 400);
    const empty = aRawRequest({ headers: [bearer(running.text), 'X-API-Key:', JSON_TYPE], body: BODY });
    await expectRefused(running, empty, 400);
  });

  test('F3 a wrong checksum is refused before any look-up', () => {
    const token = aToken();
    const snapshot = buildSnapshot([{ bundle: aBundle({ port: 1, tokens: [token] }), upstreamHeaders: [] }], []);
    const server = snapshot.servers.get('uid-server');
    if (server === undefined) throw new Error('no server');
    let lookUps = 0;
    const generations = { get: (id: string) => { lookUps += 1; return server.generations.get(id); } };
    const counting = { ...server, generations: generations as unknown as typeof server.generations };
    const wrong = `${token.text.slice(0, -1)}${token.text.endsWith('0') ? '1' : '0'}`;
    const attempt = (text: string): unknown => authenticate(headOf(text), counting, Date.now());
    expect(() => attempt(wrong)).toThrow(Denial);
    expect(lookUps).toBe(0);
    expect(attempt(token.text)).toBeDefined();
    expect(lookUps).toBe(1);
  });

  test('F14 the id and the hash, which anybody may read in the object, make no credential', async () => {
    const running = await guarded();
    const { generation } = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) });
    const id = running.text.slice(4, 12);
    const hash = hashCredential(running.text);
    const forged = formatCredential({ generation: Buffer.from(hash, 'hex'), secret: Buffer.from(hash, 'hex') }).text;
    for (const text of [hash, id, `mgt_${id}`, `mgt_${id}_${hash.slice(0, 43)}_${running.text.slice(-6)}`, forged, generation]) {
      await expectRefused(running, withHeader(bearer(text)), 401);
      await expectRefused(running, withHeader(`X-API-Key: ${text}`), 401);
    }
  });

  test.each([['of six characters', 'abc123'], ['a dictionary word', 'correct-horse'], ['of 4 KB', 'k'.repeat(4096)]])(
    'F18 a key %s is refused even where its hash has been registered',
    async (_name, key) => {
      const { token } = aToken({ type: 'APIKey' });
      const registered = { ...token, generations: token.generations.map((each) => ({ ...each, sha256: hashCredential(key) })) };
      const running = await guarded({ tokens: [{ text: key, token: registered }] });
      await expectRefused(running, withHeader(`X-API-Key: ${key}`), 401);
    },
  );
});

function headOf(text: string): ReturnType<typeof readRequestHead> {
  const rawHeaders = ['Host', 'localhost', 'Content-Type', 'application/json', 'Authorization', `Bearer ${text}`];
  return readRequestHead({ method: 'POST', url: '/mcp', httpVersion: '1.1', rawHeaders }, new Set());
}

describe('what a refusal tells', () => {
  test('F4 unknown, known by its id, revoked and expired give one answer, byte for byte but for the request id', async () => {
    const revoked = aToken({ name: 'bob', revoked: true });
    const expired = aToken({ name: 'carol', expiresAtMs: Date.now() - 1 });
    const running = await guarded({ tokens: [aToken(), revoked, expired] });
    const generation = Buffer.alloc(8);
    const secret = randomBytes(32);
    const unknown = formatCredential({ generation, secret }).text;
    const answers: string[] = [];
    for (const text of [unknown, sameGeneration(running.text), revoked.text, expired.text, `${unknown}x`]) {
      const { status, rawHeaders, text: body } = await expectRefused(running, withHeader(bearer(text)), 401);
      const id = rawHeaders.find(([name]) => name === 'X-MCP-Gateway-Request-Id')?.[1] ?? '';
      answers.push(JSON.stringify([status, rawHeaders.filter(([name]) => name !== 'Date'), body]).replaceAll(id, 'ID'));
    }
    expect(new Set(answers).size).toBe(1);
  });

  // Interleaved, so that whatever else the machine does meets all three alike; the median forgets the rest.
  test('F4 over 100,000 attempts no kind of wrong token takes longer than another', () => {
    const live = aToken();
    const revoked = aToken({ name: 'bob', revoked: true });
    const snapshot = buildSnapshot([{ bundle: aBundle({ port: 1, tokens: [live, revoked] }), upstreamHeaders: [] }], []);
    const server = snapshot.servers.get('uid-server');
    if (server === undefined) throw new Error('no server');
    const unknown = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) }).text;
    const kinds = [unknown, sameGeneration(live.text), revoked.text].map((text) => ({ head: headOf(text), times: [] as number[] }));
    for (let round = 0; round < 33_400; round += 1) {
      for (const { head, times } of kinds) {
        const startedMs = performance.now();
        mustRefuse(() => authenticate(head, server, 0));
        times.push(performance.now() - startedMs);
      }
    }
    const medians = kinds.map(({ times }) => times.sort((a, b) => a - b)[times.length >> 1] ?? 0);
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(1.5);
  });
});

/** `expect(…).toThrow` costs more than what is measured. */
function mustRefuse(refused: () => unknown): void {
  try {
    refused();
  } catch (error) {
    if (error instanceof Denial) return;
    throw error;
  }
  throw new Error('was not refused');
}

/** Another secret under the same public id. */
function sameGeneration(text: string): string {
  for (;;) {
    const { text: other } = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) });
    const body = `${text.slice(0, 13)}${other.slice(13, 56)}`;
    const checked = checksumOf(body);
    if (checked !== undefined) return checked;
  }
}

/** The checksum is no secret: an attacker writes a right one. */
function checksumOf(body: string): string | undefined {
  const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let crc = 0xffffffff;
  for (const byte of Buffer.from(body)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  let rest = (crc ^ 0xffffffff) >>> 0;
  let digits = '';
  for (let place = 0; place < 6; place += 1, rest = Math.floor(rest / 62)) digits = ALPHABET.charAt(rest % 62) + digits;
  return `${body}_${digits}`;
}

describe('the end of a credential', () => {
  const at = (nowMs: () => number) => ({ ...systemClock, nowMs });

  test('F8 a token works until the millisecond before its end and never at it, whatever the clock of others says', async () => {
    const endMs = 1_800_000_000_000;
    let nowMs = endMs - 1;
    const token = aToken({ expiresAtMs: endMs });
    const { sidecar, spy } = await guarded({ tokens: [token], clock: at(() => nowMs) });
    expect((await sendRaw(sidecar.port, aCall(token.text, ECHO))).status).toBe(200);
    const before = spy.requests.length;
    for (nowMs of [endMs, endMs + 1, endMs + 300_000]) {
      const refused = await sendRaw(sidecar.port, aCall(token.text, ECHO));
      expect([refused.status, refusalCode(refused)]).toEqual([401, 'ERR_CREDENTIAL_INVALID']);
    }
    nowMs = endMs - 300_000;
    expect(spy.requests.length).toBe(before);
    expect((await sendRaw(sidecar.port, aCall(token.text, ECHO))).status).toBe(200);
  });

  test.each([['its end comes', true], ['it is revoked', false]])('F8 F5 a token is refused when %s while its body is on its way', async (_name, expires) => {
    const endMs = 1_800_000_000_000;
    let nowMs = endMs - 1;
    const token = aToken({ expiresAtMs: endMs });
    const running = await guarded({ tokens: [token], clock: at(() => nowMs) });
    const connection = await opened(running.sidecar.port);
    const bytes = aRawRequest({ headers: [bearer(token.text), JSON_TYPE, 'Expect: 100-continue'], body: BODY });
    const headEnd = bytes.indexOf('\r\n\r\n') + 4;
    connection.write(bytes.subarray(0, headEnd));
    // Granted: the head has been accepted.
    await connection.untilReceived('100 Continue');
    if (expires) nowMs = endMs;
    else running.sidecar.publish([aBundle({ port: running.spy.port, tokens: [{ ...token, token: { ...token.token, revoked: true } }] })]);
    connection.write(bytes.subarray(headEnd));
    await connection.untilReceived('ERR_CREDENTIAL_INVALID');
    expect(running.spy.untouched).toBe(true);
  });

  test('F8 an open stream ends with its token', async () => {
    const endMs = 1_800_000_000_000;
    let nowMs = endMs - 1;
    const token = aToken({ expiresAtMs: endMs });
    const { sidecar, spy } = await guarded({ tokens: [token], clock: at(() => nowMs), spy: { script: answerEvents([': open\n\n']) } });
    const connection = await opened(sidecar.port);
    connection.write(aCall(token.text, ECHO));
    await connection.untilReceived(': open');
    nowMs = endMs;
    await connection.untilClosed();
    await spy.untilOpen(0);
  });

  test('F5 a revoked token is refused on every connection from the moment the change is in force', async () => {
    const token = aToken();
    const { sidecar, spy } = await guarded({ tokens: [token] });
    const kept = await Promise.all(Array.from({ length: 10 }, () => opened(sidecar.port)));
    for (const connection of kept) {
      connection.write(aCall(token.text, ECHO));
      expect((await connection.response()).status).toBe(200);
    }
    const before = spy.requests.length;
    sidecar.publish([aBundle({ port: spy.port, tokens: [{ ...token, token: { ...token.token, revoked: true } }] })]);
    for (const connection of kept) connection.write(aCall(token.text, ECHO));
    for (const connection of kept) expect((await connection.response()).status).toBe(401);
    expect(spy.requests.length).toBe(before);
  });

  test('F6 the result of a call that runs while its token is revoked is withheld, and the server is told by a close', async () => {
    const token = aToken();
    const gate = Promise.withResolvers<void>();
    const { sidecar, spy } = await guarded({ tokens: [token], spy: { script: answerAfter(gate.promise, answerJson({ jsonrpc: '2.0', id: 1, result: { late: 'the result' } })) } });
    const connection = await opened(sidecar.port);
    connection.write(aCall(token.text, ECHO));
    await spy.request(0);
    sidecar.publish([aBundle({ port: spy.port, tokens: [{ ...token, token: { ...token.token, revoked: true } }] })]);
    const refused = await connection.response();
    gate.resolve();
    expect([refused.status, refusalCode(refused)]).toEqual([401, 'ERR_CREDENTIAL_INVALID']);
    await spy.untilOpen(0);
    expect(connection.received().toString()).not.toContain('the result');
  });

  test('F6 a call that waits behind an open stream on the same connection is never carried out', async () => {
    const token = aToken();
    const { sidecar, spy } = await guarded({ tokens: [token], spy: { script: answerEvents([': open\n\n']) } });
    const connection = await opened(sidecar.port);
    connection.write(aCall(token.text, ECHO) + aCall(token.text, ECHO));
    await connection.untilReceived(': open');
    sidecar.publish([aBundle({ port: spy.port, tokens: [] })]);
    await connection.untilClosed();
    await spy.untilOpen(0);
    expect(spy.requests.length).toBe(1);
  });
});

describe('guessing', () => {
  test('F17 a flood of wrong tokens locks nobody out, and each is on record or in an exact count', async () => {
    const attempts = 1100;
    const running = await guarded();
    const wrong = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) }).text;
    for (let sent = 0; sent < attempts; sent += 1) await expectRefused(running, aCall(wrong, ECHO), 401);
    expect((await sendRaw(running.sidecar.port, aCall(running.text, ECHO))).status).toBe(200);
    await running.sidecar.stop();
    const single = running.sidecar.records.filter(({ reason }) => reason === 'ERR_CREDENTIAL_INVALID').length;
    const summaries = running.sidecar.records.flatMap(({ refusals }) => (refusals === undefined ? [] : [refusals as { count: number }]));
    const counted = summaries.reduce((sum, { count }) => sum + count, 0);
    expect(single).toBe(1000);
    expect(single + counted).toBe(attempts);
  });
});
