/** Occurrences gathered into series, within bounds: what there is to write as Events, and how often it happened. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';

export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
}

export interface Occurrence {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** One word, stable. */
  readonly reason: string;
  /** What was done or tried, one word. */
  readonly action: string;
  /** Cut at 1 kB. Never a secret: whoever may read events reads it. */
  readonly note: string;
}

/** One Event, and how often it happened. */
export interface Series {
  /** The first. */
  readonly occurrence: Occurrence;
  readonly namespace: string;
  readonly name: string;
  readonly firstMs: number;
  count: number;
  lastMs: number;
  /** The count that the API server knows; 0 before it knows the Event. */
  writtenCount: number;
  /** On the monotonic clock. */
  writtenMs: number;
}

export interface SeriesLedger {
  /** `false`: too many wait to be written, and this one is not among them. */
  add(occurrence: Occurrence): boolean;
  /** New series, and those whose count was written at least `minAgeMs` ago and has grown since. */
  unwritten(minAgeMs: number): readonly Series[];
  forget(series: Series): void;
  /** Forgets what is written and has not happened for a while. */
  forgetQuiet(): void;
}

/** The one that was quiet for longest makes room. */
const MAX_SERIES = 1_000;
const MAX_WAITING = 500;
/** A series that was quiet for this long is over: the next occurrence is an Event of its own. */
const QUIET_MS = 6 * 60_000;

export function createSeriesLedger(clock: Clock): SeriesLedger {
  /** In the order of the last occurrence. */
  const known = new Map<string, Series>();

  function begin(key: string, occurrence: Occurrence, nowMs: number): boolean {
    const waiting = [...known.values()].filter(({ writtenCount }) => writtenCount === 0).length;
    if (waiting >= MAX_WAITING) return false;
    const { namespace = 'default', name } = occurrence.regarding;
    const eventName = `${name.slice(0, 200)}.${randomBytes(8).toString('hex')}`;
    known.set(key, { occurrence, namespace, name: eventName, firstMs: nowMs, count: 1, lastMs: nowMs, writtenCount: 0, writtenMs: 0 });
    for (const stale of [...known.keys()].slice(0, -MAX_SERIES)) known.delete(stale);
    return true;
  }

  return {
    add(occurrence) {
      const key = keyOfSeries(occurrence);
      const nowMs = clock.nowMs();
      const series = known.get(key);
      known.delete(key);
      if (series === undefined || nowMs - series.lastMs >= QUIET_MS) return begin(key, occurrence, nowMs);
      series.count += 1;
      series.lastMs = nowMs;
      known.set(key, series);
      return true;
    },
    unwritten: (minAgeMs) =>
      [...known.values()].filter(
        ({ count, writtenCount, writtenMs }) => count !== writtenCount && (writtenCount === 0 || clock.monotonicMs() - writtenMs >= minAgeMs),
      ),
    forget: ({ occurrence }) => void known.delete(keyOfSeries(occurrence)),
    forgetQuiet() {
      for (const [key, { count, writtenCount, lastMs }] of [...known]) {
        if (count === writtenCount && clock.nowMs() - lastMs >= QUIET_MS) known.delete(key);
      }
    },
  };
}

function keyOfSeries({ regarding, related, type, reason, action }: Occurrence): string {
  return JSON.stringify([identityOf(regarding), identityOf(related), type, reason, action]);
}

function identityOf(reference: ObjectReference | undefined): readonly string[] {
  if (reference === undefined) return [];
  const { apiVersion, kind, namespace = '', name, uid = '' } = reference;
  return [apiVersion, kind, namespace, name, uid];
}
