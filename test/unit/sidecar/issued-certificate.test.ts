import { X509Certificate } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { issuePeerCertificate } from '../../../pki/authority.ts';
import { createLogger } from '../../../runtime/log.ts';
import { createIssuedCertificate } from '../../../sidecar/issued-certificate.ts';
import type { IssuedCertificate } from '../../../sidecar/issued-certificate.ts';
import type { TlsMaterial } from '../../../sidecar/tls-files.ts';
import { aPeerAuthority } from '../../kit/peers.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const HOUR_MS = 3_600_000;
const authority = await aPeerAuthority();
const log = createLogger({ level: 'error', stream: new Writable({ write: (_chunk, _encoding, done) => done() }) });

const newDirectory = temporaryDirectories();
let files: { certFile: string; keyFile: string };
let nowMs: number;
/** How many were asked for, and what the next answers do instead of issuing one. */
let asked: number;
let failures: number;
let name: string;
let pairs: TlsMaterial[];
let notify: () => void;
let ending: AbortController;

beforeEach(() => {
  const directory = newDirectory();
  files = { certFile: join(directory, 'peer.crt'), keyFile: join(directory, 'peer.key') };
  nowMs = Date.now();
  [asked, failures, name, pairs, notify] = [0, 0, 'one.internal', [], () => undefined];
  ending = new AbortController();
});
afterEach(() => ending.abort());

function aCertificate(): IssuedCertificate {
  return createIssuedCertificate({
    purpose: 'peer',
    files,
    async request(publicKey) {
      asked += 1;
      if (failures-- > 0) throw new Error('no replica is there');
      return (await issuePeerCertificate(authority, { publicKey, dnsNames: [name], ipAddresses: [], nowMs: Date.now(), lifetimeMs: HOUR_MS / 2 })).certificatePem;
    },
    suits: (certificate) => certificate.checkHost(name) !== undefined,
    obtained(pair) {
      pairs.push(pair);
      notify();
    },
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    log,
    retryMs: { least: 1, most: 2 },
  });
}

const nextPair = (): Promise<void> => new Promise((resolve) => (notify = resolve));

describe('a certificate that the operator issues', () => {
  test('is asked for until there is one, for a key that stays in a file of its own', async () => {
    failures = 2;
    await aCertificate().obtain(ending.signal);
    expect([asked, pairs.length]).toEqual([3, 1]);
    expect((await stat(files.keyFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(files.certFile, 'utf8')).toBe(pairs[0]?.cert);
  });

  test('of a former process serves on, without anybody being asked, even if it is due', async () => {
    await aCertificate().obtain(ending.signal);
    nowMs += 0.9 * (HOUR_MS / 2);
    await aCertificate().obtain(ending.signal);
    expect([asked, pairs.length, pairs[1]?.cert]).toEqual([1, 2, pairs[0]?.cert]);
  });

  test('that is not there any more is asked for anew, for the same key', async () => {
    await aCertificate().obtain(ending.signal);
    const former = await readFile(files.keyFile, 'utf8');
    await rm(files.certFile);
    await aCertificate().obtain(ending.signal);
    expect([asked, pairs.length, pairs[1]?.key]).toEqual([2, 2, former]);
  });

  test('is renewed when it is due', async () => {
    const certificate = aCertificate();
    await certificate.obtain(ending.signal);
    nowMs += 0.7 * (HOUR_MS / 2);
    const renewed = nextPair();
    const keeping = certificate.keep(ending.signal);
    await renewed;
    ending.abort();
    await keeping;
    expect(asked).toBeGreaterThan(1);
  });

  test('is replaced at once when it does not suit any more, and left alone while it does', async () => {
    const certificate = aCertificate();
    await certificate.obtain(ending.signal);
    const keeping = certificate.keep(ending.signal);
    certificate.reconsider();
    await new Promise(setImmediate);
    expect(asked).toBe(1);
    name = 'another.internal';
    const replaced = nextPair();
    certificate.reconsider();
    await replaced;
    ending.abort();
    await keeping;
    expect(new X509Certificate(pairs.at(-1)?.cert ?? '').subjectAltName).toBe('DNS:another.internal');
  });
});
