/** Section E as far as it concerns the serving certificate: versions, suites, names, protocols, and its replacement. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Authority, type CertifiedKey, createAuthority, writeCertifiedKey } from '../../kit/certificates.ts';
import { type Gateway, startGateway } from '../../kit/gateway.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded, type Guarded } from '../../kit/guarded.ts';
import { openRaw } from '../../kit/raw-http.ts';
import { clientHello, type HelloSettings } from './client-hello.ts';
import { stillServes } from './attacks.ts';

let authority: Authority;
let first: CertifiedKey;
let second: CertifiedKey;
beforeAll(async () => {
  authority = await createAuthority();
  first = await authority.issue({ commonName: 'first' });
  second = await authority.issue({ commonName: 'second' });
});

const trusting = (): ConnectionOptions => ({ ca: authority.cert, servername: 'localhost' });

function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ...trusting(), ...options }, () => resolve(socket));
    socket.once('error', (error) => {
      socket.destroy();
      reject(error);
    });
  });
}

async function servedName(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket = await handshake(port, options);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

/** `server-hello`, or the description of the alert, or `closed`. */
async function answerTo(running: Guarded, bytes: Buffer): Promise<string> {
  const connection = await openRaw(running.sidecar.port);
  connection.write(bytes);
  await new Promise<void>((resolve) => void connection.socket.once('data', () => resolve()).once('close', () => resolve()));
  const received = connection.received();
  connection.destroy();
  if (received.length === 0) return 'closed';
  return received[0] === 22 ? 'server-hello' : `alert ${String(received[6])}`;
}

describe('versions and suites', () => {
  test.each([['TLSv1.2'], ['TLSv1.3']] as const)('E12 speaks %s, and HTTP over it', async (version) => {
    const running = await guarded({ tls: first });
    await stillServes(running, { tls: { ...trusting(), minVersion: version, maxVersion: version } });
  });

  test.each<[string, HelloSettings, string]>([
    ['TLS 1.1', { version: 0x0302 }, 'alert 70'],
    ['TLS 1.0', { version: 0x0301 }, 'alert 70'],
    ['SSL 3.0', { version: 0x0300 }, 'alert 40'],
    ['version 0', { version: 0 }, 'alert 70'],
    ['NULL suites', { suites: [0xc006, 0xc010, 0x0002, 0x003b] }, 'alert 40'],
    ['anonymous suites', { suites: [0xc018, 0x00a6, 0x0034, 0x006c] }, 'alert 40'],
    ['export suites', { suites: [0x0003, 0x0006, 0x0008, 0x0014] }, 'alert 40'],
    ['RC4, DES and 3DES', { suites: [0x0005, 0xc007, 0x0009, 0x000a, 0xc008] }, 'alert 40'],
    ['no suite', { suites: [] }, 'alert 50'],
    ['no compression method', { compressions: [] }, 'alert 50'],
  ])('E12 refuses %s, before and after the certificate is replaced', async (_what, settings, expected) => {
    const running = await guarded({ tls: first });
    expect(await answerTo(running, clientHello(settings))).toBe(expected);
    running.sidecar.setTls(second);
    expect(await answerTo(running, clientHello(settings))).toBe(expected);
    expect(running.spy.untouched).toBe(true);
    await stillServes(running, { tls: trusting() });
  });

  test('E12 chooses no compression when it is offered', async () => {
    const running = await guarded({ tls: first });
    const connection = await openRaw(running.sidecar.port);
    connection.write(clientHello({ compressions: [1, 64, 0] }));
    await new Promise<void>((resolve) => void connection.socket.once('data', () => resolve()));
    const hello = connection.received().subarray(9);
    const sessionBytes = hello[34] ?? 0;
    expect(hello[34 + 1 + sessionBytes + 2]).toBe(0);
    connection.destroy();
  });

  test.each([['first'], ['second']])('E12 does not renegotiate under its %s certificate', async (which) => {
    const running = await guarded({ tls: first });
    if (which === 'second') running.sidecar.setTls(second);
    const socket = await handshake(running.sidecar.port, { maxVersion: 'TLSv1.2' });
    const outcome = new Promise<string>((resolve) => {
      socket.on('error', () => resolve('refused'));
      socket.on('close', () => resolve('refused'));
      socket.renegotiate({}, (error) => resolve(error === null ? 'renegotiated' : 'refused'));
    });
    expect(await outcome).toBe('refused');
    socket.destroy();
    await stillServes(running, { tls: trusting() });
  });

  test('E12 grants no early data in its tickets', async () => {
    const running = await guarded({ tls: first });
    const socket = await handshake(running.sidecar.port, { minVersion: 'TLSv1.3' });
    await new Promise((resolve) => void socket.once('session', resolve));
    const session = socket.getSession();
    if (session === undefined) throw new Error('no session');
    // RFC 8446 §4.2.10: a server that takes early data says in its ticket how much; OpenSSL keeps that as member 15.
    // Node puts the host name that was verified before it.
    const members = membersOf(session.subarray(session.indexOf(Buffer.from([0x30, 0x82]))));
    expect(members).toContain(0xa4);
    expect(members).not.toContain(0xaf);
    socket.destroy();
  });

  test.each([[['h2']], [['h2c']], [['spdy/3.1']], [['http/1.0']], [['h2', 'h3']]])('B22 negotiates none of the protocols %j', async (protocols) => {
    const running = await guarded({ tls: first });
    expect(await answerTo(running, clientHello({ protocols }))).toBe('alert 120');
    expect(running.spy.untouched).toBe(true);
  });

  test('B22 negotiates HTTP/1.1 where a client would rather have HTTP/2', async () => {
    const { sidecar } = await guarded({ tls: first });
    const socket = await handshake(sidecar.port, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });
});

describe('names', () => {
  test.each([
    ['absent', undefined],
    ['lower case', Buffer.from('localhost')],
    ['upper case', Buffer.from('LOCALHOST')],
    ['unknown', Buffer.from('unknown.example')],
    ['an IPv4 address', Buffer.from('127.0.0.1')],
    ['an IPv6 address', Buffer.from('::1')],
    ['a trailing dot', Buffer.from('localhost.')],
    ['255 bytes', Buffer.alloc(255, 'a')],
    ['300 bytes', Buffer.alloc(300, 'a')],
    ['a NUL', Buffer.from('local\0host')],
    ['a leading NUL', Buffer.from('\0')],
    ['empty', Buffer.alloc(0)],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x80])],
    ['a path', Buffer.from('../../etc/passwd')],
    ['__proto__', Buffer.from('__proto__')],
  ])('E7 survives a server name that is %s: one context for all, or an alert', async (_what, serverName) => {
    const running = await guarded({ tls: first });
    for (const recordBytes of [16_384, 40, 1]) {
      const answer = await answerTo(running, clientHello({ recordBytes, ...(serverName === undefined ? {} : { serverName }) }));
      expect(answer).toMatch(/^(?:server-hello|alert \d+)$/);
    }
    expect(running.spy.untouched).toBe(true);
    await stillServes(running, { tls: trusting() });
  });

  test('E7 asks for the credential under every name alike', async () => {
    const running = await guarded({ tls: first });
    for (const servername of ['localhost', 'LOCALHOST', 'unknown.example']) {
      const connection = await openRaw(running.sidecar.port, { tls: { ...trusting(), servername, checkServerIdentity: () => undefined } });
      connection.write(aCall('mgt_wrong', ECHO));
      expect((await connection.response()).status).toBe(401);
      connection.destroy();
    }
    expect(running.spy.untouched).toBe(true);
  });

  test.each([
    ['garbage', Buffer.from('\x16\x03\x01\xff\xffgarbage', 'latin1')],
    ['plain HTTP', Buffer.from('GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['an SSL 2 hello', Buffer.from('802e010002001500000010', 'hex')],
    ['an alert', Buffer.from('15030100020100', 'hex')],
    ['an extension that is longer than its list', clientHello({ serverName: Buffer.from('a') }).fill(0xff, 60)],
  ])('E7 ends the connection for %s instead of a ClientHello', async (_what, bytes) => {
    const running = await guarded({ tls: first });
    const connection = await openRaw(running.sidecar.port);
    connection.write(bytes);
    connection.socket.end();
    await connection.untilClosed();
    expect(connection.received().toString('latin1')).not.toContain('HTTP/');
    await stillServes(running, { tls: trusting() });
  });
});

describe('a new certificate', () => {
  test('E10 serves new handshakes, keeps open connections, and voids the tickets of the old one', async () => {
    const running = await guarded({ tls: first });
    const { port } = running.sidecar;
    const kept = await openRaw(port, { tls: trusting() });
    const socket = await handshake(port, { maxVersion: 'TLSv1.2' });
    const session = socket.getSession();
    socket.destroy();
    if (session === undefined) throw new Error('no session');
    const resumed = await handshake(port, { maxVersion: 'TLSv1.2', session });
    expect(resumed.isSessionReused()).toBe(true);
    resumed.destroy();
    running.sidecar.setTls(second);
    const afterwards = await handshake(port, { maxVersion: 'TLSv1.2', session });
    expect(afterwards.isSessionReused()).toBe(false);
    afterwards.destroy();
    expect(await servedName(port)).toBe('second');
    kept.write(aCall(running.text, ECHO));
    expect((await kept.response()).status).toBe(200);
    kept.destroy();
  });

  test('E10 is read from its files while the process runs; half-written, foreign or expired files change nothing and are named', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mcpgateway-tls-'));
    const files = await writeCertifiedKey(directory, first);
    const gateway = await startGateway({ servers: [{ name: 'server', port: 9 }], config: { listener: { address: '127.0.0.1', port: 0, tls: { certFile: files.cert, keyFile: files.key } } } });
    const expired = await authority.issue({ notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) });
    const refusals = [
      [files.cert, first.cert.slice(0, 200), 'is not a PEM certificate'],
      [files.cert, '', 'is not a PEM certificate'],
      [files.cert, second.cert, 'is not the key of the certificate'],
      [files.key, first.key.slice(0, 60), 'is not an unencrypted PEM private key'],
    ] as const;
    for (const [path, text, problem] of refusals) {
      await writeFile(path, text);
      await untilLogged(gateway, path, problem);
      expect(await servedName(gateway.port)).toBe('first');
    }
    await writeCertifiedKey(directory, expired);
    await untilLogged(gateway, files.cert, 'expired');
    expect(await servedName(gateway.port)).toBe('first');
    await writeCertifiedKey(directory, second);
    await untilLogged(gateway, files.cert, 'serving certificate replaced');
    expect(await servedName(gateway.port)).toBe('second');
    const log = gateway.logLines.join('\n');
    expect(log).not.toContain('PRIVATE KEY');
    expect((await gateway.stop()).code).toBe(0);
  });
});

/** The tags of the members of a DER sequence. */
function membersOf(der: Buffer): number[] {
  const tags: number[] = [];
  let at = endOfLength(der, 1).from;
  while (at < der.length) {
    tags.push(der[at] ?? 0);
    const { from, length } = endOfLength(der, at + 1);
    at = from + length;
  }
  return tags;
}

function endOfLength(der: Buffer, at: number): { readonly from: number; readonly length: number } {
  const first = der[at] ?? 0;
  if (first < 0x80) return { from: at + 1, length: first };
  return { from: at + 1 + (first & 0x7f), length: der.readUIntBE(at + 1, first & 0x7f) };
}

async function untilLogged(gateway: Gateway, path: string, text: string): Promise<void> {
  const deadline = performance.now() + 8000;
  while (!gateway.logLines.some((line) => line.includes(path) && line.includes(text))) {
    if (performance.now() > deadline) throw new Error(`not logged: ${text}\n${gateway.logLines.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
