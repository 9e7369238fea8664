/** What the leader does: it reconciles what changes, and what hangs on it. */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../runtime/log.ts';
import type { BypassProber } from './bypass/prober.ts';
import type { ClusterView } from './cluster-view.ts';
import { TOKENS_OF_SERVER } from './cluster-view.ts';
import { tokenKeyOf } from './controllers/gateway-token/controller.ts';
import type { KubeMetrics } from './kube/kube-metrics.ts';
import type { Scheduler } from './kube/scheduler.ts';
import type { Outcome, RunOptions } from './kube/work-queue.ts';
import { createWorkQueue } from './kube/work-queue.ts';
import type { ClusterLedger } from './ledger/ledger.ts';
import type { AcknowledgementNews, SidecarStreams } from './streams.ts';

export interface LeadDeps {
  readonly view: ClusterView;
  readonly ledger: Pick<ClusterLedger, 'tokens'>;
  readonly streams: Pick<SidecarStreams, 'onAcknowledged' | 'onExposure'>;
  readonly reconcileToken: RunOptions['reconcile'];
  readonly reconcileServer: RunOptions['reconcile'];
  /** Resolves when what has changed until now is published: what a server is judged by must not be of before that. Tokens wait for it themselves. */
  readonly published: () => Promise<void>;
  readonly probe: BypassProber['probe'];
  /** Until its signal is aborted. */
  readonly writeUsage: (signal: AbortSignal) => Promise<void>;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
}

/** They wait most of the time: for the API server, for a publication. */
const WORKERS = { tokens: 16, servers: 4 };
/**
 * Pods that come and go change what the status of each of a server's tokens counts, and nothing that anybody waits for:
 * such a count is at most this old for each token that the server has, so that it never takes more than ten writes a second.
 */
const COUNT_AGE_MS = 100;
/** Between two attempts to get past the sidecars of a server. */
const PROBE_EVERY_MS = 60_000;
/** After a change: several of them come together. */
const PROBE_AFTER_MS = 1_000;

export interface Lead {
  /** Resolves when the signal is aborted and every reconcile has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** Looks at every token anew, where it runs: something that they all hang on has changed. */
  reconsiderTokens(): void;
}

export function createLead(deps: LeadDeps): Lead {
  const { view, ledger, streams, probe, writeUsage, clock, log, metrics } = deps;
  let reconsider: (() => void) | undefined;
  let acknowledged: ((news: AcknowledgementNews) => void) | undefined;
  let exposed: ((server: string) => void) | undefined;
  streams.onAcknowledged((news) => acknowledged?.(news));
  streams.onExposure((server) => exposed?.(server));

  /** Everything is looked at once at the start; from then on what changes, and what hangs on it. */
  async function run(signal: AbortSignal): Promise<void> {
    const tokens = createWorkQueue({ name: 'gatewaytoken', clock, log, metrics });
    const servers = createWorkQueue({ name: 'mcpserver', clock, log, metrics });
    // A queue of its own: attempts that nobody answers must not keep anything else waiting.
    const probes = createWorkQueue({ name: 'bypassprobe', clock, log, metrics });
    const addTokensOf = (server: string): void => {
      for (const { object } of view.tokens.byIndex(TOKENS_OF_SERVER, server)) tokens.add(tokenKeyOf(object.metadata));
    };
    const podsChanged = (server: string): void => {
      servers.add(server);
      const named = view.tokens.byIndex(TOKENS_OF_SERVER, server);
      for (const { object, conditions } of named) {
        const isEnforced = conditions.some(({ type, status }) => type === 'Enforced' && status === 'True');
        // Somebody may be waiting for one that is not.
        tokens.addAfter(tokenKeyOf(object.metadata), isEnforced ? COUNT_AGE_MS * named.length : 0);
      }
    };
    async function probeOnce(server: string, probing: AbortSignal): Promise<Outcome> {
      const outcome = await probe(server, probing);
      if (outcome === 'Changed') servers.add(server);
      return outcome === 'Gone' ? undefined : { requeueAfterMs: PROBE_EVERY_MS };
    }
    const stops = [
      view.tokens.onChange(({ namespace = '', name }) => tokens.add(`${namespace}/${name}`)),
      view.servers.onChange((change) => {
        const server = `${change.namespace ?? ''}/${change.name}`;
        servers.add(server);
        probes.addAfter(server, PROBE_AFTER_MS);
        const isSameSpec = change.type === 'updated' && change.old.object.metadata.generation === change.object.object.metadata.generation;
        if (!isSameSpec) addTokensOf(server);
      }),
      view.pods.onChange((change) => {
        // Their conditions change often, and none of that is known here.
        if (change.type === 'updated' && isDeepStrictEqual(change.object, change.old)) return;
        const pod = 'object' in change ? change.object : 'old' in change ? change.old : undefined;
        if (pod === undefined) return;
        podsChanged(`${pod.namespace}/${pod.server}`);
        probes.addAfter(`${pod.namespace}/${pod.server}`, PROBE_AFTER_MS);
      }),
    ];
    acknowledged = (news) => {
      if (news.isFirst) podsChanged(news.server);
      else servers.add(news.server);
      for (const name of news.tokens) tokens.add(tokenKeyOf(name));
    };
    exposed = servers.add;
    for (const { object } of view.servers.list()) {
      servers.add(`${object.metadata.namespace}/${object.metadata.name}`);
      probes.add(`${object.metadata.namespace}/${object.metadata.name}`);
    }
    reconsider = () => {
      for (const { object } of view.tokens.list()) tokens.add(tokenKeyOf(object.metadata));
    };
    reconsider();
    // Entries of tokens that went away while nobody led.
    for (const entry of ledger.tokens()) tokens.add(tokenKeyOf(entry));
    await Promise.all([
      tokens.run({ workers: WORKERS.tokens, reconcile: deps.reconcileToken, signal }),
      servers.run({ workers: WORKERS.servers, reconcile: reconcileServer, signal }),
      probes.run({ workers: WORKERS.servers, reconcile: probeOnce, signal }),
      writeUsage(signal),
    ]);
    acknowledged = undefined;
    reconsider = undefined;
    exposed = undefined;
    for (const stop of stops) stop();
  }

  async function reconcileServer(key: string, signal: AbortSignal): Promise<Outcome> {
    await deps.published();
    return deps.reconcileServer(key, signal);
  }

  return { run, reconsiderTokens: () => reconsider?.() };
}
