/** How old the policy in force is: by the best replica that vouches for it, on our monotonic clock. */
import type { Clock } from '../../runtime/clock.ts';

export interface Freshness {
  /** Evidence, this old, that what is in force is what the API server says. Older evidence never replaces newer. */
  confirmed(ageMs: number): void;
  /** Infinity: never. */
  ageMs(): number;
  /** Whether it is older than the bound; calls back at each change. Asked by whoever owns the timer. */
  judge(): boolean;
  /** When `judge` will next have another answer without new evidence; Infinity: it has it already. */
  staleInMs(): number;
}

export interface FreshnessOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** By the policy in force, so asked anew each time. */
  readonly maxStalenessMs: () => number;
  readonly onStale: (isStale: boolean) => void;
}

export function createFreshness({ clock, maxStalenessMs, onStale }: FreshnessOptions): Freshness {
  let evidenceAtMs = -Infinity;
  let isStale: boolean | undefined;
  const ageMs = (): number => clock.monotonicMs() - evidenceAtMs;

  return {
    confirmed(age) {
      evidenceAtMs = Math.max(evidenceAtMs, clock.monotonicMs() - Math.max(age, 0));
    },
    ageMs,
    judge() {
      const now = ageMs() > maxStalenessMs();
      if (now !== isStale) {
        isStale = now;
        onStale(now);
      }
      return now;
    },
    staleInMs: () => (isStale === true ? Infinity : Math.max(maxStalenessMs() - ageMs(), 0)),
  };
}
