/** A copy of a part of the cluster, parsed and indexed, that tells its listeners what changes. */
import type { Logger } from '../../runtime/log.ts';
import type { KubeClient, Selection } from './client.ts';
import { KubeError } from './kube-error.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import type { KubeObject } from './kube-object.ts';
import { type Change, type Indexers, type Refusal, createObjectStore } from './object-store.ts';
import { type Progress, type ReflectorEvents, type ReflectorTiming, createReflector } from './reflector.ts';
import type { Resource } from './resources.ts';
import type { Scheduler } from './scheduler.ts';

export interface InformerOptions<T extends object> extends Selection {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** Throws to refuse an object; the error's message becomes the problem. Metadata is verified, managedFields are gone. */
  readonly parse: (object: KubeObject) => T;
  /** Keys under which `byIndex` finds an object. */
  readonly indexers?: Indexers<T>;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
  /** In [0, 1). */
  readonly random: () => number;
  /** Metric label, of one informer per process. Default: the kind. */
  readonly name?: string;
  readonly timing?: Partial<ReflectorTiming>;
}

export interface Informer<T extends object> {
  /**
   * Lists and watches until the signal is aborted, then resolves with everything closed. Never ends before, never
   * rejects: every failure is met with a jittered pause of 0.8 to 5 s, or what the API server asks for. Runs once.
   */
  run(signal: AbortSignal): Promise<void>;
  /** The first list is complete and every listener has heard of it. Stays true. */
  hasSynced(): boolean;
  /** Resolves when synced; never if that does not happen. */
  readonly synced: Promise<void>;
  get(namespace: string | undefined, name: string): T | undefined;
  list(): readonly T[];
  /** An index that was not declared is a TypeError. */
  byIndex(index: string, key: string): readonly T[];
  /** What `parse` refuses at the moment. */
  refusals(): readonly Refusal[];
  /**
   * Listeners are called synchronously, one change at a time and in order; when one throws, the others are still
   * called and the stream goes on. One that is added late hears later changes only. Returns how to take it back.
   */
  onChange(listener: (change: Change<T>) => void): () => void;
  /**
   * The newest resourceVersion this copy is known to have reached, and the monotonic time at which that was so: for a
   * list when it was asked for, for an event or a bookmark when it arrived. `undefined` before the first list. A
   * bookmark that repeats a version counts: it says that the API server is there, not that it still sees its store.
   */
  lastProgress(): Progress | undefined;
}

export function createInformer<T extends object>(options: InformerOptions<T>): Informer<T> {
  const { client, resource, clock, log, random, parse, indexers = {}, name = resource.kind } = options;
  const { namespace, labelSelector, fieldSelector } = options;
  const metrics = options.metrics.informer;
  const listeners = new Set<(change: Change<T>) => void>();
  const synced = Promise.withResolvers<void>();
  let hasSynced = false;

  const emit = (change: Change<T>): void => {
    if (change.type === 'refused') log.warn('an object cannot be read and is treated as absent', { informer: name, namespace: change.namespace, name: change.name, problem: change.problem });
    for (const listener of [...listeners]) {
      try {
        listener(change);
      } catch (error) {
        // Safe to go on: the copy is right, and the fault of one listener must not keep a change from the others.
        metrics.listenerErrors.labels({ informer: name }).inc();
        log.error('a listener of an informer failed', { informer: name, change: change.type, error });
      }
    }
  };

  const events: ReflectorEvents = {
    listed: (reason) => metrics.lists.labels({ informer: name, reason }).inc(),
    synced() {
      hasSynced = true;
      synced.resolve();
    },
    failed(error, pauseMs) {
      const reason = error instanceof KubeError ? error.reason : 'Unknown';
      metrics.failures.labels({ informer: name, reason }).inc();
      log.warn('an informer was interrupted', { informer: name, reason, pauseMs, error });
    },
    missed(changes) {
      metrics.missedEvents.labels({ informer: name }).inc(changes);
      log.error('a watch did not deliver every change', { informer: name, changes });
    },
  };
  const store = createObjectStore({ parse, indexers, emit });
  const selection = { namespace, labelSelector, fieldSelector };
  const reflector = createReflector({ client, resource, selection, store, clock, random, timing: options.timing, events });

  function gauge(): void {
    const progress = reflector.lastProgress();
    metrics.objects.labels({ informer: name }).set(store.list().length);
    metrics.refused.labels({ informer: name }).set(store.refusals().length);
    if (progress !== undefined) metrics.progressAgeSeconds.labels({ informer: name }).set((clock.monotonicMs() - progress.monotonicMs) / 1000);
  }

  return {
    async run(signal) {
      // Alerts watch it: it has to be there before anything is missed.
      metrics.missedEvents.labels({ informer: name }).inc(0);
      const stopGauge = options.metrics.onScrape(gauge);
      await reflector.run(signal);
      stopGauge();
    },
    hasSynced: () => hasSynced,
    synced: synced.promise,
    get: (namespace, name) => store.get(namespace === undefined ? { name } : { namespace, name }),
    list: () => store.list(),
    byIndex: (index, key) => store.byIndex(index, key),
    refusals: () => store.refusals(),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    lastProgress: () => reflector.lastProgress(),
  };
}
