/** This replica's copy of what it needs of the cluster: our kinds, guarded pods, namespaces, and the ledger. */
import { INJECTED, LEDGER_LABEL, SERVER_LABEL } from '../api/annotations.ts';
import type { GatewayToken, MCPServer } from '../api/v1alpha1/index.ts';
import { serversNamedBy } from '../core/bundle/token-grants.ts';
import { createClusterObjectReader } from '../manifest/cluster-object.ts';
import { isRecord, own, ownString } from '../manifest/record.ts';
import type { Logger } from '../runtime/log.ts';
import type { KubeClient } from './kube/client.ts';
import type { Condition } from './kube/conditions.ts';
import { createInformer } from './kube/informer.ts';
import type { Informer } from './kube/informer.ts';
import type { KubeMetrics } from './kube/kube-metrics.ts';
import type { KubeObject } from './kube/kube-object.ts';
import { GATEWAY_TOKENS, MCP_SERVERS, NAMESPACES, PODS, SECRETS } from './kube/resources.ts';
import type { Resource } from './kube/resources.ts';
import type { Scheduler } from './kube/scheduler.ts';
import { readShard } from './ledger/shards.ts';
import type { LedgerShard } from './ledger/shards.ts';

/** An object of ours with its status, which is shown and compared, never an input. */
export interface Declared<T> {
  readonly object: T;
  readonly status: unknown;
  readonly conditions: readonly Condition[];
}

export interface GuardedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Name of the MCPServer that its label names. */
  readonly server: string;
  /** It runs, or will, and is not being deleted. */
  readonly isLive: boolean;
  /** It is being deleted: what it does from now on depends on how far it has come with that. */
  readonly isEnding: boolean;
  /** What was injected into it; `undefined`: nothing. */
  readonly injected: string | undefined;
  /** All its addresses; none before its node has given it any. */
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Ports of its containers that have a name, by which a Service may target them. */
  readonly namedPorts: readonly NamedPort[];
}

export interface NamedPort {
  readonly name: string;
  readonly port: number;
}

export interface NamespaceView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ClusterView {
  readonly servers: Informer<Declared<MCPServer>>;
  readonly tokens: Informer<Declared<GatewayToken>>;
  readonly pods: Informer<GuardedPod>;
  readonly namespaces: Informer<NamespaceView>;
  readonly shards: Informer<LedgerShard>;
  hasSynced(): boolean;
  /** Resolves when every copy is complete. */
  readonly synced: Promise<void>;
  /** How far each kind that bundles are made of has been seen, as `<kind>` to version; `undefined` before all are complete. */
  positions(): Readonly<Record<string, string>> | undefined;
  /** Monotonic time at which the copy that lags most was known to be true; `undefined` before all are complete. */
  progressMs(): number | undefined;
  run(signal: AbortSignal): Promise<void>;
}

export interface ClusterViewDeps {
  readonly client: KubeClient;
  /** The operator's own. */
  readonly namespace: string;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
  readonly random: () => number;
}

/** By the server that a pod's label names. */
export const PODS_OF_SERVER = 'server';
/** By each server that a permission of the token names. */
export const TOKENS_OF_SERVER = 'server';

export function createClusterView(deps: ClusterViewDeps): ClusterView {
  const { namespace, ...shared } = deps;
  const readServer = createClusterObjectReader('MCPServer');
  const readToken = createClusterObjectReader('GatewayToken');
  const inform = <T extends object>(resource: Resource, parse: (object: KubeObject) => T, more: object = {}): Informer<T> =>
    createInformer<T>({ ...shared, resource, parse, ...more });
  const servers = inform(MCP_SERVERS, (raw) => declared(raw, readServer(raw)));
  const tokens = inform<Declared<GatewayToken>>(GATEWAY_TOKENS, (raw) => declared(raw, readToken(raw)), {
    indexers: { [TOKENS_OF_SERVER]: ({ object }: Declared<GatewayToken>) => [...serversNamedBy(object)] },
  });
  const pods = inform<GuardedPod>(PODS, readPod, { labelSelector: SERVER_LABEL, indexers: { [PODS_OF_SERVER]: (pod: GuardedPod) => [`${pod.namespace}/${pod.server}`] } });
  const namespaces = inform<NamespaceView>(NAMESPACES, ({ metadata }) => ({ name: metadata.name, labels: textsOf(metadata['labels']) }));
  const shards = inform(SECRETS, readShard, { namespace, labelSelector: LEDGER_LABEL, name: 'LedgerShard' });
  const all: readonly Informer<object>[] = [servers, tokens, pods, namespaces, shards];
  return {
    servers,
    tokens,
    pods,
    namespaces,
    shards,
    hasSynced: () => all.every((each) => each.hasSynced()),
    synced: Promise.all(all.map((each) => each.synced)).then(() => undefined),
    positions() {
      const sources = [['MCPServer', servers], ['GatewayToken', tokens], ['Secret', shards]] as const;
      const entries = sources.map(([kind, informer]) => [kind, informer.lastProgress()?.resourceVersion] as const);
      const known = entries.filter((entry): entry is readonly [typeof entry[0], string] => entry[1] !== undefined);
      return known.length === entries.length && all.every((each) => each.hasSynced()) ? Object.fromEntries(known) : undefined;
    },
    progressMs() {
      const times = all.map((each) => each.lastProgress()?.monotonicMs);
      return times.includes(undefined) ? undefined : Math.min(...times.filter((time) => time !== undefined));
    },
    async run(signal) {
      await Promise.all(all.map((each) => each.run(signal)));
    },
  };
}

function declared<T>(raw: KubeObject, object: T): Declared<T> {
  const status = raw['status'];
  const conditions = own(status, 'conditions');
  return { object, status, conditions: Array.isArray(conditions) ? conditions.filter(isCondition) : [] };
}

function isCondition(value: unknown): value is Condition {
  const texts = ['type', 'status', 'reason', 'message', 'lastTransitionTime'];
  return isRecord(value) && texts.every((name) => typeof value[name] === 'string');
}

function readPod(raw: KubeObject): GuardedPod {
  const { metadata } = raw;
  const { namespace, name, uid } = metadata;
  const labels = textsOf(metadata['labels']);
  const server = labels[SERVER_LABEL];
  if (namespace === undefined || uid === undefined || server === undefined) throw new TypeError('metadata: a guarded pod has a namespace, a uid and a label');
  const phase = ownString(raw['status'], 'phase');
  // One that is being deleted answers calls to the end of its grace period: until then it must be told of revocations.
  const isLive = phase !== 'Succeeded' && phase !== 'Failed';
  const injected = textsOf(metadata['annotations'])[INJECTED];
  const ips = listOf(raw['status'], 'podIPs').flatMap((entry) => ownString(entry, 'ip') ?? []);
  return { namespace, name, uid, server, isLive, isEnding: own(metadata, 'deletionTimestamp') !== undefined, injected, ips, labels, namedPorts: namedPortsOf(raw['spec']) };
}

function namedPortsOf(spec: unknown): readonly NamedPort[] {
  const containers = [...listOf(spec, 'initContainers'), ...listOf(spec, 'containers')];
  return containers.flatMap((container) => listOf(container, 'ports')).flatMap((entry) => {
    const name = ownString(entry, 'name');
    const port = own(entry, 'containerPort');
    return name === undefined || typeof port !== 'number' ? [] : [{ name, port }];
  });
}

function listOf(parent: unknown, member: string): readonly unknown[] {
  const value = own(parent, member);
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
