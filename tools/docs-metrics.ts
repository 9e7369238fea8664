/** docs/reference/metrics.md: the metrics that the sidecar registers, as it registers them. */
import { createMetrics } from '../runtime/metrics.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { createSidecarMetrics } from '../sidecar/metrics.ts';
import { code, renderTable } from './docs-schema.ts';

interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
}

/** The real registry, with a note taken of everything that is asked of it. */
function recordMetrics(rows: MetricRow[]): Metrics {
  const metrics = createMetrics();
  return {
    counter(name, help, labels) {
      rows.push({ name, type: 'counter', labels, help });
      return metrics.counter(name, help, labels);
    },
    gauge(name, help, labels, beforeScrape) {
      rows.push({ name, type: 'gauge', labels, help });
      return metrics.gauge(name, help, labels, beforeScrape);
    },
    histogram(definition, buckets) {
      rows.push({ ...definition, type: 'histogram', buckets });
      return metrics.histogram(definition, buckets);
    },
    render: () => metrics.render(),
  };
}

export async function metricsPage(): Promise<string> {
  const rows: MetricRow[] = [];
  const registry = recordMetrics(rows);
  createSidecarMetrics(registry, { nowMs: () => 0, monotonicMs: () => 0 });
  requireRendered(rows, (await registry.render()).text);
  rows.sort((one, other) => (one.name < other.name ? -1 : 1));
  const buckets = rows.flatMap(({ name, buckets }) => (buckets === undefined ? [] : [`Buckets of ${code(name)}, in seconds: ${buckets.join(', ')}.`]));
  const table = rows.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help]);
  return `# Metrics

Served at \`/metrics\` on the admin port, in the text format of Prometheus. Beside these there are the process metrics that the client library
collects, \`process_*\` and \`nodejs_*\`.

${renderTable(['Metric', 'Type', 'Labels', 'Meaning'], table)}

${buckets.join('\n')}

Every label value comes from a closed list or from the configuration, never from a request. \`server\` is \`<namespace>/<name>\`, or \`none\` where a
request reached no server that is served. \`code\` is a [denial code](denials.md), or \`none\`; that of \`mcpgateway_malformed_requests_total\` is the
name that the HTTP parser gives the fault. \`method\` is a method of MCP; \`stream\` for GET, \`terminate\` for DELETE, \`batch\`, \`response\`,
\`other\` for a method that MCP does not have, and \`none\` where no message was read. The series of a server end when it is no longer served.
`;
}

/** A page that names a metric which nobody can scrape would be worse than none. */
function requireRendered(rows: readonly MetricRow[], text: string): void {
  const missing = rows.filter(({ name, type }) => !text.includes(`# TYPE ${name} ${type}\n`)).map(({ name }) => name);
  if (missing.length > 0) throw new TypeError(`not rendered: ${missing.join(', ')}`);
}
