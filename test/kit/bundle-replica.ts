/** A replica of the operator as far as bundles go, and a sidecar's source that follows some, over real TLS. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '../../api/bundle.ts';
import type { UsageReport } from '../../api/bundle-stream.ts';
import type { KnownPod } from '../../operator/bundle/pod-admission.ts';
import type { ReviewedPod } from '../../operator/bundle/review-cache.ts';
import { createBundleServer } from '../../operator/bundle/serve.ts';
import type { BundleServer } from '../../operator/bundle/serve.ts';
import { createBundleStore } from '../../operator/bundle/store.ts';
import type { BundleStore } from '../../operator/bundle/store.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/log.ts';
import { createOperatorSource } from '../../sidecar/snapshot/operator-source.ts';
import type { OperatorSource } from '../../sidecar/snapshot/operator-source.ts';
import type { Authority } from './certificates.ts';
import { aPodToken } from './pod-tokens.ts';

export const TLS_NAME = 'bundles.gateway.svc';
export const POD = { namespace: 'default', name: 'pod-a', uid: 'uid-pod-a' };
export const GOOD_TOKEN = aPodToken({ pod: POD, server: { namespace: 'default', name: 'server' } });

export const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent };

/** What the cluster says: shared by replicas, changed by tests. */
export interface FakeCluster {
  readonly pods: Map<string, KnownPod>;
  /** By token, then by server `<namespace>/<name>`. */
  readonly tokens: Map<string, ReadonlyMap<string, ReviewedPod>>;
  reviews: number;
}

export function aCluster(): FakeCluster {
  const reviewed: ReviewedPod = { podName: POD.name, podUid: POD.uid, namespace: POD.namespace };
  return {
    pods: new Map([[`${POD.namespace}/${POD.name}`, { uid: POD.uid, server: 'server' }]]),
    tokens: new Map([[GOOD_TOKEN, new Map([['default/server', reviewed]])]]),
    reviews: 0,
  };
}

export interface Replica {
  readonly store: BundleStore;
  readonly server: BundleServer;
  readonly port: number;
  readonly usage: UsageReport[];
  /** Age of what it knows of the API server. */
  progressAgeMs: number;
  stop(): Promise<void>;
}

export interface ReplicaOptions {
  readonly cluster: FakeCluster;
  readonly authority: Authority;
  readonly address?: string;
  readonly port?: number;
  readonly epoch?: number;
  readonly clock?: Clock;
  readonly heartbeatMs?: number;
}

export const realClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

export async function startReplica({ cluster, authority, address = '127.0.0.1', port = 0, epoch = 0, clock = realClock, heartbeatMs = 40 }: ReplicaOptions): Promise<Replica> {
  const store = createBundleStore({ clock, epoch, positions: () => undefined });
  const usage: UsageReport[] = [];
  const server = createBundleServer(
    { address, port, tls: await authority.issue({ names: [TLS_NAME] }), maxConnections: 100, heartbeatMs },
    {
      store,
      clock,
      review: (token, { namespace, name }) => {
        cluster.reviews += 1;
        return Promise.resolve(cluster.tokens.get(token)?.get(`${namespace}/${name}`));
      },
      podOf: (namespace, name) => cluster.pods.get(`${namespace}/${name}`),
      progressAgeMs: () => replica.progressAgeMs,
      onUsage: ({ report }) => void usage.push(report),
      issuers: new Map([['certificates', () => Promise.reject(new TypeError('this replica issues nothing'))]]),
    },
  );
  const bound = await server.start();
  const replica: Replica = { store, server, port: bound.port, usage, progressAgeMs: 0, stop: () => server.stop() };
  return replica;
}

/** Values as they come, and a wait for one that fits, now or later. */
export interface Seen<T> {
  readonly all: T[];
  add(value: T): void;
  until(fits: (value: T, all: readonly T[]) => boolean): Promise<T>;
}

const DEADLINE_MS = 8_000;

export function seen<T>(what: string): Seen<T> {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  return {
    all,
    add(value) {
      all.push(value);
      for (const wake of [...waiting]) wake();
    },
    until: (fits) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no ${what} that fits among ${all.length}: ${JSON.stringify(all).slice(0, 500)}`)), DEADLINE_MS);
        const look = (): void => {
          const value = all.find((each) => fits(each, all));
          if (value === undefined) return;
          clearTimeout(late);
          waiting.delete(look);
          resolve(value);
        };
        waiting.add(look);
        look();
      }),
  };
}

export type SourceEvent = { readonly kind: 'bundle'; readonly bundle: Bundle } | { readonly kind: 'stale'; readonly isStale: boolean } | { readonly kind: 'retracted' };

export interface RunningSource {
  readonly source: OperatorSource;
  readonly events: Seen<SourceEvent>;
  /** Names of tokens that the newest bundle allows. */
  live(): readonly string[];
  isStale(): boolean;
  untilBundle(fits: (bundle: Bundle) => boolean): Promise<Bundle>;
  stop(): Promise<void>;
}

export interface SourceSettings {
  readonly directory: string;
  readonly authority: Authority;
  readonly port: number;
  readonly addresses?: readonly string[];
  readonly token?: string;
  readonly clock?: Clock;
  readonly log?: Logger;
}

export function startSource({ directory, authority, port, addresses = ['127.0.0.1'], token = GOOD_TOKEN, clock = realClock, log = silent }: SourceSettings): RunningSource {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'ca.crt'), authority.cert);
  writeFileSync(join(directory, 'token'), token);
  const events = seen<SourceEvent>('event');
  const source = createOperatorSource(
    {
      server: { namespace: 'default', name: 'server' },
      port,
      tlsName: TLS_NAME,
      caFile: join(directory, 'ca.crt'),
      tokenFile: join(directory, 'token'),
      directory,
      silenceMs: 2_000,
      backoff: { minMs: 10, maxMs: 50 },
      resolveEveryMs: 50,
    },
    {
      clock,
      log,
      resolve: () => Promise.resolve(addresses),
      onBundle: (bundle) => events.add({ kind: 'bundle', bundle }),
      onStale: (isStale) => events.add({ kind: 'stale', isStale }),
      onRetracted: () => events.add({ kind: 'retracted' }),
    },
  );
  const over = new AbortController();
  const ended = source.run(over.signal);
  const newest = (): Bundle | undefined => events.all.flatMap((event) => (event.kind === 'bundle' ? [event.bundle] : [])).at(-1);
  return {
    source,
    events,
    live: () => (newest()?.tokens ?? []).flatMap(({ name, revoked }) => (revoked ? [] : [name])),
    isStale: () => events.all.flatMap((event) => (event.kind === 'stale' ? [event.isStale] : [])).at(-1) ?? true,
    async untilBundle(fits) {
      const event = await events.until((each) => each.kind === 'bundle' && fits(each.bundle));
      if (event.kind !== 'bundle') throw new Error('not a bundle');
      return event.bundle;
    },
    async stop() {
      over.abort();
      await ended;
    },
  };
}
