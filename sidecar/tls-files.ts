/** The serving certificate and key, read from files and read again when they change. A bad pair never replaces a good one. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What is wrong with a file, by its path; never any of its content. */
export class TlsFileError extends Error {}

/** Guaranteed: both parse, the key belongs to the certificate, and the certificate is within its dates at `nowMs`. */
export function readTlsFiles({ certFile, keyFile }: TlsFiles, nowMs: number): TlsMaterial {
  const cert = read(certFile);
  const key = read(keyFile);
  const certificate = parse(certFile, 'a PEM certificate', () => new X509Certificate(cert));
  const privateKey = parse(keyFile, 'an unencrypted PEM private key', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) throw new TlsFileError(`${keyFile}: is not the key of the certificate in ${certFile}`);
  if (nowMs > Date.parse(certificate.validTo)) throw new TlsFileError(`${certFile}: the certificate expired at ${certificate.validTo}`);
  if (nowMs < Date.parse(certificate.validFrom)) throw new TlsFileError(`${certFile}: the certificate is not valid before ${certificate.validFrom}`);
  parse(certFile, 'usable for TLS 1.2 or later', () => createSecureContext({ cert, key, minVersion: 'TLSv1.2' }));
  return { cert, key };
}

export interface TlsWatcherDeps {
  readonly files: TlsFiles;
  nowMs(): number;
  changed(material: TlsMaterial): void;
  refused(cause: TlsFileError): void;
}

/** Polls, because mounted Secrets change by symlink swap, which file events of the target do not show. */
const POLL_MS = 500;

/** Calls `changed` when the content of the pair has changed and is good, `refused` once per bad content. */
export function watchTlsFiles(initial: TlsMaterial, deps: TlsWatcherDeps): { stop(): void } {
  let last = initial;
  let lastRefusal = '';
  const timer = setInterval(() => {
    try {
      const next = readTlsFiles(deps.files, deps.nowMs());
      lastRefusal = '';
      if (next.cert === last.cert && next.key === last.key) return;
      last = next;
      deps.changed(next);
    } catch (cause) {
      if (!(cause instanceof TlsFileError)) throw cause;
      if (cause.message === lastRefusal) return;
      lastRefusal = cause.message;
      deps.refused(cause);
    }
  }, POLL_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
    throw new TlsFileError(`${path}: cannot be read (${code})`);
  }
}

function parse<T>(path: string, expected: string, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    throw new TlsFileError(`${path}: is not ${expected}`);
  }
}
