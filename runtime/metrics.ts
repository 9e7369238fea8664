/**
 * Metrics in our own registry, passed in. Children are bound to their labels once and then only add numbers: the
 * client library sees the sum when somebody scrapes, because its own `inc` hashes the labels on every call.
 */
import { Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram, Registry, collectDefaultMetrics } from 'prom-client';

export type LabelValues<L extends string> = Readonly<Record<L, string>>;

export interface CounterChild {
  inc(by?: number): void;
}
export interface GaugeChild {
  set(value: number): void;
  add(by: number): void;
}
export interface HistogramChild {
  observe(value: number): void;
}

/** `labels` returns the same child for the same values; `remove` ends a series and forgets its child. */
export interface Family<L extends string, Child> {
  labels(values: LabelValues<L>): Child;
  remove(values: LabelValues<L>): void;
}

export interface Definition<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
}

export interface Metrics {
  counter<L extends string>(name: string, help: string, labels: readonly L[]): Family<L, CounterChild>;
  /** `beforeScrape` may set values that are only known when asked for. */
  gauge<L extends string>(name: string, help: string, labels: readonly L[], beforeScrape?: () => void): Family<L, GaugeChild>;
  histogram<L extends string>(definition: Definition<L>, bucketsUpTo: readonly number[]): Family<L, HistogramChild>;
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createMetrics(options: { readonly processMetrics: boolean } = { processMetrics: false }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.processMetrics) collectDefaultMetrics({ register: registry });

  return {
    counter(name, help, labels) {
      const pending: PendingCount[] = [];
      const metric = new PromCounter({ name, help, labelNames: [...labels], registers, collect: () => flush(pending) });
      return family(labels, {
        create: (values) => {
          const child = createPendingCount((by) => metric.inc(values, by));
          pending.push(child);
          return child;
        },
        remove: (values, child) => {
          pending.splice(pending.indexOf(child), 1);
          metric.remove(values);
        },
      });
    },

    gauge(name, help, labels, beforeScrape) {
      const collect = beforeScrape === undefined ? {} : { collect: beforeScrape };
      const metric = new PromGauge({ name, help, labelNames: [...labels], registers, ...collect });
      return family(labels, {
        create: (values) => ({ set: (value) => metric.set(values, value), add: (by) => metric.inc(values, by) }),
        remove: (values) => metric.remove(values),
      });
    },

    histogram({ name, help, labels }, bucketsUpTo) {
      const metric = new PromHistogram({ name, help, labelNames: [...labels], registers, buckets: [...bucketsUpTo] });
      return family(labels, {
        create: (values) => metric.labels(values),
        remove: (values) => metric.remove(values),
      });
    },

    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

interface PendingCount extends CounterChild {
  flush(): void;
}

function createPendingCount(add: (by: number) => void): PendingCount {
  let sum = 0;
  // A counter of 0 is worth showing: a rate over a series that appears with its first event misses that event.
  add(0);
  return {
    inc(by = 1) {
      sum += by;
    },
    flush() {
      if (sum === 0) return;
      add(sum);
      sum = 0;
    },
  };
}

function flush(pending: readonly PendingCount[]): void {
  for (const child of pending) child.flush();
}

interface Source<L extends string, Child> {
  create(values: LabelValues<L>): Child;
  remove(values: LabelValues<L>, child: Child): void;
}

function family<L extends string, Child>(labels: readonly L[], source: Source<L, Child>): Family<L, Child> {
  const children = new Map<string, Child>();
  const keyOf = (values: LabelValues<L>): string => JSON.stringify(labels.map((label) => values[label]));
  return {
    labels(values) {
      const key = keyOf(values);
      const known = children.get(key);
      if (known !== undefined) return known;
      const child = source.create(values);
      children.set(key, child);
      return child;
    },
    remove(values) {
      const key = keyOf(values);
      const child = children.get(key);
      if (child === undefined) return;
      children.delete(key);
      source.remove(values, child);
    },
  };
}
