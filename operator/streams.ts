/** The bundle streams as the rest of the operator sees them: what is published, and who enforces it since when. */
import type { ExposureReport } from '../api/bundle-stream.ts';
import type { Clock } from '../runtime/clock.ts';
import type { BundleStore } from './bundle/store.ts';
import type { TokenName } from './ledger/ledger.ts';
import { createPublicationRecord } from './publication-record.ts';
import type { PublicationRecord, TokenChange } from './publication-record.ts';
import type { BundleSink } from './publisher.ts';

/** What the streams know of the sidecars that are connected to this replica. Servers are `<namespace>/<name>`. */
export interface SidecarStreams extends BundleSink {
  /** The number of the publication in force; `undefined`: nothing is. */
  publication(server: string): number | undefined;
  /** The newest publication that each connected pod (by UID) acknowledged on the stream it has now. */
  acknowledged(server: string): ReadonlyMap<string, number>;
  /** What a server's sidecars were last told about a token (by UID). */
  lastChange(server: string, tokenUid: string): TokenChange | undefined;
  /** The servers whose sidecars were told lately that the token (by UID) is nobody's concern of theirs any more. */
  droppedFrom(tokenUid: string): readonly string[];
  /** Since when anything was published here, on the monotonic clock. */
  startedMs(): number | undefined;
  onAcknowledged(listener: (news: AcknowledgementNews) => void): void;
  /** What each connected pod (by UID) said last of how its server can be reached. */
  exposures(server: string): ReadonlyMap<string, ExposureReport>;
  onExposure(listener: (server: string) => void): void;
}

export interface AcknowledgementNews {
  readonly server: string;
  /** It is the first one on this stream: what the pod holds was not known before. */
  readonly isFirst: boolean;
  /** Tokens whose last change the pod enforces now and did not before. */
  readonly tokens: readonly TokenName[];
}

export function createSidecarStreams(store: BundleStore, clock: Pick<Clock, 'monotonicMs'>): SidecarStreams {
  const records = new Map<string, PublicationRecord>();
  const listeners: ((news: AcknowledgementNews) => void)[] = [];
  let startedMs: number | undefined;

  store.onAcknowledged(({ server, pod, revision, atMs, subscribedAtMs, isFirst }) => {
    const tokens = records.get(server)?.acknowledged({ podUid: pod.uid, revision, atMs, subscribedAtMs }) ?? [];
    for (const listener of listeners) listener({ server, isFirst, tokens });
  });

  return {
    publish(bundle) {
      startedMs ??= clock.monotonicMs();
      const server = `${bundle.server.namespace}/${bundle.server.name}`;
      const record = records.get(server) ?? createPublicationRecord();
      records.set(server, record);
      record.published(bundle, clock.monotonicMs());
      store.publish(bundle);
    },
    retract(server) {
      records.delete(server);
      store.retract(server);
    },
    publication: (server) => records.get(server)?.latest(),
    acknowledged(server) {
      const record = records.get(server);
      const said = store.subscribers(server).filter(({ endedAtMs, acknowledged }) => endedAtMs === undefined && acknowledged !== undefined);
      return new Map(said.flatMap(({ pod }) => {
        const held = record?.heldBy(pod.uid);
        return held === undefined ? [] : [[pod.uid, held] as const];
      }));
    },
    lastChange: (server, tokenUid) => records.get(server)?.lastChange(tokenUid),
    droppedFrom: (tokenUid) => [...records].filter(([, record]) => record.lastChange(tokenUid)?.isDropped === true).map(([server]) => server),
    startedMs: () => startedMs,
    onAcknowledged: (listener) => void listeners.push(listener),
    exposures: (server) =>
      new Map(store.subscribers(server).flatMap(({ pod, endedAtMs, exposure }) => (endedAtMs !== undefined || exposure === undefined ? [] : [[pod.uid, exposure] as const]))),
    onExposure: (listener) => store.onExposure(listener),
  };
}
