/**
 * Whether the server can be reached without its sidecar: on the addresses of the pod, where others may connect, beside
 * loopback, where the sidecar does. Only reported: what an outsider can reach the operator tries for itself.
 */
import { STREAM_FORMAT } from '../api/bundle-stream.ts';
import type { ExposureReport } from '../api/bundle-stream.ts';
import type { TryConnect } from '../runtime/try-connect.ts';

export interface ExposureProbeDeps {
  /** All addresses of the pod. */
  readonly podIps: readonly string[];
  /** The server's port by the bundle in force; `undefined`: there is none. */
  readonly port: () => number | undefined;
  readonly tryConnect: TryConnect;
  readonly report: (report: ExposureReport) => void;
  /** Resolves after the delay or as soon as the signal is aborted. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

export interface ExposureProbe {
  /** Tries now and again until the signal is aborted; never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** There is a bundle, or another one: a port that was not tried yet is tried at once. */
  bundleChanged(): void;
}

/** Where the sidecar itself connects. */
const LOOPBACK = '127.0.0.1';
const EVERY_MS = 60_000;
/** The server starts after its sidecar. */
const AGAIN_MS = 2_000;

export function createExposureProbe({ podIps, port, tryConnect, report, pause }: ExposureProbeDeps): ExposureProbe {
  let triedPort: number | undefined;
  let wake: (() => void) | undefined;

  /** The first address that answers decides; without an answer on loopback a refusal says nothing. */
  async function probe(tried: number, signal: AbortSignal): Promise<ExposureReport['outcome']> {
    const targets = [LOOPBACK, ...podIps].map((address) => ({ address, port: tried }));
    const [loopback, ...outer] = await Promise.all(targets.map((target) => tryConnect(target, signal)));
    if (outer.includes('Connected')) return 'Exposed';
    return loopback === 'Connected' && outer.length > 0 && outer.every((outcome) => outcome === 'Refused') ? 'LoopbackOnly' : 'Unclear';
  }

  async function waitUnlessWoken(delayMs: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    wake = () => woken.abort();
    // The bundle changed while the former port was being tried.
    if (port() !== triedPort) wake();
    await pause(delayMs, AbortSignal.any([signal, woken.signal]));
    wake = undefined;
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        triedPort = port();
        const outcome = triedPort === undefined ? undefined : await probe(triedPort, signal);
        if (signal.aborted) return;
        if (triedPort !== undefined && outcome !== undefined) report({ format: STREAM_FORMAT, port: triedPort, outcome });
        await waitUnlessWoken(outcome === 'Unclear' ? AGAIN_MS : EVERY_MS, signal);
      }
    },
    bundleChanged() {
      if (port() !== triedPort) wake?.();
    },
  };
}
