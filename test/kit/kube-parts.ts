/** What the parts of operator/kube are given in tests. */
import { systemRandom } from '../../operator/kube/backoff.ts';
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../../operator/kube/client.ts';
import { createKubeMetrics, type KubeMetrics } from '../../operator/kube/kube-metrics.ts';
import type { Scheduler } from '../../operator/kube/scheduler.ts';
import type { LogFields, Logger } from '../../runtime/log.ts';
import { createMetrics } from '../../runtime/metrics.ts';

export interface KeptLog extends Logger {
  readonly entries: readonly { readonly level: string; readonly message: string; readonly fields: LogFields }[];
}

export function keepLog(): KeptLog {
  const entries: { level: string; message: string; fields: LogFields }[] = [];
  const writeTo = (level: string, bound: LogFields) => (message: string, fields: LogFields = {}): void => void entries.push({ level, message, fields: { ...bound, ...fields } });
  const over = (bound: LogFields): KeptLog => ({
    entries,
    debug: writeTo('debug', bound),
    info: writeTo('info', bound),
    warn: writeTo('warn', bound),
    error: writeTo('error', bound),
    child: (fields) => over({ ...bound, ...fields }),
  });
  return over({});
}

export interface KeptMetrics {
  readonly metrics: KubeMetrics;
  /** The value of a series, as a scrape shows it; `undefined` if there is no such series. */
  value(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
}

export function keepMetrics(): KeptMetrics {
  const registry = createMetrics();
  const metrics = createKubeMetrics(registry);
  return {
    metrics,
    async value(name, labels = {}) {
      const { text } = await registry.render();
      const line = text.split('\n').find((one) => (one.startsWith(`${name}{`) || one.startsWith(`${name} `)) && Object.entries(labels).every(([key, value]) => one.includes(`${key}="${value}"`)));
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
    },
  };
}

export interface TestClient extends KeptMetrics {
  readonly client: KubeClient;
  readonly clock: Scheduler;
  readonly log: KeptLog;
  readonly random: () => number;
}

/** Over a kubeconfig, with what else the parts need. */
export function aClient(kubeconfig: string, clock: Scheduler, options: Partial<KubeClientOptions> = {}): TestClient {
  const kept = keepMetrics();
  const client = createKubeClient({ kubeConfig: { type: 'Text', yaml: kubeconfig }, userAgent: 'test', clock, metrics: kept.metrics, ...options });
  return { ...kept, client, clock, log: keepLog(), random: systemRandom };
}
