/** The bundle streams as the rest of the operator sees them: what is published, and who enforces it since when. */
import type { Clock } from '../runtime/clock.ts';
import type { BundleStore } from './bundle/store.ts';
import type { BundleSink } from './publisher.ts';

/** What the streams know of the sidecars that are connected to this replica. */
export interface SidecarStreams extends BundleSink {
  /** What each pod (by UID) of a server (`<namespace>/<name>`) acknowledged, and how long after its publication. */
  acknowledgements(server: string): ReadonlyMap<string, { readonly revision: string; readonly afterMs: number }>;
  onAcknowledged(listener: (server: string) => void): void;
}

export function createSidecarStreams(store: BundleStore, clock: Pick<Clock, 'monotonicMs'>): SidecarStreams {
  /** When the present revision of each server was published. */
  const publishedMs = new Map<string, { readonly revision: string; readonly atMs: number }>();
  return {
    publish(bundle) {
      const server = `${bundle.server.namespace}/${bundle.server.name}`;
      if (publishedMs.get(server)?.revision !== bundle.revision) publishedMs.set(server, { revision: bundle.revision, atMs: clock.monotonicMs() });
      store.publish(bundle);
    },
    retract(server) {
      publishedMs.delete(server);
      store.retract(server);
    },
    acknowledgements(server) {
      const published = publishedMs.get(server);
      const states = store.subscribers(server).flatMap(({ pod, subscribedAtMs, endedAtMs, acknowledged }) => {
        if (endedAtMs !== undefined || acknowledged === undefined || published === undefined) return [];
        // Said of a former publication of the same content, with another one between the two.
        if (acknowledged.atMs < published.atMs && acknowledged.revision === published.revision) return [];
        // A pod that came later could not know it before.
        return [[pod.uid, { revision: acknowledged.revision, afterMs: Math.max(0, acknowledged.atMs - Math.max(published.atMs, subscribedAtMs)) }] as const];
      });
      return new Map(states);
    },
    onAcknowledged: (listener) => store.onAcknowledged(({ server }) => listener(server)),
  };
}
