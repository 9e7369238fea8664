/** How long a lease is certainly ours: counted from before each renewal was sent, on our own monotonic clock. */
import type { Logger } from '../../runtime/log.ts';
import { createDeadline } from './deadline.ts';
import type { LeaseClaim } from './lease-claim.ts';
import type { Scheduler } from './scheduler.ts';

export interface Tenure {
  /** `taken`: another holds the lease, or may by now. `failed`: it could not be found out within the limit. */
  renew(limitMs: number): Promise<'held' | 'taken' | 'failed'>;
  /** Below zero when it is over. */
  remainingMs(): number;
  end(): void;
}

export interface TenureOptions {
  readonly claim: LeaseClaim;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly renewMs: number;
}

export function createTenure({ claim, clock, log, renewMs }: TenureOptions): Tenure {
  let untilMs = Number.NEGATIVE_INFINITY;
  const remainingMs = (): number => untilMs - clock.monotonicMs();
  return {
    async renew(limitMs) {
      const startedMs = clock.monotonicMs();
      // One limit for reading and writing. Nothing else interrupts it: a write that is cut off may still arrive.
      const deadline = createDeadline(clock, limitMs, undefined);
      try {
        if (!(await claim.attempt({ signal: deadline.signal, timeoutMs: limitMs }))) return 'taken';
        untilMs = startedMs + renewMs;
        return remainingMs() > 0 ? 'held' : 'failed';
      } catch (error) {
        // Nothing is decided: the tenure goes on until it ends, and the next attempt reads who holds the lease.
        log.warn('a lease could not be claimed', { error });
        return 'failed';
      } finally {
        deadline.dispose();
      }
    },
    remainingMs,
    end() {
      untilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
