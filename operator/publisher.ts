/**
 * From what the API server says to what each server's sidecars get. Every replica does this for itself, from its own
 * copy of the cluster and the ledger on record; no replica waits for another.
 */
import type { Bundle } from '../api/bundle.ts';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { GatewayToken, MCPServer } from '../api/v1alpha1/index.ts';
import { compileBundles } from '../core/bundle/compile.ts';
import type { CompileOutput } from '../core/bundle/compile.ts';
import { createCompileMemory } from '../core/bundle/compile-memory.ts';
import type { ObjectProblem } from '../core/bundle/problem.ts';
import type { NamespaceLabels } from '../core/bundle/token-grants.ts';
import type { Scheduler } from './kube/scheduler.ts';
import type { ClusterLedger } from './ledger/ledger.ts';

export interface BundleSink {
  publish(bundle: Bundle): void;
  /** No sidecar of this server (`<namespace>/<name>`) may allow anything any more. */
  retract(server: string): void;
}

/** Who vouches for the sidecars of a server among each other: PEM, and the version to compare copies of it by. */
export interface PeerAuthorities {
  readonly certificates: readonly string[];
  readonly resourceVersion: string;
}

export interface PublisherDeps {
  readonly servers: () => readonly MCPServer[];
  readonly tokens: () => readonly GatewayToken[];
  readonly namespaceLabels: () => NamespaceLabels;
  readonly ledger: Pick<ClusterLedger, 'tokens' | 'sessionKeys' | 'versions'>;
  readonly config: () => GatewayConfig;
  readonly peerAuthorities: () => PeerAuthorities;
  /** How far each kind has been seen, as `<kind>` to version. */
  readonly positions: () => Readonly<Record<string, string>> | undefined;
  readonly sink: BundleSink;
  readonly clock: Pick<Scheduler, 'monotonicMs' | 'after'>;
}

export interface Publisher {
  /** Compiles and publishes what is known now, before it returns. */
  publish(): void;
  /** Compiles soon, once for all changes that come together. */
  schedule(): void;
  /** Resolves when what was scheduled before is published; at once where nothing is. */
  published(): Promise<void>;
  /** What the last compilation found wrong with an object. */
  problemsOf(kind: ObjectProblem['kind'], namespace: string, name: string): readonly ObjectProblem[];
}

/**
 * How often a bundle that says the same is published for what it was compiled from. A sidecar that was told something by
 * two replicas, each ahead in another object, trusts neither until one of them has seen both.
 */
const SAME_AGAIN_MS = 30_000;

/**
 * After a compilation that took long, the next one waits for so many times as long, up to the bound: thousands of objects
 * that are applied together must not keep the process from its streams. A change that comes alone is published at once.
 */
const REST = 4;
const LONGEST_REST_MS = 200;

/** A kind of its own in the order of bundles: how far other Secrets were seen says nothing of this one. */
const PEER_AUTHORITIES = 'PeerAuthorities/all';

export function createPublisher({ servers, tokens, namespaceLabels, ledger, config, peerAuthorities, positions, sink, clock }: PublisherDeps): Publisher {
  let published: ReadonlyMap<string, Bundle> = new Map();
  const publishedAtMs = new Map<string, number>();
  let problems: ReadonlyMap<string, readonly ObjectProblem[]> = new Map();
  let awaited: (PromiseWithResolvers<void> & { cancel(): void }) | undefined;
  let restsUntilMs = -Infinity;
  const memory = createCompileMemory();

  function later(work: () => void, delayMs: number): () => void {
    if (delayMs > 0) return clock.after(delayMs, work);
    const immediate = setImmediate(work);
    return () => clearImmediate(immediate);
  }

  function compile(): CompileOutput {
    const entries = ledger.tokens();
    const peers = peerAuthorities();
    const versions = { ...ledger.versions(), [PEER_AUTHORITIES]: peers.resourceVersion, ...positions() };
    const output = compileBundles({
      servers: servers(),
      tokens: tokens(),
      ledger: new Map(entries.map(({ uid, generations }) => [uid, generations])),
      namespaceLabels: namespaceLabels(),
      sessionKeys: ledger.sessionKeys(),
      maxStalenessMs: config().sidecars.maxStalenessSeconds * 1000,
      peerAuthorities: peers.certificates,
      defaultAddress: { path: ({ spec }) => spec.upstream.path, isOwn: true },
    }, memory);
    return { ...output, bundles: output.bundles.map((bundle) => ({ ...bundle, order: { ...bundle.order, ...versions } })) };
  }

  function publish(): void {
    const done = awaited;
    done?.cancel();
    awaited = undefined;
    const startedMs = clock.monotonicMs();
    publishAll(compile());
    const nowMs = clock.monotonicMs();
    restsUntilMs = nowMs + Math.min(LONGEST_REST_MS, REST * (nowMs - startedMs));
    done?.resolve();
  }

  function publishAll(output: CompileOutput): void {
    const next = new Map(output.bundles.map((bundle) => [`${bundle.server.namespace}/${bundle.server.name}`, bundle]));
    problems = Map.groupBy(output.problems, ({ kind, namespace, name }) => `${kind}/${namespace}/${name}`);
    for (const server of published.keys()) if (!next.has(server)) retract(server);
    for (const [server, bundle] of next) if (isPublicationDue(server, bundle)) send(server, bundle);
    published = next;
  }

  function retract(server: string): void {
    publishedAtMs.delete(server);
    sink.retract(server);
  }

  function isPublicationDue(server: string, bundle: Bundle): boolean {
    const before = published.get(server);
    if (before?.revision !== bundle.revision || before.server.uid !== bundle.server.uid) return true;
    return clock.monotonicMs() - (publishedAtMs.get(server) ?? -Infinity) >= SAME_AGAIN_MS;
  }

  function send(server: string, bundle: Bundle): void {
    publishedAtMs.set(server, clock.monotonicMs());
    sink.publish(bundle);
  }

  return {
    publish,
    schedule() {
      awaited ??= { ...Promise.withResolvers<void>(), cancel: later(publish, restsUntilMs - clock.monotonicMs()) };
    },
    published: () => awaited?.promise ?? Promise.resolve(),
    problemsOf: (kind, namespace, name) => problems.get(`${kind}/${namespace}/${name}`) ?? [],
  };
}
