/** Keeps a store equal to a part of the cluster: list, watch, and again, whatever goes wrong in between. */
import { createAudit } from './audit.ts';
import { createBackoff } from './backoff.ts';
import type { KubeClient, Selection } from './client.ts';
import { KubeError, isExpired } from './kube-error.ts';
import { type ObjectStore, keyOf, refOf } from './object-store.ts';
import type { Resource } from './resources.ts';
import { type Scheduler, pause } from './scheduler.ts';
import { type SilenceLimits, untilSilent } from './silence.ts';
import type { WatchEvent } from './watch-stream.ts';

/** Silence: 580 s without a sign of life, 180 s once the API server has shown that it sends bookmarks (one a minute). */
export interface ReflectorTiming extends SilenceLimits {
  /** A watch asks to be ended after this long, plus up to a tenth. Default: 290 s. */
  readonly watchSeconds: number;
  /** How often everything is compared with a fresh list, plus up to half. Default: 40 min. */
  readonly auditMs: number;
  /** How long a watch is given to deliver what an audit found. Default: 10 s. */
  readonly auditSeconds: number;
}

export interface Progress {
  readonly resourceVersion: string;
  readonly monotonicMs: number;
}

/** `refused`: the API server would not go on from where the last watch ended, and did not say `expired`. */
export type ListReason = 'first' | 'expired' | 'refused' | 'missed' | 'audit';

export interface ReflectorEvents {
  listed(reason: ListReason): void;
  synced(): void;
  failed(error: unknown, pauseMs: number): void;
  /** Changes that no watch delivered; a list that brings them in follows. */
  missed(changes: number): void;
}

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly selection: Selection;
  readonly store: Pick<ObjectStore<object>, 'put' | 'remove' | 'replace' | 'versions'>;
  readonly clock: Scheduler;
  readonly random: () => number;
  readonly timing?: Partial<ReflectorTiming> | undefined;
  readonly events: ReflectorEvents;
}

export interface Reflector {
  /** Ends when the signal is aborted and what it opened is closed; never before. Never rejects. Runs once. */
  run(signal: AbortSignal): Promise<void>;
  lastProgress(): Progress | undefined;
}

const TIMING: ReflectorTiming = { watchSeconds: 290, silenceMs: 580_000, silenceAfterBookmarkMs: 180_000, auditMs: 40 * 60_000, auditSeconds: 10 };
/** The longest is how late a revocation can be after an outage of any length; a handful of informers may ask so often. */
const PAUSE = { minMs: 800, maxMs: 5_000 } as const;
/** However long the API server asks to be left alone. */
const MAX_PAUSE_MS = 5 * 60_000;
/** After a watch that lasted this long, its end is no reason to wait longer than the first time. */
const GOOD_WATCH_MS = 10_000;
/** One that ends sooner would be opened again without a rest, for as long as the API server does that. */
const SHORTEST_WATCH_MS = 1_000;
/** Answers that say nothing about the resourceVersion that was asked for. */
const RESUMABLE_STATUS: readonly number[] = [429, 500, 502, 503];

export function createReflector({ client, resource, selection, store, clock, random, events, ...options }: ReflectorOptions): Reflector {
  const timing: ReflectorTiming = { ...TIMING, ...options.timing };
  const backoff = createBackoff({ ...PAUSE, random });
  const audit = createAudit({ monotonicMs: () => clock.monotonicMs(), random, intervalMs: timing.auditMs });
  /** Where the next watch begins; `undefined` where only a list can tell. */
  let position: string | undefined;
  let listReason: ListReason = 'first';
  let progress: Progress | undefined;

  async function list(reason: ListReason, signal: AbortSignal): ReturnType<KubeClient['list']> {
    const found = await client.list(resource, { ...selection, signal });
    events.listed(reason);
    return found;
  }

  async function relist(signal: AbortSignal): Promise<string> {
    const askedMs = clock.monotonicMs();
    const { items, resourceVersion } = await list(listReason, signal);
    store.replace(items, listReason === 'first');
    position = resourceVersion;
    progress = { resourceVersion, monotonicMs: askedMs };
    audit.schedule();
    events.synced();
    return resourceVersion;
  }

  function take(event: WatchEvent): void {
    if (event.type !== 'BOOKMARK') {
      const ref = refOf(event.object);
      audit.delivered(keyOf(ref));
      if (event.type === 'DELETED') store.remove(ref);
      else store.put(event.object, false);
    }
    position = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
    progress = { resourceVersion: position, monotonicMs: clock.monotonicMs() };
  }

  async function watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const openedMs = clock.monotonicMs();
    const seconds = audit.suspected() > 0 ? timing.auditSeconds : timing.watchSeconds * (1 + random() / 10);
    const wanted = { ...selection, resourceVersion, timeoutSeconds: Math.ceil(seconds) };
    try {
      const events = untilSilent((cut) => client.watch(resource, { ...wanted, signal: cut }), { clock, limits: timing, signal });
      for await (const event of events) take(event);
    } finally {
      if (clock.monotonicMs() - openedMs >= GOOD_WATCH_MS) backoff.reset();
    }
    if (clock.monotonicMs() - openedMs < SHORTEST_WATCH_MS) throw new KubeError('WatchTooShort', `a watch of ${resource.plural} was ended at once`);
  }

  async function compare(signal: AbortSignal): Promise<void> {
    audit.schedule();
    try {
      audit.compare((await list('audit', signal)).items, store.versions());
    } catch (error) {
      // Safe to go on: nothing depends on an audit, least of all the watch that is opened next.
      if (!signal.aborted) events.failed(error, 0);
    }
  }

  async function cycle(signal: AbortSignal): Promise<void> {
    const from = position ?? (await relist(signal));
    if (audit.isDue()) await compare(signal);
    await watch(from, signal);
    if (audit.suspected() === 0) return;
    events.missed(audit.suspected());
    position = undefined;
    listReason = 'missed';
  }

  async function recover(error: unknown, signal: AbortSignal): Promise<void> {
    if (!isResumable(error)) {
      position = undefined;
      if (progress !== undefined) listReason = isExpired(error) ? 'expired' : 'refused';
    }
    const pauseMs = Math.max(backoff.nextMs(), askedPauseMs(error));
    events.failed(error, pauseMs);
    await pause(clock, pauseMs, signal);
  }

  return { run: (signal) => untilAborted(signal, cycle, recover), lastProgress: () => progress };
}

/** The outermost point of the loop: whatever a cycle meets, the store must go on being kept. */
async function untilAborted(
  signal: AbortSignal,
  cycle: (signal: AbortSignal) => Promise<void>,
  recover: (error: unknown, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await cycle(signal);
    } catch (error) {
      if (!signal.aborted) await recover(error, signal);
    }
  }
}

function askedPauseMs(error: unknown): number {
  return error instanceof KubeError ? Math.min(error.retryAfterMs ?? 0, MAX_PAUSE_MS) : 0;
}

/** Whether the next watch may begin where the failed one was: not if it would run into the same failure again. */
function isResumable(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  return error.status === undefined ? error.reason !== 'ResponseMalformed' : RESUMABLE_STATUS.includes(error.status);
}
