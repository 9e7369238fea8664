/**
 * What every sidecar should hold, who asks for it, and who has said that it enforces it. One entry per server, one
 * subscriber per pod. Memory is bounded: by the servers, a few recent bundles of each, and the pods.
 */
import type { Bundle, BundleOrder } from '../../api/bundle.ts';
import { STREAM_FORMAT } from '../../api/bundle-stream.ts';
import type { ExposureReport, StreamMessage } from '../../api/bundle-stream.ts';
import { diffBundles } from '../../core/bundle/patch.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import type { Clock } from '../../runtime/clock.ts';

export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** All times are of the monotonic clock. */
export interface SubscriberState {
  readonly pod: PodIdentity;
  readonly subscribedAtMs: number;
  /** When its stream ended; absent while it has one. */
  readonly endedAtMs?: number;
  readonly sentRevision?: string;
  readonly acknowledged?: { readonly revision: string; readonly atMs: number };
  /** What it said last of its server. */
  readonly exposure?: ExposureReport;
}

export interface AcknowledgedRevision {
  /** `<namespace>/<name>` of the MCPServer. */
  readonly server: string;
  readonly pod: PodIdentity;
  readonly revision: string;
  readonly atMs: number;
  readonly subscribedAtMs: number;
  /** The pod has acknowledged nothing before on this stream. */
  readonly isFirst: boolean;
}

export interface Subscription {
  /** The one line that takes the subscriber from what it has to what is current; `undefined`: it has it. */
  next(): string | undefined;
  end(): void;
}

export interface SubscriptionEvents {
  /** There may be something for `next`. Called inside `publish` and `retract`. */
  wake(): void;
  /** The pod has opened another stream: this one is over. */
  replaced(): void;
}

export interface BundleStore {
  readonly epoch: number;
  /** Puts a bundle in force for its server. One with the same revision and a newer order is sent as that alone. */
  publish(bundle: Bundle): void;
  /** `server` is `<namespace>/<name>`. Without any order, sidecars take it for newer than whatever they have. */
  retract(server: string, order?: BundleOrder): void;
  current(server: string): Bundle | undefined;
  subscribe(server: string, pod: PodIdentity, events: SubscriptionEvents): Subscription;
  /** `false`: the pod is not subscribed, or was not sent that revision lately. */
  acknowledge(server: string, podUid: string, revision: string): boolean;
  /** Of a pod that is not subscribed, nothing is kept. */
  expose(server: string, podUid: string, report: ExposureReport): void;
  /** Also those whose stream ended, until `forget` or until there are too many of them. */
  subscribers(server: string): readonly SubscriberState[];
  /** The pod is gone. */
  forget(server: string, podUid: string): void;
  onAcknowledged(listener: (acknowledged: AcknowledgedRevision) => void): void;
  /** Called with the server (`<namespace>/<name>`) of a pod that said something else than before. */
  onExposure(listener: (server: string) => void): void;
}

export interface BundleStoreOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** See BundleMessage. */
  readonly epoch: number;
  /**
   * Up to which version every kind has been seen, as `<kind>` to version; `undefined` until all have been listed and
   * what is there was published. From then on a server that was not published is one to be retracted.
   */
  readonly positions: () => BundleOrder | undefined;
}

/** Bundles of a server that a patch can start from. A subscriber that is further behind gets the whole bundle. */
const PATCHABLE = 4;
/** Pods of a server that are remembered after their stream ended. */
const MAX_DEPARTED = 1000;

interface Entry {
  /** Newest first. Empty: nothing was published, or it was retracted. */
  bundles: readonly Bundle[];
  /** As of when it was retracted by name. */
  retracted: BundleOrder | undefined;
  /** What takes a subscriber from a bundle, or from nothing, to the newest; made once for all of them. */
  readonly lines: Map<Bundle | undefined, string>;
  readonly subscribers: Map<string, Subscriber>;
  /** Of these bundles: a token is hashed once. */
  readonly hashes: TokenHashes;
}

interface Subscriber {
  readonly events: SubscriptionEvents;
  sent: Bundle | 'retracted' | undefined;
  state: SubscriberState;
}

export function createBundleStore({ clock, epoch, positions }: BundleStoreOptions): BundleStore {
  const entries = new Map<string, Entry>();
  const listeners: ((acknowledged: AcknowledgedRevision) => void)[] = [];
  const exposureListeners: ((server: string) => void)[] = [];

  function entryOf(server: string): Entry {
    const known = entries.get(server);
    if (known !== undefined) return known;
    const made: Entry = { bundles: [], retracted: undefined, lines: new Map(), subscribers: new Map(), hashes: new WeakMap() };
    entries.set(server, made);
    return made;
  }

  function replace(server: string, bundles: readonly Bundle[], retracted: BundleOrder | undefined): void {
    const entry = entryOf(server);
    entry.bundles = bundles;
    entry.retracted = retracted;
    entry.lines.clear();
    for (const { state, events } of entry.subscribers.values()) if (state.endedAtMs === undefined) events.wake();
  }

  /** A server that is no more is forgotten with the last stream; who asks later is told by `positions`. */
  function tidy(server: string, entry: Entry): void {
    if (entry.bundles.length > 0) return;
    if ([...entry.subscribers.values()].every(({ state }) => state.endedAtMs !== undefined)) entries.delete(server);
  }

  return {
    epoch,
    publish(bundle) {
      const server = `${bundle.server.namespace}/${bundle.server.name}`;
      const { bundles } = entryOf(server);
      if (bundles[0]?.revision === bundle.revision && isSameOrder(bundles[0].order, bundle.order)) return;
      replace(server, [bundle, ...bundles].slice(0, PATCHABLE), undefined);
    },
    retract(server, order = positions() ?? {}) {
      replace(server, [], order);
      tidy(server, entryOf(server));
    },
    current: (server) => entries.get(server)?.bundles[0],
    subscribe(server, pod, events) {
      const entry = entryOf(server);
      const before = entry.subscribers.get(pod.uid);
      if (before !== undefined && before.state.endedAtMs === undefined) before.events.replaced();
      const subscriber: Subscriber = { events, sent: undefined, state: { pod, subscribedAtMs: clock.monotonicMs() } };
      // Deleted first, so that the oldest come first.
      entry.subscribers.delete(pod.uid);
      entry.subscribers.set(pod.uid, subscriber);
      return {
        next: () => nextLine(entry, subscriber, { epoch, positions }),
        end() {
          if (subscriber.state.endedAtMs !== undefined) return;
          subscriber.state = { ...subscriber.state, endedAtMs: clock.monotonicMs() };
          dropDeparted(entry);
          if (entries.get(server) === entry) tidy(server, entry);
        },
      };
    },
    acknowledge(server, podUid, revision) {
      const entry = entries.get(server);
      const subscriber = entry?.subscribers.get(podUid);
      if (entry === undefined || subscriber === undefined || subscriber.state.endedAtMs !== undefined) return false;
      if (!entry.bundles.some((bundle) => bundle.revision === revision) || subscriber.state.sentRevision === undefined) return false;
      const atMs = clock.monotonicMs();
      const { pod, subscribedAtMs, acknowledged } = subscriber.state;
      subscriber.state = { ...subscriber.state, acknowledged: { revision, atMs } };
      for (const listener of listeners) listener({ server, pod, revision, atMs, subscribedAtMs, isFirst: acknowledged === undefined });
      return true;
    },
    expose(server, podUid, report) {
      if (!keepExposure(entries.get(server)?.subscribers.get(podUid), report)) return;
      for (const listener of exposureListeners) listener(server);
    },
    subscribers: (server) => [...(entries.get(server)?.subscribers.values() ?? [])].map(({ state }) => state),
    forget(server, podUid) {
      const entry = entries.get(server);
      if (entry === undefined) return;
      const subscriber = entry.subscribers.get(podUid);
      entry.subscribers.delete(podUid);
      if (subscriber !== undefined && subscriber.state.endedAtMs === undefined) subscriber.events.replaced();
      tidy(server, entry);
    },
    onAcknowledged: (listener) => void listeners.push(listener),
    onExposure: (listener) => void exposureListeners.push(listener),
  };
}

/** Keeps the report; whether the subscriber is there and said something else before. */
function keepExposure(subscriber: Subscriber | undefined, report: ExposureReport): boolean {
  if (subscriber === undefined || subscriber.state.endedAtMs !== undefined) return false;
  const before = subscriber.state.exposure;
  subscriber.state = { ...subscriber.state, exposure: report };
  return before?.port !== report.port || before.outcome !== report.outcome;
}

/** However long a subscriber was not asked: one message, from what it was sent last to the newest. */
function nextLine(entry: Entry, subscriber: Subscriber, { epoch, positions }: Pick<BundleStoreOptions, 'epoch' | 'positions'>): string | undefined {
  const [current] = entry.bundles;
  if (current === undefined) {
    const order = entry.retracted ?? positions();
    if (order === undefined || subscriber.sent === 'retracted') return undefined;
    subscriber.sent = 'retracted';
    return encode({ format: STREAM_FORMAT, type: 'retract', epoch, order });
  }
  if (subscriber.sent === current) return undefined;
  const from = entry.bundles.find((bundle) => bundle === subscriber.sent);
  subscriber.sent = current;
  subscriber.state = { ...subscriber.state, sentRevision: current.revision };
  const made = entry.lines.get(from) ?? encode(messageFrom(from, current, entry.hashes, epoch));
  entry.lines.set(from, made);
  return made;
}

function messageFrom(from: Bundle | undefined, to: Bundle, hashes: TokenHashes, epoch: number): StreamMessage {
  if (from === undefined) return { format: STREAM_FORMAT, type: 'bundle', epoch, bundle: to };
  return { format: STREAM_FORMAT, type: 'patch', epoch, patch: diffBundles(from, to, hashes) };
}

export function encode(message: StreamMessage): string {
  return `${JSON.stringify(message)}\n`;
}

function dropDeparted({ subscribers }: Entry): void {
  const departed = [...subscribers].filter(([, { state }]) => state.endedAtMs !== undefined);
  for (const [uid] of departed.slice(0, -MAX_DEPARTED)) subscribers.delete(uid);
}

function isSameOrder(one: BundleOrder, other: BundleOrder): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
