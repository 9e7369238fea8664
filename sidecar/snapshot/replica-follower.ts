/** Keeps a stream to one replica: opens it again whenever it ends, sooner or later by how long the last one held. */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { STREAM_FORMAT } from '../../api/bundle-stream.ts';
import type { ExposureReport, ServerName, StreamEndpoint } from '../../api/bundle-stream.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import type { Clock } from '../../runtime/clock.ts';
import { errorCodeOf } from '../../runtime/error-code.ts';
import type { Logger } from '../../runtime/log.ts';
import type { UsageReceiver } from '../usage/reporter.ts';
import { followReplica, postReport, ReplicaRefusedError } from './replica-stream.ts';
import type { ReplicaEvents, ReplicaTarget, ReportChannel } from './replica-stream.ts';

export interface ReplicaSettings {
  readonly server: ServerName;
  readonly port: number;
  /** The name that every replica's certificate has. */
  readonly tlsName: string;
  /** PEM; read for every connection, as the token is. */
  readonly caFile: string;
  readonly tokenFile: string;
  readonly silenceMs: number;
  readonly backoff: { readonly minMs: number; readonly maxMs: number };
}

export interface ReplicaFollowerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hashes: TokenHashes;
  /** For one connection; `ended` when it is over. */
  connected(stream: ReplicaLink): ReplicaEvents & { ended(): void };
}

/** One connection to a replica, as long as it lasts. */
export interface ReplicaLink extends UsageReceiver {
  /** Unlike any other of this process. */
  readonly id: string;
  /** Says, until it was heard or something newer is to be said, that this revision is enforced. */
  acknowledge(revision: string): void;
  /** As for an acknowledgement: until it was heard, or something newer is to be said. */
  reportExposure(report: ExposureReport): void;
}

/** A stream that held this long was a good one: the next may follow at once. */
const GOOD_MS = 5_000;
const RETRY_REPORT_MS = 1_000;
/** What a replica answers to a report that it cannot read, however often it is sent. */
const NEVER_TAKEN: ReadonlySet<number> = new Set([400, 413]);

/** Resolves when `signal` aborts. Never rejects: whatever goes wrong with a replica is tried again. */
export async function keepFollowing(address: string, settings: ReplicaSettings, deps: ReplicaFollowerDeps, signal: AbortSignal): Promise<void> {
  const { clock, log } = deps;
  let failures = 0;
  for (let count = 1; !signal.aborted; count += 1) {
    const startedMs = clock.monotonicMs();
    let problem = 'ended';
    try {
      await followOnce(`${address}#${count}`, address, settings, { ...deps, signal });
    } catch (cause) {
      problem = describe(cause);
    }
    if (signal.aborted) return;
    failures = clock.monotonicMs() - startedMs >= GOOD_MS ? 0 : failures + 1;
    log.info('the stream of a replica ended', { address, problem });
    await sleep(delayOf(failures, settings.backoff), undefined, { signal }).catch(() => undefined);
  }
}

async function followOnce(id: string, address: string, settings: ReplicaSettings, deps: ReplicaFollowerDeps & { readonly signal: AbortSignal }): Promise<void> {
  const { hashes, signal } = deps;
  const over = new AbortController();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const channel: ReportChannel = { agent, signal: AbortSignal.any([signal, over.signal]) };
  const targetNow = (): Promise<ReplicaTarget> => readTarget(address, settings);
  const target = await targetNow();
  const acknowledge = createLatestReporter('acknowledgements', targetNow, channel);
  const events = deps.connected({
    address,
    id,
    acknowledge: (revision) => acknowledge({ format: STREAM_FORMAT, revision }),
    async reportUsage(report) {
      try {
        await postReport(await targetNow(), 'usage', report, channel);
        return 'taken';
      } catch (cause) {
        if (cause instanceof ReplicaRefusedError && NEVER_TAKEN.has(cause.status)) return 'refused';
        throw cause;
      }
    },
    reportExposure: createLatestReporter('exposures', targetNow, channel),
  });
  try {
    await followReplica(target, events, { silenceMs: settings.silenceMs, hashes }, signal);
  } finally {
    events.ended();
    over.abort();
    agent.destroy();
  }
}

/** One at a time, and of several that wait only the newest. */
function createLatestReporter(endpoint: Exclude<StreamEndpoint, 'bundles'>, targetNow: () => Promise<ReplicaTarget>, channel: ReportChannel): (report: object) => void {
  let wanted: object | undefined;
  let isSending = false;

  async function send(): Promise<void> {
    isSending = true;
    while (wanted !== undefined && !channel.signal.aborted) {
      const report = wanted;
      try {
        await postReport(await targetNow(), endpoint, report, channel);
        if (wanted === report) wanted = undefined;
      } catch {
        // The stream is still there, so the replica is: it takes this pod for one that has not said so until it hears of it.
        await sleep(RETRY_REPORT_MS, undefined, { signal: channel.signal }).catch(() => undefined);
      }
    }
    isSending = false;
  }

  return (report) => {
    wanted = report;
    if (!isSending) void send();
  };
}

async function readTarget(address: string, { port, tlsName, caFile, tokenFile, server }: ReplicaSettings): Promise<ReplicaTarget> {
  const [ca, token] = await Promise.all([readFile(caFile, 'utf8'), readFile(tokenFile, 'utf8')]);
  return { address, port, tlsName, ca, token: token.trim(), server };
}

/** Doubles, and is spread over its second half: replicas that come back are not met by every sidecar at once. */
function delayOf(failures: number, { minMs, maxMs }: ReplicaSettings['backoff']): number {
  const full = Math.min(minMs * 2 ** Math.min(failures, 20), maxMs);
  return full / 2 + randomInt(Math.max(Math.floor(full / 2), 1));
}

/** Of the fault only its kind: a message may quote what was received. */
function describe(cause: unknown): string {
  if (cause instanceof ReplicaRefusedError) return `status ${cause.status}`;
  return errorCodeOf(cause) ?? (cause instanceof Error ? cause.constructor.name : 'unknown');
}
