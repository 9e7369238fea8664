/** One open stream to one pod: what is new is written as soon as the socket takes it, and heartbeats between. */
import type { ServerResponse } from 'node:http';
import { STREAM_FORMAT } from '../../api/bundle-stream.ts';
import type { ServerName } from '../../api/bundle-stream.ts';
import { encode } from './store.ts';
import type { BundleStore, PodIdentity } from './store.ts';

export interface OpenStream {
  readonly pod: PodIdentity;
  readonly server: ServerName;
  readonly expiresAtMs: number;
  /** Sends a heartbeat, unless what came before it is not read yet. */
  beat(): void;
  /** Ends it where the pod can go on elsewhere or ask again. */
  end(): void;
  /** Cuts it: nothing more gets out, not even what was written and not yet sent. */
  cut(): void;
}

export interface OpenStreamDeps {
  readonly store: BundleStore;
  readonly response: ServerResponse;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** Age of the newest evidence from the API server. */
  readonly progressAgeMs: () => number;
  closed(stream: OpenStream): void;
}

/** A pod that has taken nothing for this long is not there any more. */
const STALLED_MS = 60_000;

export function openStream(of: Pick<OpenStream, 'pod' | 'server' | 'expiresAtMs'>, deps: OpenStreamDeps): OpenStream {
  const { store, response } = deps;
  let blockedSinceMs: number | undefined;
  const stream: OpenStream = { ...of, beat, end: () => void response.end(), cut: () => void response.destroy() };
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  const subscription = store.subscribe(`${of.server.namespace}/${of.server.name}`, of.pod, { wake: pump, replaced: stream.cut });
  response.on('drain', () => {
    blockedSinceMs = undefined;
    pump();
  });
  response.on('close', () => {
    subscription.end();
    deps.closed(stream);
  });
  response.flushHeaders();
  pump();
  // At once: without it a bundle says nothing about how old it is.
  beat();
  return stream;

  function pump(): void {
    while (blockedSinceMs === undefined && !response.writableEnded) {
      const line = subscription.next();
      if (line === undefined) return;
      write(line);
    }
  }

  function beat(): void {
    if (blockedSinceMs !== undefined) {
      if (deps.monotonicMs() - blockedSinceMs > STALLED_MS) stream.cut();
      return;
    }
    // A server that nobody had published when the stream began may have to be retracted by now.
    pump();
    if (response.writableEnded || blockedSinceMs !== undefined) return;
    const progressAgeMs = Math.min(Math.ceil(Math.max(deps.progressAgeMs(), 0)), Number.MAX_SAFE_INTEGER);
    write(encode({ format: STREAM_FORMAT, type: 'heartbeat', epoch: store.epoch, progressAgeMs, nowMs: Math.round(deps.nowMs()) }));
  }

  function write(line: string): void {
    if (!response.write(line)) blockedSinceMs = deps.monotonicMs();
  }
}
