/** Leader election on a Lease: at most one process leads, and knows when it no longer does. */
import { randomUUID } from 'node:crypto';
import type { Logger } from '../../runtime/log.ts';
import type { KubeClient } from './client.ts';
import type { KubeMetrics } from './kube-metrics.ts';
import { createLeaseClaim } from './lease-claim.ts';
import { type Scheduler, pause } from './scheduler.ts';
import { type Tenure, createTenure } from './tenure.ts';

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** This process, for people (the pod's name); a random suffix makes it unique even after a restart. */
  readonly candidate: string;
  readonly clock: Scheduler;
  readonly log: Logger;
  readonly metrics: KubeMetrics;
  readonly timing?: Partial<LeaseTiming>;
}

export interface LeaseTiming {
  /** Others wait this long after the last change they saw. Default: 15 s. */
  readonly leaseMs: number;
  /** Leadership ends this long after the start of the last renewal that succeeded; below `leaseMs`. Default: 10 s. */
  readonly renewMs: number;
  /** Between two attempts. Default: 2 s. */
  readonly retryMs: number;
}

export interface CampaignOptions {
  readonly signal: AbortSignal;
  /**
   * Called once, when leading. Its signal is aborted when leadership is lost or the campaign's signal is aborted;
   * every write must carry it. The lease is renewed until `lead` has ended, and given up only then.
   */
  readonly lead: (signal: AbortSignal) => Promise<void>;
}

export interface LeaderElection {
  /** What the Lease names as its holder while this process leads. */
  readonly identity: string;
  /**
   * Judged by the monotonic clock each time: false before the lease can be another's, even where no timer fires. A
   * write that was sent while it was true may still arrive later: the time between `renewMs` and `leaseMs` is for that.
   */
  isLeader(): boolean;
  /**
   * Waits for the lease, leads, and resolves once `lead` has ended. `lost`: the lease could not be renewed, and the
   * process should end. `stopped`: the signal was aborted, or `lead` ended by itself; a lease that was held has been
   * given up, so that another need not wait. Rejects only as `lead` does, after giving the lease up.
   */
  campaign(options: CampaignOptions): Promise<'lost' | 'stopped'>;
}

const TIMING: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { clock, metrics, name } = options;
  const timing: LeaseTiming = { ...TIMING, ...options.timing };
  if (timing.renewMs >= timing.leaseMs) throw new TypeError('a lease must outlast its renewal');
  const identity = `${options.candidate}_${randomUUID()}`;
  const log = options.log.child({ lease: name, identity });
  const claim = createLeaseClaim({ ...options, identity, leaseMs: timing.leaseMs });
  const tenure = createTenure({ claim, clock, log, renewMs: timing.renewMs });
  const status = metrics.leaderStatus.labels({ name });
  const isLeader = (): boolean => tenure.remainingMs() > 0;

  async function acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if ((await tenure.renew(timing.renewMs / 2)) === 'held') return true;
      await pause(clock, timing.retryMs, signal);
    }
    return false;
  }

  async function release(): Promise<void> {
    tenure.end();
    try {
      if (await claim.release({ timeoutMs: timing.retryMs })) log.info('the lease is given up');
    } catch (error) {
      // Safe to go on: the others wait for it to expire instead.
      log.warn('the lease could not be given up', { error });
    }
  }

  async function lead({ signal, lead }: CampaignOptions): Promise<'lost' | 'stopped'> {
    const leadership = new AbortController();
    const ended = new AbortController();
    const stop = (): void => leadership.abort();
    signal.addEventListener('abort', stop, { once: true });
    log.info('leading');
    const keeping = keep({ tenure, clock, timing }, ended.signal).then((kept) => {
      if (kept) return true;
      tenure.end();
      log.error('the lease is lost');
      stop();
      return false;
    });
    try {
      await lead(leadership.signal);
    } finally {
      ended.abort();
      signal.removeEventListener('abort', stop);
      if (await keeping) await release();
    }
    return (await keeping) ? 'stopped' : 'lost';
  }

  return {
    identity,
    isLeader,
    async campaign(campaign) {
      const stopGauge = metrics.onScrape(() => status.set(isLeader() ? 1 : 0));
      try {
        if (!(await acquire(campaign.signal))) return 'stopped';
        if (!campaign.signal.aborted) return await lead(campaign);
        await release();
        return 'stopped';
      } finally {
        stopGauge();
        status.set(0);
      }
    },
  };
}

interface Keeping {
  readonly tenure: Tenure;
  readonly clock: Scheduler;
  readonly timing: LeaseTiming;
}

/** Renews until `ended` is aborted; `false` as soon as the lease is another's or the tenure is over. */
async function keep({ tenure, clock, timing }: Keeping, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    await pause(clock, Math.min(timing.retryMs, tenure.remainingMs()), ended);
    if (ended.aborted) break;
    const remainingMs = tenure.remainingMs();
    if (remainingMs <= 0) return false;
    // Half at most: a connection that hangs must leave time for a second attempt.
    const result = await tenure.renew(Math.min(remainingMs, timing.renewMs / 2));
    if (result === 'taken') return false;
  }
  return tenure.remainingMs() > 0;
}
