/** The workqueue_* metrics of one queue. */
import type { KubeMetrics } from './kube-metrics.ts';
import type { Scheduler } from './scheduler.ts';

export interface QueueGauges {
  added(depth: number): void;
  taken(waitedMs: number, depth: number): void;
  retried(): void;
  done(tookMs: number, depth: number): void;
  /** Tells at each scrape how long the running work takes; returns how to stop. */
  start(): () => void;
}

export interface QueueGaugesOptions {
  readonly name: string;
  readonly clock: Scheduler;
  readonly metrics: KubeMetrics;
  /** When each running key was taken. */
  readonly running: ReadonlyMap<string, number>;
}

export function createQueueGauges({ name, clock, metrics: { queue, onScrape }, running }: QueueGaugesOptions): QueueGauges {
  const labels = { name, controller: name };
  const depths = queue.depth.labels(labels);
  const seconds = (ms: number): number => ms / 1000;

  function scrape(): void {
    const ages = [...running.values()].map((startedMs) => seconds(clock.monotonicMs() - startedMs));
    queue.unfinishedSeconds.labels(labels).set(ages.reduce((sum, age) => sum + age, 0));
    queue.longestRunningSeconds.labels(labels).set(Math.max(0, ...ages));
  }

  return {
    added(depth) {
      queue.adds.labels(labels).inc();
      depths.set(depth);
    },
    taken(waitedMs, depth) {
      queue.queueSeconds.labels(labels).observe(seconds(waitedMs));
      depths.set(depth);
    },
    retried: () => queue.retries.labels(labels).inc(),
    done(tookMs, depth) {
      queue.workSeconds.labels(labels).observe(seconds(tookMs));
      depths.set(depth);
    },
    start: () => onScrape(scrape),
  };
}
