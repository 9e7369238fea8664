/**
 * The source of a sidecar's policy in a cluster: a stream to every replica of the operator, and a file for when there is
 * none. What several replicas say becomes one bundle in force, its age, and the operator's clock.
 */
import type { Bundle } from '../../api/bundle.ts';
import type { ExposureReport, HeartbeatMessage } from '../../api/bundle-stream.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/log.ts';
import type { UsageReceiver } from '../usage/reporter.ts';
import { createBundleAdmission, NOTHING_HELD } from './bundle-admission.ts';
import type { BundleAdmission, Held } from './bundle-admission.ts';
import { createFreshness } from './freshness.ts';
import type { Freshness } from './freshness.ts';
import { createHeldWriter } from './held-writer.ts';
import type { HeldWriter } from './held-writer.ts';
import { createLastGoodFile } from './last-good-file.ts';
import type { LastGoodFile, SavedFreshness } from './last-good-file.ts';
import { createOperatorClock } from './operator-clock.ts';
import type { OperatorClock } from './operator-clock.ts';
import { keepFollowing } from './replica-follower.ts';
import type { ReplicaFollowerDeps, ReplicaLink, ReplicaSettings } from './replica-follower.ts';
import { keepResolving } from './replica-addresses.ts';

export interface OperatorSourceOptions extends ReplicaSettings {
  /** Where the last good bundle is kept: in memory, of this pod, and of nobody else. */
  readonly directory: string;
  readonly resolveEveryMs: number;
}

export interface OperatorSourceDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Addresses of all ready replicas. */
  readonly resolve: () => Promise<readonly string[]>;
  /** Runs before the revision is acknowledged: what it no longer allows must be cut when it returns. */
  readonly onBundle: (bundle: Bundle) => void;
  /** First called before any bundle. While it is true nothing may be allowed, whatever bundle there is. */
  readonly onStale: (isStale: boolean) => void;
  /** The server is gone or not accepted; a bundle may follow. */
  readonly onRetracted: () => void;
}

export interface OperatorSource {
  /** Resolves when `signal` has aborted and everything has stopped. */
  run(signal: AbortSignal): Promise<void>;
  /** For expiry: wall-clock time of the operator. */
  readonly clock: { nowMs(): number };
  /** The replicas that are connected now. */
  receivers(): readonly UsageReceiver[];
  /** Says it to every replica that is connected, or will be, until something else is said. */
  reportExposure(report: ExposureReport): void;
}

const MAX_TICK_MS = 1_000;
const FRESHNESS_EVERY_MS = 10_000;
/** A node's clock may be set back a little; further, and what is in the file says nothing about its age. */
const CLOCK_SLACK_MS = 60_000;

/**
 * Guarantees: no bundle older than the one in force, no token that was revoked in this epoch, and nothing at all once
 * the bundle in force is older than it says it may get without a replica that vouches for it. Not: that the newest
 * replica is reachable.
 */
export function createOperatorSource(options: OperatorSourceOptions, deps: OperatorSourceDeps): OperatorSource {
  const { clock, log } = deps;
  const hashes: TokenHashes = new WeakMap();
  const operatorClock = createOperatorClock(clock);
  let admission: BundleAdmission | undefined;
  // Without a bundle nothing is allowed, however old it is.
  const freshness = createFreshness({ clock, maxStalenessMs: () => admission?.held().bundle?.maxStalenessMs ?? 0, onStale: deps.onStale });
  const file = createLastGoodFile(options.directory, hashes);
  const links = new Set<ReplicaLink>();
  let exposure: ExposureReport | undefined;

  return {
    clock: { nowMs: operatorClock.nowMs },
    receivers: () => [...links],
    reportExposure(report) {
      if (exposure?.port === report.port && exposure.outcome === report.outcome) return;
      exposure = report;
      for (const link of links) link.reportExposure(report);
    },
    async run(signal) {
      const inForce = createBundleAdmission(await restore(file, { clock, log, operatorClock, freshness }), hashes);
      admission = inForce;
      const saved = (): SavedFreshness => savedFreshness(clock, freshness, operatorClock);
      const writer = createHeldWriter(
        () => file.write({ held: inForce.held(), freshness: saved() }),
        (cause) => log.error('the last good bundle was not saved', { cause }),
      );
      const policy = createPolicy({ ...deps, admission: inForce, freshness, operatorClock, writer });
      // Nothing has been confirmed to this process yet, unless the file says that it was.
      freshness.judge();
      policy.announce();
      const stopTicking = keepTicking({ clock, freshness, admission: inForce, file, saved });
      const follower: ReplicaFollowerDeps = {
        clock,
        log,
        hashes,
        connected(link) {
          const events = policy.of(link);
          return {
            ...events,
            bundle(bundle, epoch) {
              if (!links.has(link) && exposure !== undefined) link.reportExposure(exposure);
              links.add(link);
              events.bundle(bundle, epoch);
            },
            ended() {
              links.delete(link);
              operatorClock.forget(link.id);
            },
          };
        },
      };
      await keepResolving({ everyMs: options.resolveEveryMs, resolve: deps.resolve, log, follow: (address, gone) => keepFollowing(address, options, follower, gone) }, signal);
      await stopTicking();
      await writer.settled();
    },
  };
}

interface PolicyDeps extends Pick<OperatorSourceDeps, 'onBundle' | 'onRetracted' | 'log'> {
  readonly admission: BundleAdmission;
  readonly freshness: Freshness;
  readonly operatorClock: OperatorClock;
  readonly writer: HeldWriter;
}

type LinkEvents = Omit<ReturnType<ReplicaFollowerDeps['connected']>, 'ended'>;

/** What each link says, put together: what is in force, who vouches for it, who is told. */
function createPolicy(deps: PolicyDeps): { announce(): void; of(link: ReplicaLink): LinkEvents } {
  const { admission, freshness, operatorClock, writer, log } = deps;
  let announced: Bundle | undefined;

  function announce(): void {
    const effective = admission.effective();
    if (effective === announced) return;
    announced = effective;
    if (effective === undefined) deps.onRetracted();
    else deps.onBundle(effective);
  }

  /** Puts in force first, then saves, and only then says so. */
  async function settle(before: Held, acknowledge: () => void): Promise<void> {
    announce();
    // Another policy may allow less age than the one before it.
    freshness.judge();
    const isSaved = await (isChanged(before, admission.held()) ? writer.changed() : writer.settled());
    if (isSaved) acknowledge();
  }

  return {
    announce,
    of(link) {
      let vouchedFor: string | undefined;
      return {
        bundle(bundle, epoch) {
          const before = admission.held();
          const isAccepted = admission.offer({ stream: link.id, epoch, bundle }, operatorClock.nowMs());
          vouchedFor = isAccepted ? bundle.revision : undefined;
          if (!isAccepted) log.warn('a replica offered an older bundle', { address: link.address });
          void settle(before, () => {
            if (isAccepted) link.acknowledge(bundle.revision);
          });
        },
        retracted(order, epoch) {
          const before = admission.held();
          vouchedFor = undefined;
          admission.retract({ stream: link.id, epoch, order });
          void settle(before, () => undefined);
        },
        heartbeat({ progressAgeMs, nowMs, epoch }: HeartbeatMessage) {
          const underWayMs = operatorClock.heard(link.id, nowMs);
          const { bundle, epoch: ours } = admission.held();
          if (bundle === undefined || vouchedFor !== bundle.revision || epoch !== ours) return;
          freshness.confirmed(progressAgeMs + underWayMs);
          freshness.judge();
        },
      };
    },
  };
}

/** A newer order alone is not worth a write. */
function isChanged(before: Held, after: Held): boolean {
  return (
    before.epoch !== after.epoch || before.bundle?.revision !== after.bundle?.revision || before.retracted !== after.retracted || before.tombstones !== after.tombstones
  );
}

interface Restoring {
  readonly clock: Clock;
  readonly log: Logger;
  readonly operatorClock: OperatorClock;
  readonly freshness: Freshness;
}

async function restore(file: LastGoodFile, { clock, log, operatorClock, freshness }: Restoring): Promise<Held> {
  const state = await file.read((cause) => log.warn('the last good bundle cannot be used', { problem: cause.constructor.name }));
  if (state === undefined) return NOTHING_HELD;
  operatorClock.assume(state.freshness.clockOffsetMs);
  const { evidenceAtMs } = state.freshness;
  const ageMs = evidenceAtMs === undefined ? Infinity : clock.nowMs() - evidenceAtMs;
  if (ageMs >= -CLOCK_SLACK_MS) freshness.confirmed(ageMs);
  return state.held;
}

function savedFreshness(clock: Clock, freshness: Freshness, operatorClock: OperatorClock): SavedFreshness {
  const ageMs = freshness.ageMs();
  const clockOffsetMs = Math.round(operatorClock.offsetMs());
  return { clockOffsetMs, ...(ageMs === Infinity ? {} : { evidenceAtMs: Math.max(Math.floor(clock.nowMs() - ageMs), 0) }) };
}

interface Ticking {
  readonly clock: Clock;
  readonly freshness: Freshness;
  readonly admission: BundleAdmission;
  readonly file: LastGoodFile;
  readonly saved: () => SavedFreshness;
}

/** Judges the age, and from time to time writes it down: a restart must neither shorten nor lengthen it. */
function keepTicking({ clock, freshness, admission, file, saved }: Ticking): () => Promise<void> {
  let writtenMs = clock.monotonicMs();
  let writing: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    const revision = admission.held().bundle?.revision;
    // Not written: the bundle only looks older after a restart than it is.
    if (revision !== undefined) await file.writeFreshness(revision, saved()).catch(() => undefined);
  };
  const tick = (): void => {
    freshness.judge();
    if (clock.monotonicMs() - writtenMs >= FRESHNESS_EVERY_MS) {
      writtenMs = clock.monotonicMs();
      writing = writing.then(write);
    }
    timer = setTimeout(tick, Math.min(freshness.staleInMs(), MAX_TICK_MS));
  };
  let timer = setTimeout(tick, 0);
  return async () => {
    clearTimeout(timer);
    await writing;
    await write();
  };
}
