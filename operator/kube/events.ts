/** Events for people: what happened to an object, written beside it, repeats counted instead of repeated. */
import type { Logger } from '../../runtime/log.ts';
import type { KubeClient, ObjectToWrite } from './client.ts';
import { createDeadline } from './deadline.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import { microTime } from './micro-time.ts';
import { EVENTS } from './resources.ts';
import { type Scheduler, pause } from './scheduler.ts';
import { type Occurrence, type Series, createSeriesLedger } from './event-series.ts';

export interface EventRecorderOptions {
  readonly client: KubeClient;
  /** Qualified name of the controller, such as `mcpgateway.dev/operator`. */
  readonly controller: string;
  /** The pod that runs it. */
  readonly instance: string;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
}

export interface EventRecorder {
  /**
   * Returns at once and never throws. Occurrences that differ only in their note are one series, which keeps the first
   * note. Where too many different ones wait to be written, one is dropped and counted.
   */
  record(occurrence: Occurrence): void;
  /** Writes until the signal is aborted, then what is left for at most 2 s. Never rejects. Runs once. */
  run(signal: AbortSignal): Promise<void>;
}

/** A count is written at most this often. */
const UPDATE_MS = 60_000;
const TICK_MS = 1_000;
const FINAL_MS = 2_000;
const MAX_NOTE_BYTES = 1_024;
const WRITE_TIMEOUT_MS = 10_000;

export function createEventRecorder({ client, controller, instance, clock, log, metrics }: EventRecorderOptions): EventRecorder {
  const ledger = createSeriesLedger(clock);
  const count = (result: 'created' | 'counted' | 'dropped' | 'failed'): void => metrics.events.labels({ result }).inc();

  function bodyOf({ occurrence, namespace, name, firstMs }: Series): ObjectToWrite {
    const { regarding, related, type, reason, action, note } = occurrence;
    const reporting = { reportingController: controller, reportingInstance: instance.slice(0, 128) };
    return { metadata: { namespace, name }, eventTime: microTime(firstMs), ...reporting, type, reason, action, note: truncated(note), regarding, ...(related === undefined ? {} : { related }) };
  }

  async function write(one: Series, signal: AbortSignal): Promise<void> {
    const { namespace, name, count: times, lastMs, writtenCount } = one;
    const call = { timeoutMs: WRITE_TIMEOUT_MS, signal };
    const repeated = { series: { count: times, lastObservedTime: microTime(lastMs) } };
    if (writtenCount === 0) await client.create(EVENTS, { ...bodyOf(one), ...(times > 1 ? repeated : {}) }, call);
    else await client.patch(EVENTS, { namespace, name }, repeated, call);
    one.writtenCount = times;
    one.writtenMs = clock.monotonicMs();
    count(writtenCount === 0 ? 'created' : 'counted');
  }

  async function flush(signal: AbortSignal, minAgeMs: number): Promise<void> {
    for (const one of ledger.unwritten(minAgeMs)) {
      if (signal.aborted) return;
      try {
        await write(one, signal);
      } catch (error) {
        // Safe to go on: Events are for people, and the status says the same. It is begun anew when it happens again.
        ledger.forget(one);
        count('failed');
        log.warn('an Event could not be written', { kind: one.occurrence.regarding.kind, reason: one.occurrence.reason, error });
      }
    }
  }

  return {
    record(occurrence) {
      if (!ledger.add(occurrence)) count('dropped');
    },
    async run(signal) {
      while (!signal.aborted) {
        await flush(signal, UPDATE_MS);
        ledger.forgetQuiet();
        await pause(clock, TICK_MS, signal);
      }
      const last = createDeadline(clock, FINAL_MS, undefined);
      await flush(last.signal, 0);
      last.dispose();
    },
  };
}

function truncated(note: string): string {
  const bytes = Buffer.from(note, 'utf8');
  if (bytes.length <= MAX_NOTE_BYTES) return note;
  // Cutting inside a character leaves a replacement character, which is longer than what was cut.
  return bytes.subarray(0, MAX_NOTE_BYTES - 4).toString('utf8').replace(/\uFFFD$/, '');
}
