/** Puts the parts of a sidecar together and owns them: what it starts it stops. */
import type { Clock } from '../runtime/clock.ts';
import { Denial } from '../core/denial.ts';
import { createListener } from './listener.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { createOpenExchanges, isEndless } from './open-exchanges.ts';
import { createPipeline } from './pipeline.ts';
import type { Pipeline, PipelineOptions } from './pipeline.ts';
import { createPeers } from './peer/peers.ts';
import type { PeerSettings } from './peer/peers.ts';
import { createForwarder } from './proxy/forward.ts';
import { createSend } from './proxy/send.ts';
import type { Recorder } from './recorder.ts';
import { createRequestIds } from './request-id.ts';
import { tokenChanges } from './snapshot/token-changes.ts';
import type { CurrentSnapshot } from './snapshot/current.ts';
import type { TlsMaterial } from './tls-files.ts';

export interface SidecarDeps {
  readonly current: CurrentSnapshot;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly listener: ListenerOptions;
  readonly pipeline: PipelineOptions;
  /** Absent: no other sidecar serves the same server. */
  readonly peers?: PeerSettings;
}

export interface Sidecar {
  start(): Promise<{ readonly address: string; readonly port: number }>;
  setTls(material: TlsMaterial): void;
  /** What it proves itself with to the other sidecars of its server. */
  setPeerCertificate(certificate: TlsMaterial): void;
  /** Accepts no connection, ends the servers' own streams, waits up to `graceMs` for running calls, then cuts them. */
  drain(graceMs: number): Promise<void>;
}

/** How late the stream of an expired credential may be cut. */
const EXPIRY_CHECK_MS = 500;

export function createSidecar(deps: SidecarDeps): Sidecar {
  const { current, clock, recorder } = deps;
  const open = createOpenExchanges(clock);
  const forwarder = createForwarder();
  const peers = deps.peers === undefined ? undefined : createPeers(deps.peers, { clock, handle: (...exchange) => pipeline.handleFromPeer(...exchange), malformed: recorder.malformed });
  const send = createSend({ forwarder, peers, open, streamStarted: (exchange) => recorder.streamStarted(exchange) });
  const pipeline: Pipeline = createPipeline({ requestId: createRequestIds(), current, clock, send, recorder, options: deps.pipeline });
  const listener: Listener = createListener(deps.listener, { handle: pipeline.handle, malformed: recorder.malformed });
  const listeners = [listener, ...(peers === undefined ? [] : [peers.listener])];
  const snapshot = current.get();
  if (snapshot !== undefined) peers?.setPolicy(snapshot);
  current.onChange((next, previous) => {
    const cut = open.rejudge(next);
    peers?.setPolicy(next);
    recorder.snapshotApplied(next, tokenChanges(previous, next, clock.nowMs()), cut);
  });
  current.onWithdraw(() => {
    open.cutAll('stale', new Denial('ERR_SNAPSHOT_UNAVAILABLE', 'The gateway has no current policy.'), () => true);
  });
  let expiry: NodeJS.Timeout | undefined;

  return {
    async start() {
      const bound = await listener.start();
      await peers?.listener.start();
      expiry = setInterval(() => open.cutExpired(), EXPIRY_CHECK_MS);
      return bound;
    },
    setTls: (material) => listener.setTls(material),
    setPeerCertificate: (certificate) => peers?.setCertificate(certificate),
    async drain(graceMs) {
      for (const each of listeners) each.stopAccepting();
      const leaving = new Denial('ERR_SHUTTING_DOWN', 'The gateway is shutting down.');
      open.cutAll('shutdown', leaving, isEndless);
      await withDeadline(Promise.all(listeners.map((each) => each.idle())), graceMs);
      open.cutAll('shutdown', leaving, () => true);
      clearInterval(expiry);
      await Promise.all(listeners.map((each) => each.closeAll()));
      await forwarder.close();
      await peers?.forwarder.close();
    },
  };
}

async function withDeadline(work: Promise<unknown>, deadlineMs: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, deadlineMs);
  await Promise.race([work, late]);
  clearTimeout(timer);
}
