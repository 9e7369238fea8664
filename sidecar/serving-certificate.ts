/**
 * The serving certificate that the operator issues. The key is made here and never leaves the pod's memory-backed volume;
 * the certificate is renewed long before it ends.
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
import type { TlsFiles } from './tls-files.ts';

export interface ServingCertificateDeps {
  readonly files: TlsFiles;
  /** Asks any replica of the operator; rejects where none gives one. */
  readonly request: (publicKeyPem: string, signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly retryMs: { readonly least: number; readonly most: number };
}

export interface ServingCertificate {
  /** Resolves when a usable pair is there, from a former process or anew; tries until the signal is aborted. */
  obtain(signal: AbortSignal): Promise<void>;
  /** Renews in time, until the signal is aborted. Never rejects. */
  keep(signal: AbortSignal): Promise<void>;
}

const MODE = 0o600;
/** Part of its life after which a certificate is renewed. */
const RENEWAL = 2 / 3;
const LONGEST_WAIT_MS = 3_600_000;

export function createServingCertificate({ files, request, clock, log, retryMs }: ServingCertificateDeps): ServingCertificate {
  async function renew(signal: AbortSignal): Promise<void> {
    const privateKeyPem = await ownKey(files.keyFile);
    const publicKeyPem = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
    await writeFileAtomic(files.certFile, await request(publicKeyPem, signal), { mode: MODE, replace: true });
    log.info('serving certificate issued', { until: new Date(renewalMs(files) ?? 0).toISOString() });
  }

  async function renewUntilDone(signal: AbortSignal): Promise<void> {
    for (let delayMs = retryMs.least; !signal.aborted; delayMs = Math.min(2 * delayMs, retryMs.most)) {
      try {
        await renew(signal);
        return;
      } catch (error) {
        if (!signal.aborted) log.warn('no serving certificate yet', { error, retryMs: delayMs });
      }
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    async obtain(signal) {
      if (!isUsable(files, clock.nowMs())) await renewUntilDone(signal);
    },
    async keep(signal) {
      while (!signal.aborted) {
        const dueMs = (renewalMs(files) ?? 0) - clock.nowMs();
        if (dueMs <= 0) await renewUntilDone(signal);
        // Also after a renewal: where clocks differ widely the new one is due at once, and the operator must not be asked without a pause.
        await sleep(Math.min(Math.max(dueMs, retryMs.most), LONGEST_WAIT_MS), undefined, { signal }).catch(() => undefined);
      }
    },
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

function isUsable(files: TlsFiles, nowMs: number): boolean {
  try {
    readTlsFiles(files, nowMs);
    return nowMs < (renewalMs(files) ?? 0);
  } catch {
    // Absent, half-written or over: another one takes its place.
    return false;
  }
}

/** When the certificate is due, by its own dates; `undefined`: there is none. */
function renewalMs({ certFile }: TlsFiles): number | undefined {
  try {
    const { validFrom, validTo } = new X509Certificate(readFileSync(certFile));
    return Date.parse(validFrom) + (Date.parse(validTo) - Date.parse(validFrom)) * RENEWAL;
  } catch {
    return undefined;
  }
}
