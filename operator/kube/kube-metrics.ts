/** Every metric family of this directory, registered once per process and handed to whatever counts. */
import type { CounterChild, Family, GaugeChild, HistogramChild, Metrics } from '../../runtime/metrics.ts';

export interface KubeMetrics {
  readonly requests: Family<'code' | 'method' | 'host', CounterChild>;
  readonly requestSeconds: Family<'verb' | 'host', HistogramChild>;
  readonly rateLimitSeconds: Family<'verb' | 'host', HistogramChild>;
  readonly informer: InformerMetrics;
  readonly queue: QueueMetrics;
  readonly reconcile: ReconcileMetrics;
  /** 1 while leading. */
  readonly leaderStatus: Family<'name', GaugeChild>;
  readonly events: Family<'result', CounterChild>;
  /** Calls back before each scrape, for values that are only known when asked for; returns how to take it back. */
  onScrape(callback: () => void): () => void;
}

export interface InformerMetrics {
  readonly objects: Family<'informer', GaugeChild>;
  readonly refused: Family<'informer', GaugeChild>;
  readonly lists: Family<'informer' | 'reason', CounterChild>;
  readonly failures: Family<'informer' | 'reason', CounterChild>;
  readonly missedEvents: Family<'informer', CounterChild>;
  readonly listenerErrors: Family<'informer', CounterChild>;
  readonly progressAgeSeconds: Family<'informer', GaugeChild>;
}

export interface QueueMetrics {
  readonly depth: Family<QueueLabel, GaugeChild>;
  readonly adds: Family<QueueLabel, CounterChild>;
  readonly retries: Family<QueueLabel, CounterChild>;
  readonly queueSeconds: Family<QueueLabel, HistogramChild>;
  readonly workSeconds: Family<QueueLabel, HistogramChild>;
  readonly unfinishedSeconds: Family<QueueLabel, GaugeChild>;
  readonly longestRunningSeconds: Family<QueueLabel, GaugeChild>;
}

/** Both carry the controller's name: dashboards ask for the one or the other. */
export type QueueLabel = 'name' | 'controller';

export interface ReconcileMetrics {
  readonly total: Family<'controller' | 'result', CounterChild>;
  readonly errors: Family<'controller', CounterChild>;
  readonly terminalErrors: Family<'controller', CounterChild>;
  readonly seconds: Family<'controller', HistogramChild>;
  readonly maxConcurrent: Family<'controller', GaugeChild>;
  readonly activeWorkers: Family<'controller', GaugeChild>;
}

const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const QUEUE_BUCKETS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const INFORMER = ['informer'] as const;
const QUEUE = ['name', 'controller'] as const;
const CONTROLLER = ['controller'] as const;

/** One call per registry: a second one would register the same names again, and throws. */
export function createKubeMetrics(metrics: Metrics): KubeMetrics {
  const callbacks = new Set<() => void>();
  const beforeScrape = (): void => {
    for (const callback of callbacks) callback();
  };
  return {
    requests: metrics.counter('rest_client_requests_total', 'Requests to the API server by status code, method and host.', ['code', 'method', 'host']),
    requestSeconds: metrics.histogram({ name: 'rest_client_request_duration_seconds', help: 'Time until the API server answered, by verb and host.', labels: ['verb', 'host'] }, REQUEST_BUCKETS),
    rateLimitSeconds: metrics.histogram({ name: 'rest_client_rate_limiter_duration_seconds', help: 'Time spent waiting for the client-side rate limit.', labels: ['verb', 'host'] }, REQUEST_BUCKETS),
    informer: informerMetrics(metrics, beforeScrape),
    queue: queueMetrics(metrics, beforeScrape),
    reconcile: reconcileMetrics(metrics),
    leaderStatus: metrics.gauge('leader_election_master_status', '1 while this process leads.', ['name'], beforeScrape),
    events: metrics.counter('mcpgateway_events_total', 'Occurrences by what became of them: created, counted, dropped or failed.', ['result']),
    onScrape(callback) {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
  };
}

function informerMetrics(metrics: Metrics, beforeScrape: () => void): InformerMetrics {
  return {
    objects: metrics.gauge('mcpgateway_informer_objects', 'Objects held.', INFORMER, beforeScrape),
    refused: metrics.gauge('mcpgateway_informer_refused_objects', 'Objects that could not be parsed and are treated as absent.', INFORMER, beforeScrape),
    lists: metrics.counter('mcpgateway_informer_lists_total', 'Complete lists, by why: first, expired, missed or audit.', ['informer', 'reason']),
    failures: metrics.counter('mcpgateway_informer_failures_total', 'Lists and watches that failed, by reason.', ['informer', 'reason']),
    missedEvents: metrics.counter('mcpgateway_informer_missed_events_total', 'Changes that no watch delivered and an audit found. Should stay 0.', INFORMER),
    listenerErrors: metrics.counter('mcpgateway_informer_listener_errors_total', 'Listeners that threw.', INFORMER),
    progressAgeSeconds: metrics.gauge('mcpgateway_informer_progress_age_seconds', 'Time since the API server last showed progress.', INFORMER, beforeScrape),
  };
}

function queueMetrics(metrics: Metrics, beforeScrape: () => void): QueueMetrics {
  return {
    depth: metrics.gauge('workqueue_depth', 'Keys ready to be worked on.', QUEUE),
    adds: metrics.counter('workqueue_adds_total', 'Keys added.', QUEUE),
    retries: metrics.counter('workqueue_retries_total', 'Keys added again after a failure.', QUEUE),
    queueSeconds: metrics.histogram({ name: 'workqueue_queue_duration_seconds', help: 'Time a key waits.', labels: QUEUE }, QUEUE_BUCKETS),
    workSeconds: metrics.histogram({ name: 'workqueue_work_duration_seconds', help: 'Time a key is worked on.', labels: QUEUE }, QUEUE_BUCKETS),
    unfinishedSeconds: metrics.gauge('workqueue_unfinished_work_seconds', 'Time spent so far on what is being worked on.', QUEUE, beforeScrape),
    longestRunningSeconds: metrics.gauge('workqueue_longest_running_processor_seconds', 'Time of the longest running worker.', QUEUE, beforeScrape),
  };
}

function reconcileMetrics(metrics: Metrics): ReconcileMetrics {
  return {
    total: metrics.counter('controller_runtime_reconcile_total', 'Reconciles by result.', ['controller', 'result']),
    errors: metrics.counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed.', CONTROLLER),
    terminalErrors: metrics.counter('controller_runtime_terminal_reconcile_errors_total', 'Reconciles that failed for good.', CONTROLLER),
    seconds: metrics.histogram({ name: 'controller_runtime_reconcile_time_seconds', help: 'Time a reconcile takes.', labels: CONTROLLER }, RECONCILE_BUCKETS),
    maxConcurrent: metrics.gauge('controller_runtime_max_concurrent_reconciles', 'Workers of a controller.', CONTROLLER),
    activeWorkers: metrics.gauge('controller_runtime_active_workers', 'Workers that are reconciling now.', CONTROLLER),
  };
}
