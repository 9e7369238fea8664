import { generateKeyPairSync } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readTlsFiles, TlsFileError, watchTlsFiles } from '../../../sidecar/tls-files.ts';
import type { TlsFiles, TlsMaterial } from '../../../sidecar/tls-files.ts';
import type { Authority, CertifiedKey } from '../../kit/certificates.ts';
import { createAuthority } from '../../kit/certificates.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const HOUR = 3_600_000;
const newDirectory = temporaryDirectories();
let authority: Authority;
let good: CertifiedKey;
let other: CertifiedKey;
beforeAll(async () => {
  authority = await createAuthority();
  [good, other] = await Promise.all([authority.issue(), authority.issue()]);
});

function written(pair: CertifiedKey): TlsFiles {
  const directory = newDirectory();
  const files = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') };
  write(files, pair);
  return files;
}

function write({ certFile, keyFile }: TlsFiles, { cert, key }: CertifiedKey): void {
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
}

function problemOf(files: TlsFiles, nowMs = Date.now()): string {
  try {
    readTlsFiles(files, nowMs);
  } catch (cause) {
    if (cause instanceof TlsFileError) return cause.message;
    throw cause;
  }
  throw new Error('it was accepted');
}

describe('the serving certificate', () => {
  test('is read with its chain and its key as they are', () => {
    const chained = { cert: `${good.cert}\n${authority.cert}\n`, key: good.key };
    expect(readTlsFiles(written(chained), Date.now())).toEqual(chained);
  });

  const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } }).privateKey;
  test.each<[string, () => CertifiedKey, (files: TlsFiles) => string]>([
    ['is not one', () => ({ cert: 'SECRET', key: good.key }), ({ certFile }) => `${certFile}: is not a PEM certificate`],
    ['is half written', () => ({ cert: good.cert.slice(0, 200), key: good.key }), ({ certFile }) => `${certFile}: is not a PEM certificate`],
    ['is empty', () => ({ cert: '', key: good.key }), ({ certFile }) => `${certFile}: is not a PEM certificate`],
    ['has no key', () => ({ cert: good.cert, key: 'SECRET' }), ({ keyFile }) => `${keyFile}: is not an unencrypted PEM private key`],
    ['has an encrypted key', () => ({ cert: good.cert, key: encrypted }), ({ keyFile }) => `${keyFile}: is not an unencrypted PEM private key`],
    ['has the key of another', () => ({ cert: good.cert, key: other.key }), ({ certFile, keyFile }) => `${keyFile}: is not the key of the certificate in ${certFile}`],
  ])('that %s is named by its path, and nothing of its content is', (_name, pair, expected) => {
    const files = written(pair());
    expect(problemOf(files)).toBe(expected(files));
  });

  test('that cannot be read is named with the reason', () => {
    const files = written(good);
    rmSync(files.keyFile);
    expect(problemOf(files)).toBe(`${files.keyFile}: cannot be read (ENOENT)`);
  });

  test('is refused before and after its dates', () => {
    const files = written(good);
    expect(problemOf(files, Date.now() + 2 * HOUR)).toMatch(/tls\.crt: the certificate expired at /);
    expect(problemOf(files, Date.now() - 2 * HOUR)).toMatch(/tls\.crt: the certificate is not valid before /);
  });
});

describe('the watch', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['Date'] }));
  afterEach(() => void jest.useRealTimers());

  function watching(): { files: TlsFiles; changes: TlsMaterial[]; refusals: string[]; later(byMs?: number): void; stop(): void } {
    const files = written(good);
    const changes: TlsMaterial[] = [];
    const refusals: string[] = [];
    let nowMs = Date.now();
    const watcher = watchTlsFiles(good, { files, nowMs: () => nowMs, changed: (next) => changes.push(next), refused: ({ message }) => refusals.push(message) });
    const later = (byMs = 0): void => {
      nowMs += byMs;
      jest.advanceTimersByTime(2000);
    };
    return { files, changes, refusals, later, stop: () => watcher.stop() };
  }

  test('says nothing while nothing changes', () => {
    const { changes, refusals, later, stop } = watching();
    later();
    expect([changes, refusals]).toEqual([[], []]);
    stop();
  });

  test('reports a good pair once', () => {
    const { files, changes, later, stop } = watching();
    write(files, other);
    later();
    expect(changes).toEqual([other]);
    stop();
  });

  test('reports each bad content once, replaces nothing, and goes on to the next good one', () => {
    const { files, changes, refusals, later, stop } = watching();
    writeFileSync(files.certFile, 'bad');
    later();
    expect(refusals).toHaveLength(1);
    writeFileSync(files.certFile, 'bad in another way');
    later();
    expect(refusals).toEqual([`${files.certFile}: is not a PEM certificate`, `${files.certFile}: is not a PEM certificate`]);
    expect(changes).toEqual([]);
    write(files, other);
    later();
    expect(changes).toEqual([other]);
    stop();
  });

  test('reports a file that is away once, and nothing when the same comes back', () => {
    const { files, changes, refusals, later, stop } = watching();
    rmSync(files.keyFile);
    later();
    write(files, good);
    later();
    expect([changes, refusals]).toEqual([[], [`${files.keyFile}: cannot be read (ENOENT)`]]);
    stop();
  });

  test('takes a certificate of tomorrow when tomorrow comes', async () => {
    const { files, changes, refusals, later, stop } = watching();
    const tomorrow = await authority.issue({ notBefore: new Date(Date.now() + 24 * HOUR), notAfter: new Date(Date.now() + 48 * HOUR) });
    write(files, tomorrow);
    later();
    expect([changes.length, refusals.length]).toEqual([0, 1]);
    later(25 * HOUR);
    expect(changes).toEqual([tomorrow]);
    stop();
  });

  test('says once that the certificate in use has expired', () => {
    const { refusals, later, stop } = watching();
    later(2 * HOUR);
    later();
    expect(refusals).toEqual([expect.stringContaining('the certificate expired at')]);
    stop();
  });

  test('ends when it is stopped', () => {
    const { files, changes, later, stop } = watching();
    stop();
    write(files, other);
    later();
    expect(changes).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
