import { beforeEach, expect, jest, test } from '@jest/globals';
import type { UsageReport } from '../../../../api/bundle-stream.ts';
import { createUsageReporter } from '../../../../sidecar/usage/reporter.ts';
import type { UsageReceiver, UsageReporter } from '../../../../sidecar/usage/reporter.ts';
import type { UsageTally } from '../../../../sidecar/usage/tally.ts';
import { usageKey } from '../../../../sidecar/usage/usage.ts';
import { silent } from '../../../kit/bundle-replica.ts';
import { aGenerationUsage } from '../../../kit/usage.ts';
import { aClock, NOW } from '../kit.ts';

const DAY_MS = 24 * 3_600_000;
let clock: ReturnType<typeof aClock>;
let waiting: { uid: string; uses: number }[];
let connected: UsageReceiver[];
let reporter: UsageReporter;

/** What the test says was counted, taken once. */
const tally: UsageTally = {
  count: () => undefined,
  take() {
    const usages = waiting.splice(0).map(({ uid, uses }) => aGenerationUsage(uid, { uses, lastUsedAtMs: clock.at }));
    return { generations: new Map(usages.map((usage) => [usageKey(usage), usage])), uncounted: 0 };
  },
};

beforeEach(() => {
  clock = aClock();
  waiting = [];
  connected = [];
  reporter = createUsageReporter({ tally, receivers: () => connected, clock, log: silent, everyMs: 1_000 });
});

interface TestReplica extends UsageReceiver {
  isDown: boolean;
  readonly reports: UsageReport[];
  said(): readonly string[];
}

function aReplica(address: string): TestReplica {
  const reports: UsageReport[] = [];
  const replica: TestReplica = {
    address,
    isDown: false,
    reports,
    said: () => reports.flatMap(({ generations }) => generations.map(({ uid, uses }) => `${uid}:${String(uses)}`)),
    reportUsage(report) {
      if (replica.isDown) return Promise.reject(new Error('down'));
      reports.push(report);
      return Promise.resolve('taken');
    },
  };
  return replica;
}

/** One report, as the timer and the end make it. */
async function report(...usages: { uid: string; uses: number }[]): Promise<void> {
  waiting.push(...usages);
  await reporter.stop();
}

test('every replica is told everything once, and one that was away for a while what it missed', async () => {
  const [one, other] = [aReplica('10.0.0.1'), aReplica('10.0.0.2')];
  connected = [one, other];
  await report({ uid: 'a', uses: 1 });
  other.isDown = true;
  await report({ uid: 'a', uses: 2 });
  connected = [one];
  await report({ uid: 'b', uses: 3 });
  other.isDown = false;
  connected = [one, other];
  await report();
  expect(one.said()).toEqual(['a:1', 'a:2', 'b:3']);
  expect(other.said()).toEqual(['a:1', 'a:2', 'b:3']);
});

test('counts wait while no replica is connected', async () => {
  await report({ uid: 'a', uses: 1 });
  expect(waiting).toHaveLength(1);
  const replica = aReplica('10.0.0.1');
  connected = [replica];
  await report();
  expect(replica.said()).toEqual(['a:1']);
});

test('a replica that comes new is told what the last day brought, and counts none of it', async () => {
  connected = [aReplica('10.0.0.1')];
  await report({ uid: 'old', uses: 1 });
  clock.at = NOW + DAY_MS;
  await report({ uid: 'recent', uses: 1 });
  const late = aReplica('10.0.0.3');
  connected = [late];
  clock.at = NOW + DAY_MS + 1_000;
  await report({ uid: 'now', uses: 1 });
  expect(new Set(late.said())).toEqual(new Set(['recent:0', 'now:1']));
  expect(late.reports[0]?.generations[0]).toMatchObject({ uid: 'recent', lastUsedAtMs: NOW + DAY_MS });
});

test('one that is away for long is another one when it comes back: nothing is kept for it', async () => {
  const replica = aReplica('10.0.0.1');
  connected = [replica];
  await report({ uid: 'a', uses: 1 });
  replica.isDown = true;
  await report({ uid: 'a', uses: 2 });
  connected = [];
  clock.at += 5 * 60_000 + 1;
  await report({ uid: 'b', uses: 4 });
  replica.isDown = false;
  connected = [replica];
  await report();
  expect(replica.said()).toEqual(['a:1', 'a:0', 'b:4']);
  // Numbered anew: under the former name the replica would take it for what it was told before.
  expect(new Set(replica.reports.map(({ sequence }) => sequence))).toEqual(new Set([1]));
  expect(new Set(replica.reports.map((each) => each.reporter)).size).toBe(2);
});

test('reports at intervals until it is stopped', async () => {
  jest.useFakeTimers();
  try {
    const replica = aReplica('10.0.0.1');
    connected = [replica];
    reporter.start();
    waiting.push({ uid: 'a', uses: 1 });
    await jest.advanceTimersByTimeAsync(999);
    expect(replica.said()).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(replica.said()).toEqual(['a:1']);
    await reporter.stop();
    waiting.push({ uid: 'b', uses: 1 });
    await jest.advanceTimersByTimeAsync(5_000);
    expect(replica.said()).toEqual(['a:1']);
  } finally {
    jest.useRealTimers();
  }
});
