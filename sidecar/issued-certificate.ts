/**
 * A certificate that the operator issues to this pod: for serving clients, or as a peer of the other sidecars. The key is
 * made here and never leaves the pod's memory-backed volume; the certificate is renewed long before it ends.
 */
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import type { Clock } from '../runtime/clock.ts';
import { errorCodeOf } from '../runtime/error-code.ts';
import type { Logger } from '../runtime/log.ts';
import { readTlsFiles } from './tls-files.ts';
import type { TlsFiles, TlsMaterial } from './tls-files.ts';

export interface IssuedCertificateDeps {
  /** For the log. */
  readonly purpose: 'serving' | 'peer';
  readonly files: TlsFiles;
  /** Asks any replica of the operator; rejects where none gives one. */
  readonly request: (publicKeyPem: string, signal: AbortSignal) => Promise<string>;
  /** Whether a certificate within its dates is still the right one; one that is not is replaced. Absent: it is. */
  readonly suits?: (certificate: X509Certificate) => boolean;
  /** There is a pair, from a former process or anew. */
  readonly obtained: (pair: TlsMaterial) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly retryMs: { readonly least: number; readonly most: number };
}

export interface IssuedCertificate {
  /** Resolves when a pair within its dates is there, from a former process or anew; tries until the signal is aborted. */
  obtain(signal: AbortSignal): Promise<void>;
  /** Renews in time, until the signal is aborted. Never rejects. */
  keep(signal: AbortSignal): Promise<void>;
  /** What `suits` goes by has changed: asked anew without waiting for the certificate's age. */
  reconsider(): void;
}

const MODE = 0o600;
/** Part of its life after which a certificate is renewed. */
const RENEWAL = 2 / 3;
const LONGEST_WAIT_MS = 3_600_000;

export function createIssuedCertificate({ purpose, files, request, suits = () => true, obtained, clock, log, retryMs }: IssuedCertificateDeps): IssuedCertificate {
  let waiting = new AbortController();

  async function renew(signal: AbortSignal): Promise<void> {
    const privateKeyPem = await ownKey(files.keyFile);
    const publicKeyPem = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
    await writeFileAtomic(files.certFile, await request(publicKeyPem, signal), { mode: MODE, replace: true });
    obtained(readTlsFiles(files, clock.nowMs()));
    log.info('certificate issued', { purpose, dueMs: Math.round(dueMs()) });
  }

  async function renewUntilDone(signal: AbortSignal): Promise<void> {
    for (let delayMs = retryMs.least; !signal.aborted; delayMs = Math.min(2 * delayMs, retryMs.most)) {
      try {
        await renew(signal);
        return;
      } catch (error) {
        if (!signal.aborted) log.warn('no certificate yet', { purpose, error, retryMs: delayMs });
      }
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Milliseconds until the next renewal; 0 or less: now. */
  function dueMs(): number {
    const certificate = readCertificate(files);
    return certificate === undefined || !suits(certificate) ? 0 : renewalOf(certificate) - clock.nowMs();
  }

  return {
    async obtain(signal) {
      const pair = usablePair(files, clock.nowMs());
      // One that is due still serves: nobody may be there who could renew it.
      if (pair === undefined) await renewUntilDone(signal);
      else obtained(pair);
    },
    async keep(signal) {
      while (!signal.aborted) {
        waiting = new AbortController();
        if (dueMs() <= 0) await renewUntilDone(signal);
        // Also after a renewal: where clocks differ widely the new one is due at once, and the operator must not be asked without a pause.
        const waitMs = Math.min(Math.max(dueMs(), retryMs.most), LONGEST_WAIT_MS);
        await sleep(waitMs, undefined, { signal: AbortSignal.any([signal, waiting.signal]) }).catch(() => undefined);
      }
    },
    reconsider: () => waiting.abort(),
  };
}

/** The key of a former process of this pod, or a new one. */
async function ownKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error;
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writeFileAtomic(path, pem, { mode: MODE, replace: true });
  return pem;
}

/** Absent, half-written or over: another one takes its place. */
function usablePair(files: TlsFiles, nowMs: number): TlsMaterial | undefined {
  try {
    return readTlsFiles(files, nowMs);
  } catch {
    return undefined;
  }
}

function readCertificate({ certFile }: TlsFiles): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(certFile));
  } catch {
    return undefined;
  }
}

/** When the certificate is due, by its own dates. */
function renewalOf({ validFrom, validTo }: X509Certificate): number {
  return Date.parse(validFrom) + (Date.parse(validTo) - Date.parse(validFrom)) * RENEWAL;
}
