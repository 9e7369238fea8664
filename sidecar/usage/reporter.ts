/**
 * Tells every replica of the operator what was done with tokens, each of them everything once. Where none is connected,
 * the counts wait.
 */
import { randomBytes } from 'node:crypto';
import type { GenerationUsage, UsageReport } from '../../api/bundle-stream.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/log.ts';
import { createUsageOutbox } from './outbox.ts';
import type { UsageOutbox } from './outbox.ts';
import type { UsageTally } from './tally.ts';
import { mergeUsage, NO_USAGE } from './usage.ts';
import type { Usage } from './usage.ts';

export interface UsageReporter {
  /** Reports at intervals from now on. */
  start(): void;
  /** Reports what was counted last; resolves when it was taken, refused or lost. */
  stop(): Promise<void>;
}

/** A replica that is connected now. */
export interface UsageReceiver {
  readonly address: string;
  /** See `Post`. */
  reportUsage(report: UsageReport): Promise<'taken' | 'refused'>;
}

export interface UsageReporterDeps {
  readonly tally: UsageTally;
  readonly receivers: () => readonly UsageReceiver[];
  /** The operator's clock. */
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly log: Logger;
  readonly everyMs: number;
}

interface Known {
  readonly outbox: UsageOutbox;
  connectedMs: number;
}

/** A replica that is away for longer has lost what it had, or is another one. */
const FORGET_MS = 5 * 60_000;
/** The longest that the operator may be told to wait before it writes down what it heard. */
const RECENT_MS = 24 * 3_600_000;

export function createUsageReporter({ tally, receivers, clock, log, everyMs }: UsageReporterDeps): UsageReporter {
  const known = new Map<string, Known>();
  /** What no replica may have written down yet: one that comes new is told, for the others may be gone before they do. */
  let recent: Usage = NO_USAGE;
  let timer: NodeJS.Timeout | undefined;

  function refused({ generations, uncounted }: UsageReport): void {
    log.error('a replica refused a report of usage, which is lost', { generations: generations.length, uncounted });
  }

  function begin(): Known {
    // Of its own each time: one that was forgotten and is there again knows the numbers it was told before.
    const outbox = createUsageOutbox(randomBytes(8).toString('hex'), refused);
    outbox.add(recent);
    return { outbox, connectedMs: 0 };
  }

  async function report(): Promise<void> {
    const connected = receivers();
    for (const { address } of connected) {
      const replica = known.get(address) ?? begin();
      replica.connectedMs = clock.monotonicMs();
      known.set(address, replica);
    }
    for (const [address, { connectedMs }] of known) if (clock.monotonicMs() - connectedMs > FORGET_MS) known.delete(address);
    if (known.size === 0) return;
    const usage = tally.take();
    recent = recentOf(mergeUsage(recent, withoutCounts(usage)), clock.nowMs());
    for (const { outbox } of known.values()) outbox.add(usage);
    await Promise.all(connected.map(async ({ address, reportUsage }) => known.get(address)?.outbox.send(reportUsage)));
  }

  return {
    start() {
      timer = setInterval(() => void report(), everyMs);
    },
    async stop() {
      clearInterval(timer);
      await report();
    },
  };
}

/** Who hears of it late must not count it as if it had happened now. */
function withoutCounts({ generations }: Usage): Usage {
  return { generations: new Map([...generations].map(([key, usage]) => [key, { ...usage, uses: 0, failures: 0 }])), uncounted: 0 };
}

function recentOf({ generations }: Usage, nowMs: number): Usage {
  return { generations: new Map([...generations].filter(([, usage]) => lastMs(usage) > nowMs - RECENT_MS)), uncounted: 0 };
}

function lastMs({ lastUsedAtMs = 0, lastDeniedAtMs = 0 }: GenerationUsage): number {
  return Math.max(lastUsedAtMs, lastDeniedAtMs);
}
