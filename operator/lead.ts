/** What the leader does: it reconciles what changes, and what hangs on it. */
import type { Logger } from '../runtime/log.ts';
import type { ClusterView } from './cluster-view.ts';
import { tokenKeyOf } from './controllers/gateway-token/controller.ts';
import { serversOf } from './enforcement.ts';
import type { KubeMetrics } from './kube/kube-metrics.ts';
import type { Scheduler } from './kube/scheduler.ts';
import type { RunOptions } from './kube/work-queue.ts';
import { createWorkQueue } from './kube/work-queue.ts';
import type { ClusterLedger } from './ledger/ledger.ts';
import type { SidecarStreams } from './streams.ts';

export interface LeadDeps {
  readonly view: ClusterView;
  readonly ledger: Pick<ClusterLedger, 'tokens'>;
  readonly streams: Pick<SidecarStreams, 'onAcknowledged'>;
  readonly reconcileToken: RunOptions['reconcile'];
  readonly reconcileServer: RunOptions['reconcile'];
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
}

const WORKERS = 4;

/** Resolves when the signal is aborted and every reconcile has ended. */
export function createLead(deps: LeadDeps): (signal: AbortSignal) => Promise<void> {
  const { view, ledger, streams, reconcileToken, reconcileServer, clock, log, metrics } = deps;
  let acknowledged: ((server: string) => void) | undefined;
  streams.onAcknowledged((server) => acknowledged?.(server));

  /** Everything is looked at once at the start; from then on what changes, and what hangs on it. */
  return async function lead(signal) {
    const tokens = createWorkQueue({ name: 'gatewaytoken', clock, log, metrics });
    const servers = createWorkQueue({ name: 'mcpserver', clock, log, metrics });
    const addTokensOf = (server: string): void => {
      for (const { object } of view.tokens.list()) if (serversOf(object).includes(server)) tokens.add(tokenKeyOf(object.metadata));
    };
    const addServerAndTokens = (server: string): void => {
      servers.add(server);
      addTokensOf(server);
    };
    const stops = [
      view.tokens.onChange(({ namespace = '', name }) => tokens.add(`${namespace}/${name}`)),
      view.servers.onChange(({ namespace = '', name }) => addServerAndTokens(`${namespace}/${name}`)),
      view.pods.onChange((change) => {
        const pod = 'object' in change ? change.object : 'old' in change ? change.old : undefined;
        if (pod !== undefined) addServerAndTokens(`${pod.namespace}/${pod.server}`);
      }),
    ];
    acknowledged = addServerAndTokens;
    for (const { object } of view.servers.list()) servers.add(`${object.metadata.namespace}/${object.metadata.name}`);
    for (const { object } of view.tokens.list()) tokens.add(tokenKeyOf(object.metadata));
    // Entries of tokens that went away while nobody led.
    for (const entry of ledger.tokens()) tokens.add(tokenKeyOf(entry));
    await Promise.all([
      tokens.run({ workers: WORKERS, reconcile: reconcileToken, signal }),
      servers.run({ workers: WORKERS, reconcile: reconcileServer, signal }),
    ]);
    acknowledged = undefined;
    for (const stop of stops) stop();
  };
}
