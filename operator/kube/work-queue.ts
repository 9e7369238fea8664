/** Keys that wait to be reconciled: each at most once, each with one worker, failures ever later. */
import type { Logger } from '../../runtime/log.ts';
import { createDelays } from './delays.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import { createQueueGauges } from './queue-gauges.ts';
import { type ReconcileResult, createReconcileCount } from './reconcile-count.ts';
import type { Scheduler } from './scheduler.ts';
import { createWaitingKeys } from './waiting-keys.ts';

export interface WorkQueueOptions {
  /** The controller's name: a metric label. */
  readonly name: string;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
}

/** Absent: nothing to do until something changes. */
export type Outcome = { readonly requeueAfterMs?: number } | undefined;

export interface RunOptions {
  readonly workers: number;
  /** Throws to be called again later; the signal is aborted when the queue shuts down. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  readonly signal: AbortSignal;
}

export interface WorkQueue {
  /** A key that waits is not added twice; one that is being reconciled is reconciled once more afterwards. */
  add(key: string): void;
  /** Of several delays of one key the earliest counts. */
  addAfter(key: string, delayMs: number): void;
  /** After 5 ms, doubled with each call up to 1000 s, until `forget`. */
  addRateLimited(key: string): void;
  forget(key: string): void;
  /** Keys ready to be reconciled. */
  depth(): number;
  /**
   * Reconciles until the signal is aborted, then resolves when the running reconciles have ended. Never rejects: a
   * throw is logged, counted and tried again, unless it is a `TerminalError`. Success, also with `requeueAfterMs`,
   * resets the key's back-off. Afterwards nothing is accepted any more. Runs once.
   */
  run(options: RunOptions): Promise<void>;
}

/** Thrown by a reconcile: trying again without a change would fail again. */
export class TerminalError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'TerminalError';
  }
}

const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1_000_000;

/** Collects keys from now on; reconciles them when run. */
export function createWorkQueue({ name, clock, log, metrics }: WorkQueueOptions): WorkQueue {
  const keys = createWaitingKeys(() => clock.monotonicMs());
  const delays = createDelays(clock, add);
  const failures = new Map<string, number>();
  /** Workers with nothing to do. */
  const idle: (() => void)[] = [];
  const gauges = createQueueGauges({ name, clock, metrics, running: keys.running });
  const count = createReconcileCount(name, metrics);
  let closed = false;

  function add(key: string): void {
    if (closed || !keys.add(key)) return;
    gauges.added(keys.size);
    idle.shift()?.();
  }

  function addAfter(key: string, delayMs: number): void {
    if (closed) return;
    if (delayMs <= 0) add(key);
    else delays.schedule(key, delayMs);
  }

  function addRateLimited(key: string): void {
    const failed = failures.get(key) ?? 0;
    failures.set(key, failed + 1);
    gauges.retried();
    addAfter(key, Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failed));
  }

  async function reconcileOne(key: string, { reconcile, signal }: RunOptions): Promise<ReconcileResult> {
    try {
      const outcome = await reconcile(key, signal);
      failures.delete(key);
      if (outcome?.requeueAfterMs === undefined) return 'success';
      addAfter(key, outcome.requeueAfterMs);
      return 'requeue_after';
    } catch (error) {
      const terminal = error instanceof TerminalError;
      log.error('a reconcile failed', { controller: name, key, terminal, error });
      if (terminal) failures.delete(key);
      else addRateLimited(key);
      return terminal ? 'terminal' : 'error';
    }
  }

  async function work(options: RunOptions): Promise<void> {
    while (!options.signal.aborted) {
      const taken = keys.take();
      if (taken === undefined) {
        await new Promise<void>((resolve) => idle.push(resolve));
        continue;
      }
      gauges.taken(taken.waitedMs, keys.size);
      count.started();
      const result = await reconcileOne(taken.key, options);
      const tookMs = keys.finish(taken.key);
      count.ended(result, tookMs);
      gauges.done(tookMs, keys.size);
    }
  }

  function close(): void {
    closed = true;
    delays.clear();
    for (const resolve of idle.splice(0)) resolve();
  }

  return {
    add,
    addAfter,
    addRateLimited,
    forget: (key) => void failures.delete(key),
    depth: () => keys.size,
    async run(options) {
      const { signal, workers } = options;
      count.workers(workers);
      const stopGauges = gauges.start();
      signal.addEventListener('abort', close, { once: true });
      if (signal.aborted) close();
      await Promise.all(Array.from({ length: workers }, () => work(options)));
      stopGauges();
    },
  };
}
