/**
 * The operator put together: a copy of the cluster and the published bundles on every replica, the controllers on the
 * leader. It owns what it starts.
 */
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { Logger } from '../runtime/log.ts';
import type { TryConnect } from '../runtime/try-connect.ts';
import { createBypassProber } from './bypass/prober.ts';
import type { ClusterView } from './cluster-view.ts';
import { PODS_OF_SERVER } from './cluster-view.ts';
import { createTokenController } from './controllers/gateway-token/controller.ts';
import type { TokenControllerDeps } from './controllers/gateway-token/controller.ts';
import { createServerController } from './controllers/mcp-server/controller.ts';
import type { AuthoritiesPem } from './controllers/mcp-server/derive.ts';
import type { PodExposure } from './controllers/mcp-server/exposure.ts';
import { createDeclaredHashes } from './declared-hashes.ts';
import type { DeclaredHashes } from './declared-hashes.ts';
import { createEnforcement } from './enforcement.ts';
import type { Enforcement } from './enforcement.ts';
import type { KubeClient } from './kube/client.ts';
import type { Condition } from './kube/conditions.ts';
import type { EventRecorder } from './kube/events.ts';
import type { KubeMetrics } from './kube/kube-metrics.ts';
import type { LeaderElection } from './kube/lease.ts';
import type { Scheduler } from './kube/scheduler.ts';
import { createLead } from './lead.ts';
import { createClusterLedger } from './ledger/ledger.ts';
import type { ClusterLedger } from './ledger/ledger.ts';
import { createPublisher } from './publisher.ts';
import type { Publisher } from './publisher.ts';
import type { PeerAuthorities } from './publisher.ts';
import type { SidecarStreams } from './streams.ts';
import { createTokenDeletions } from './token-deletions.ts';
import type { UsageMemory } from './usage/usage-memory.ts';
import { createUsageWriter } from './usage/usage-writer.ts';
import { injectedAnnotation } from './webhook/config-hash.ts';
import type { InjectionSettings } from './webhook/settings.ts';

export interface OperatorDeps {
  readonly client: KubeClient;
  readonly view: ClusterView;
  readonly streams: SidecarStreams;
  readonly usage: UsageMemory;
  readonly election: LeaderElection;
  readonly events: EventRecorder;
  readonly namespace: string;
  readonly config: () => GatewayConfig;
  readonly authorities: () => AuthoritiesPem;
  readonly peerAuthorities: () => PeerAuthorities;
  readonly settings: InjectionSettings;
  readonly tryConnect: TryConnect;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
}

export interface Operator {
  /** Every copy is complete and what is known is published. */
  isReady(): boolean;
  /** Tells sidecars how far this replica has seen, where nothing else did for a while, and forgets what is gone. Asked by whoever owns the timer. */
  refresh(): void;
  /** `config` gives another configuration from now on. */
  configChanged(): void;
  /** Until the signal is aborted, or leadership is lost: then `lost`, and the process should end. */
  run(signal: AbortSignal): Promise<'lost' | 'stopped'>;
}

export function createOperator(deps: OperatorDeps): Operator {
  const { client, view, streams, usage, election, clock, log, metrics } = deps;
  const ledger = createClusterLedger({ client, shards: view.shards, namespace: deps.namespace, isLeading: election.isLeader, clock });
  const declaredHashes = createDeclaredHashes({ entryOf: ledger.entry, declared: ledger.declared, tokenOf: ({ namespace, name }) => view.tokens.get(namespace, name)?.object });
  const publisher = createPublisher({
    servers: () => view.servers.list().map(({ object }) => object),
    tokens: () => view.tokens.list().map(({ object }) => object).filter(declaredHashes.admits),
    namespaceLabels: () => new Map(view.namespaces.list().map(({ name, labels }) => [name, labels])),
    ledger,
    config: deps.config,
    peerAuthorities: deps.peerAuthorities,
    positions: () => view.positions(),
    sink: streams,
    clock,
  });
  let isReady = false;

  const enforcement = createEnforcement({ view, streams, clock, annotationFor: (server) => injectedAnnotation(server, deps.settings) });
  const prober = createBypassProber({ client, view, tryConnect: deps.tryConnect, log });
  const record: EventRecorder['record'] = (occurrence) => deps.events.record(occurrence);

  const reconcileToken = createTokenController({
    client,
    ledger,
    isLeading: election.isLeader,
    sources: tokenSources(deps, { ledger, declaredHashes, publisher, enforcement }),
    published: () => publisher.published(),
    record,
    forgotten: createTokenDeletions({ view, record }),
    clock,
    log,
  });
  const reconcileServer = createServerController({
    client,
    ledger,
    sources: {
      server: ({ namespace, name }) => view.servers.get(namespace, name)?.object,
      status: ({ namespace, name }) => statusOf(view.servers.get(namespace, name)),
      problems: ({ namespace, name }) => publisher.problemsOf('MCPServer', namespace, name),
      sidecars: enforcement.ofServer,
      pods: ({ namespace, name }) => livePods(`${namespace}/${name}`, deps),
      bypass: ({ namespace, name }) => prober.findings(`${namespace}/${name}`),
      authorities: deps.authorities,
    },
    settings: deps.settings,
    record,
    clock,
    log,
  });

  const writeUsage = createUsageWriter({
    client,
    usage,
    tokenOf: ({ namespace, name }) => view.tokens.get(namespace, name),
    intervalMs: () => deps.config().tokens.usageIntervalSeconds * 1000,
    clock,
    log,
  });
  const lead = createLead({ view, ledger, streams, clock, log, metrics, reconcileToken, reconcileServer, published: publisher.published, probe: prober.probe, writeUsage });

  return {
    isReady: () => isReady,
    refresh() {
      if (!isReady) return;
      publisher.schedule();
      usage.keep(new Set(view.tokens.list().map(({ object }) => object.metadata.uid ?? '')));
    },
    // Whatever else is in it is looked up when it is needed; lifetime policies are applied by the leader, token by token.
    configChanged: lead.reconsiderTokens,
    async run(signal) {
      for (const informer of [view.servers, view.tokens, view.namespaces]) informer.onChange(() => isReady && publisher.schedule());
      ledger.onChange(() => isReady && publisher.schedule());
      const watching = Promise.all([view.run(signal), deps.events.run(signal)]);
      await Promise.race([view.synced, watching]);
      if (signal.aborted) return 'stopped';
      publisher.publish();
      isReady = true;
      const outcome = await election.campaign({ signal, lead: lead.run });
      if (outcome === 'stopped') await watching;
      return outcome;
    },
  };
}

interface TokenParts {
  readonly ledger: ClusterLedger;
  readonly declaredHashes: DeclaredHashes;
  readonly publisher: Publisher;
  readonly enforcement: Enforcement;
}

function tokenSources({ view, config }: OperatorDeps, { ledger, declaredHashes, publisher, enforcement }: TokenParts): TokenControllerDeps['sources'] {
  return {
    token: ({ namespace, name }) => view.tokens.get(namespace, name)?.object,
    isUnreadable: (token) => view.tokens.refusals().some(({ namespace, name }) => namespace === token.namespace && name === token.name),
    status: ({ namespace, name }) => statusOf(view.tokens.get(namespace, name)),
    entry: ledger.entry,
    entries: ledger.tokens,
    countIn: ledger.countIn,
    isRetired: declaredHashes.isRetired,
    namespaceLabels: (namespace) => view.namespaces.get(undefined, namespace)?.labels ?? {},
    config,
    problems: ({ namespace, name }) => publisher.problemsOf('GatewayToken', namespace, name),
    enforcement: enforcement.ofToken,
  };
}

function livePods(server: string, { view, streams }: Pick<OperatorDeps, 'view' | 'streams'>): readonly PodExposure[] {
  const reports = streams.exposures(server);
  const pods = view.pods.byIndex(PODS_OF_SERVER, server).filter(({ isLive }) => isLive);
  return pods.map(({ name, uid, isEnding }) => ({ name, uid, isEnding, report: reports.get(uid) }));
}

function statusOf(declared: { readonly status: unknown; readonly conditions: readonly Condition[] } | undefined) {
  return { whole: declared?.status, conditions: declared?.conditions ?? [] };
}
