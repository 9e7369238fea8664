/** The controller_runtime_reconcile_* metrics of one controller. */
import type { KubeMetrics } from './kube-metrics.ts';

/** `terminal` is an error that is not tried again. */
export type ReconcileResult = 'success' | 'requeue_after' | 'error' | 'terminal';

export interface ReconcileCount {
  workers(count: number): void;
  started(): void;
  ended(result: ReconcileResult, tookMs: number): void;
}

export function createReconcileCount(controller: string, { reconcile }: KubeMetrics): ReconcileCount {
  const active = reconcile.activeWorkers.labels({ controller });
  return {
    workers(count) {
      reconcile.maxConcurrent.labels({ controller }).set(count);
      active.set(0);
      for (const result of ['success', 'requeue_after', 'error']) reconcile.total.labels({ controller, result }).inc(0);
      reconcile.errors.labels({ controller }).inc(0);
      reconcile.terminalErrors.labels({ controller }).inc(0);
    },
    started: () => active.add(1),
    ended(result, tookMs) {
      active.add(-1);
      const failed = result === 'error' || result === 'terminal';
      reconcile.total.labels({ controller, result: failed ? 'error' : result }).inc();
      if (failed) reconcile.errors.labels({ controller }).inc();
      if (result === 'terminal') reconcile.terminalErrors.labels({ controller }).inc();
      reconcile.seconds.labels({ controller }).observe(tookMs / 1000);
    },
  };
}
