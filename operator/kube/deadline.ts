/** A time limit for one call, joined with the caller's own signal. */
import { KubeError } from './kube-error.ts';
import type { Scheduler } from './scheduler.ts';

export interface Deadline {
  /** Aborted with a `KubeError`: `Timeout` when the time is over, `Aborted` when the caller gave up. */
  readonly signal: AbortSignal;
  /** No limit from now on; the caller's signal still counts. */
  lift(): void;
  /** Must be called: it lets go of the timer and of the caller's signal. */
  dispose(): void;
}

export function createDeadline(clock: Scheduler, timeoutMs: number, caller: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const giveUp = (): void => controller.abort(new KubeError('Aborted', 'the call was given up'));
  const lift = clock.after(timeoutMs, () => controller.abort(new KubeError('Timeout', 'the API server did not answer in time')));
  if (caller?.aborted === true) giveUp();
  else caller?.addEventListener('abort', giveUp, { once: true });
  return {
    signal: controller.signal,
    lift,
    dispose() {
      lift();
      caller?.removeEventListener('abort', giveUp);
    },
  };
}
