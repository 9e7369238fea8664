/**
 * The sidecar's own metrics. Every label comes from a closed list or from configuration, never from a request, so a
 * stranger cannot make series. Children are cached because the labels of a request repeat.
 */
import type { AuthenticationMethod } from '../core/principal.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CounterChild, HistogramChild, Metrics } from '../runtime/metrics.ts';
import { outcome } from './audit/exchange.ts';
import type { CloseCause, Exchange, ExchangeServer } from './audit/exchange.ts';
import type { AuditObserver } from './audit/log.ts';
import { methodLabel } from './audit/method-label.ts';

/** The server of a request that reached none, or one that is no longer served. */
const NO_SERVER = 'none';
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60] as const;

export interface ServedRevision {
  /** `<namespace>/<name>`. */
  readonly server: string;
  readonly revision: string;
}

export interface SidecarMetrics {
  /** Counts an exchange that has ended, with the words its record has. */
  observe(exchange: Exchange, durationMs: number): void;
  streamOpened(): void;
  streamClosed(): void;
  streamCut(cause: CloseCause): void;
  /** The servers of a new snapshot; the series of all others end. */
  served(servers: readonly ServedRevision[]): void;
  /** The policy in force was found to be the newest there is. */
  policyConfirmed(): void;
  configProblems(count: number): void;
  /** Bytes that never became a request; `code` is from a closed set. */
  malformed(code: string): void;
  readonly audit: AuditObserver;
}

export function createSidecarMetrics(metrics: Metrics, clock: Clock): SidecarMetrics {
  const requests = createRequestMetrics(metrics);
  const openStreams = metrics.gauge('mcpgateway_open_streams', 'Event streams open now.', []).labels({});
  const cut = metrics.counter('mcpgateway_streams_cut_total', 'Open streams that the gateway ended.', ['cause']);
  const malformed = metrics.counter('mcpgateway_malformed_requests_total', 'Bytes that the HTTP parser refused.', ['code']);
  const problems = metrics.gauge('mcpgateway_config_problems', 'Problems in the configuration that is loaded.', []).labels({});
  const policy = createPolicyMetrics(metrics, clock);
  return {
    observe: (exchange, durationMs) => requests.observe(exchange, durationMs),
    streamOpened: () => openStreams.add(1),
    streamClosed: () => openStreams.add(-1),
    streamCut: (cause) => cut.labels({ cause }).inc(),
    served(servers) {
      policy.served(servers);
      requests.keep(new Set(servers.map(({ server }) => server)));
    },
    policyConfirmed: () => policy.confirmed(),
    configProblems: (count) => problems.set(count),
    malformed: (code) => malformed.labels({ code }).inc(),
    audit: createAuditMetrics(metrics),
  };
}

function createAuditMetrics(metrics: Metrics): AuditObserver {
  const recorded = metrics.counter('mcpgateway_audit_records_total', 'Audit records made.', []).labels({});
  const dropped = metrics.counter('mcpgateway_audit_dropped_total', 'Audit records lost; a gap record says so too.', []).labels({});
  const summarised = metrics
    .counter('mcpgateway_audit_summarised_total', 'Unauthenticated refusals counted in a summary record.', [])
    .labels({});
  return { recorded: () => recorded.inc(), dropped: (records) => dropped.inc(records), summarised: () => summarised.inc() };
}

interface PolicyMetrics {
  served(servers: readonly ServedRevision[]): void;
  confirmed(): void;
}

function createPolicyMetrics(metrics: Metrics, clock: Clock): PolicyMetrics {
  let confirmedMs = clock.monotonicMs();
  let shown: readonly ServedRevision[] = [];
  const revision = metrics.gauge('mcpgateway_policy_revision_info', 'Always 1; the revision in force.', ['server', 'revision']);
  const staleness = metrics
    .gauge('mcpgateway_policy_staleness_seconds', 'Time since the policy in force was known to be the newest.', [], () => {
      staleness.set((clock.monotonicMs() - confirmedMs) / 1000);
    })
    .labels({});
  return {
    served(servers) {
      for (const old of shown) revision.remove({ ...old });
      for (const current of servers) revision.labels({ ...current }).set(1);
      shown = servers;
    },
    confirmed() {
      confirmedMs = clock.monotonicMs();
    },
  };
}

interface RequestLabels {
  readonly server: string;
  readonly outcome: string;
  readonly code: string;
  readonly method: string;
  readonly credential: AuthenticationMethod | 'none';
}

/** What one combination of labels counts with. */
interface Series {
  readonly labels: RequestLabels;
  readonly requests: CounterChild;
  readonly seconds: HistogramChild;
  readonly failures: CounterChild | undefined;
}

interface RequestMetrics {
  observe(exchange: Exchange, durationMs: number): void;
  /** Ends the series of every other server. */
  keep(servers: ReadonlySet<string>): void;
}

function createRequestMetrics(metrics: Metrics): RequestMetrics {
  const requests = metrics.counter('mcpgateway_requests_total', 'Requests that have ended.', [
    'server',
    'outcome',
    'code',
    'method',
    'credential',
  ]);
  const seconds = metrics.histogram(
    { name: 'mcpgateway_request_duration_seconds', help: 'Time from the head of a request to its end.', labels: ['server'] },
    SECONDS,
  );
  const authentication = metrics.counter('mcpgateway_authentication_failures_total', 'Requests without a valid credential.', [
    'server',
    'code',
  ]);
  const upstream = metrics.counter('mcpgateway_upstream_errors_total', 'Permitted requests that failed at the upstream.', [
    'server',
    'code',
  ]);
  const known = createSeriesTable();
  // A server belongs to a snapshot and serves many requests; its name is put together once.
  const names = new WeakMap<ExchangeServer, string>();
  let listed: ReadonlySet<string> = new Set();

  function createSeries(labels: RequestLabels): Series {
    const { server, code } = labels;
    const failed = failureFamily(code);
    return {
      labels,
      requests: requests.labels(labels),
      seconds: seconds.labels({ server }),
      failures: failed?.labels({ server, code }),
    };
  }

  function failureFamily(code: string): typeof upstream | undefined {
    if (code.startsWith('ERR_CREDENTIAL_')) return authentication;
    return code.startsWith('ERR_UPSTREAM_') ? upstream : undefined;
  }

  /** An exchange may outlive its server; it must not bring the series of a removed server back. */
  function serverLabel(server: ExchangeServer | undefined): string {
    if (server === undefined) return NO_SERVER;
    const name = names.get(server) ?? `${server.namespace}/${server.name}`;
    names.set(server, name);
    return listed.has(name) ? name : NO_SERVER;
  }

  return {
    observe(exchange, durationMs) {
      const labels = labelsOf(exchange, serverLabel(exchange.server));
      const series = known.find(labels) ?? known.add(createSeries(labels));
      series.requests.inc();
      series.seconds.observe(durationMs / 1000);
      series.failures?.inc();
    },
    keep(servers) {
      listed = servers;
      for (const { labels } of known.removeServers((server) => server !== NO_SERVER && !servers.has(server))) {
        const { server, code } = labels;
        requests.remove(labels);
        seconds.remove({ server });
        failureFamily(code)?.remove({ server, code });
      }
    },
  };
}

interface SeriesTable {
  find(labels: RequestLabels): Series | undefined;
  add(series: Series): Series;
  /** Forgets the series of the servers named by `isGone` and returns them. */
  removeServers(isGone: (server: string) => boolean): readonly Series[];
}

/** By server, code and method in turn: a key made of all labels would be a new text to hash for every request. */
function createSeriesTable(): SeriesTable {
  const servers = new Map<string, Map<string, Map<string, Series[]>>>();
  return {
    find: ({ server, code, method, outcome: result, credential }) =>
      servers.get(server)?.get(code)?.get(method)?.find(({ labels }) => labels.outcome === result && labels.credential === credential),
    add(series) {
      const { server, code, method } = series.labels;
      const codes = servers.get(server) ?? new Map<string, Map<string, Series[]>>();
      const methods = codes.get(code) ?? new Map<string, Series[]>();
      servers.set(server, codes.set(code, methods.set(method, [...(methods.get(method) ?? []), series])));
      return series;
    },
    removeServers(isGone) {
      const removed: Series[] = [];
      for (const [server, codes] of servers) {
        if (!isGone(server)) continue;
        servers.delete(server);
        for (const methods of codes.values()) removed.push(...[...methods.values()].flat());
      }
      return removed;
    },
  };
}

function labelsOf(exchange: Exchange, server: string): RequestLabels {
  const { denial, message, principal } = exchange;
  return {
    server,
    outcome: outcome(exchange),
    code: denial?.code ?? 'none',
    method: methodLabel(message),
    credential: principal?.method ?? 'none',
  };
}
