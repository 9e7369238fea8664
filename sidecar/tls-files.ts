/** The serving certificate and key, read from files and read again when they change. A bad pair never replaces a good one. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errorCodeOf } from '../runtime/error-code.ts';

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
export function readTlsFiles(files: TlsFiles, nowMs: number): TlsMaterial {
  return requireUsable(readPair(files), files, nowMs);
}

function readPair({ certFile, keyFile }: TlsFiles): TlsMaterial {
  return { cert: read(certFile), key: read(keyFile) };
}

function requireUsable({ cert, key }: TlsMaterial, { certFile, keyFile }: TlsFiles, nowMs: number): TlsMaterial {
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

/** Calls `changed` when the content of the pair has changed and is good, `refused` once per bad content and fault. */
export function watchTlsFiles(initial: TlsMaterial, deps: TlsWatcherDeps): { stop(): void } {
  let last = initial;
  let refused = { cert: '', key: '', problem: '' };
  const timer = setInterval(() => {
    let found = { cert: '', key: '' };
    try {
      found = readPair(deps.files);
      // Judged even if it is not new: a certificate that expires in use is worth a word, one of tomorrow becomes good.
      const next = requireUsable(found, deps.files, deps.nowMs());
      if (next.cert === last.cert && next.key === last.key) return;
      last = next;
      deps.changed(next);
    } catch (cause) {
      if (!(cause instanceof TlsFileError)) throw cause;
      if (found.cert === refused.cert && found.key === refused.key && cause.message === refused.problem) return;
      refused = { ...found, problem: cause.message };
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
    throw new TlsFileError(`${path}: cannot be read (${errorCodeOf(cause) ?? 'error'})`);
  }
}

function parse<T>(path: string, expected: string, attempt: () => T): T {
  try {
    return attempt();
  } catch {
    throw new TlsFileError(`${path}: is not ${expected}`);
  }
}
