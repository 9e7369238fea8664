/**
 * The operator or its API server is away, or answers badly, while clients call: calls go on, what was revoked meanwhile
 * is refused within a bound afterwards, and nobody asks in a hot loop.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startApiRelay } from '../kit/api-relay.ts';
import type { ApiRelay, Verdict } from '../kit/api-relay.ts';
import { eventually } from '../kit/eventually.ts';
import { createGuardedCluster, REPLICAS, statusOfCall } from '../kit/guarded-cluster.ts';
import type { GuardedCluster } from '../kit/guarded-cluster.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { publishedBundle } from '../kit/published-bundle.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { startTraffic } from '../kit/traffic.ts';
import type { Traffic } from '../kit/traffic.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const SILENCE_PRELOAD = new URL('../kit/silence-preload.ts', import.meta.url).pathname;
const SILENCE_MS = 3_000;
/** Long enough for several attempts of everything that tries again. */
const FAULT_MS = 3_000;
/** Both replicas of a sidecar are tried again after 10 s at most, and an informer's pause after a short outage is below that. */
const BOUND_MS = 12_000;
/** Of one replica, all its watches, lists, renewals and reconciles together; a loop without a pause makes hundreds. */
const MOST_REQUESTS_PER_SECOND = 25;
let guarded: GuardedCluster;
let relay: ApiRelay;
let operators: OperatorProcess[];
let pod: SimulatedPod;
let traffic: Traffic;
let leavers: string[];

async function startBoth(): Promise<void> {
  const options = { kubeconfig: relay.kubeconfig, preloads: [SILENCE_PRELOAD], env: { TEST_SILENCE_MS: String(SILENCE_MS) } };
  operators = await Promise.all([guarded.startOperator(0, options), guarded.startOperator(1, options)]);
}

async function untilRefused(token: string): Promise<void> {
  await eventually('the refusal', async () => ((await statusOfCall(pod, token)) === 401 ? true : undefined), BOUND_MS);
}

async function nextLeaver(): Promise<{ readonly name: string; readonly token: string }> {
  const name = leavers.pop() ?? '';
  return { name, token: await guarded.secretOf(name) };
}

async function metricOf(replica: number, name: string): Promise<number> {
  const response = await fetch(`http://${REPLICAS[replica] ?? ''}:${String(guarded.ports.admin)}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith(`${name}{`));
  expect(lines).not.toEqual([]);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function isReady(replica: number): Promise<boolean> {
  return (await fetch(`http://${REPLICAS[replica] ?? ''}:${String(guarded.ports.admin)}/readyz`)).status === 200;
}

interface TokenItem {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly revoked: boolean };
}

/** Both replicas publish exactly the tokens that the API server holds, revoked where they are revoked. */
async function expectNothingMissed(): Promise<void> {
  const { items } = JSON.parse(await guarded.kubectl(['get', 'gwt', '-n', guarded.tools, '-o', 'json'])) as { readonly items: readonly TokenItem[] };
  const truth = items.map(({ metadata, spec }) => `${metadata.name} ${String(spec.revoked)}`).toSorted();
  for (const [replica, address] of REPLICAS.entries()) {
    await eventually(`replica ${address} publishing what is there`, async () => {
      const { tokens } = await publishedBundle(pod, { namespace: guarded.tools, server: 'github', address, port: guarded.ports.stream });
      return JSON.stringify(tokens.map(({ name, revoked }) => `${name} ${String(revoked)}`).toSorted()) === JSON.stringify(truth) || undefined;
    });
    expect(await isReady(replica)).toBe(true);
    expect(await metricOf(replica, 'mcpgateway_informer_missed_events_total')).toBe(0);
  }
}

function requestsPerSecondSince(startMs: number): number {
  const endMs = performance.now();
  return relay.requests.filter(({ atMs }) => atMs >= startMs).length / ((endMs - startMs) / 1000);
}

beforeAll(async () => {
  guarded = await createGuardedCluster(cluster());
  relay = await startApiRelay(cluster(), guarded.account);
  await startBoth();
  await guarded.guard();
  pod = await guarded.addPod('github-0');
  leavers = Array.from({ length: 8 }, (_, index) => `leaver-${String(index)}`);
  for (const name of ['stays', ...leavers]) await guarded.applyToken(name);
  for (const name of ['stays', ...leavers]) await guarded.wait('condition=Ready', `gwt/${name}`);
}, 90_000);
afterAll(async () => {
  await guarded.stop();
  await relay.stop();
});

beforeEach(async () => {
  traffic = startTraffic(pod, await guarded.secretOf('stays'));
});
afterEach(async () => {
  relay.mend();
  await traffic.stop();
  expect(traffic.calls).toBeGreaterThan(50);
  expect(traffic.turns).toEqual([200]);
  expect(traffic.unanswered).toBe(0);
});

describe('an API server', () => {
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ['429', { status: 429, retryAfterSeconds: 1 }],
    ['500', { status: 500 }],
    ['410', { status: 410 }],
  ];
  test.each(verdicts)('that answers %s to everything stops no call, is not asked in a loop, and is caught up with', async (_, verdict) => {
    const { name, token } = await nextLeaver();
    const startedMs = performance.now();
    relay.judge(() => verdict);
    relay.cut();
    await pause(FAULT_MS);
    expect(requestsPerSecondSince(startedMs)).toBeLessThan(2 * MOST_REQUESTS_PER_SECOND);
    expect(await isReady(0)).toBe(true);
    relay.mend();
    await guarded.revoke(name);
    await untilRefused(token);
    await expectNothingMissed();
  });

  test('whose watches end all the time is asked again at a bounded rate, and a revocation gets through meanwhile', async () => {
    const { name, token } = await nextLeaver();
    const startedMs = performance.now();
    const cutting = setInterval(() => relay.cut(), 300);
    try {
      await pause(FAULT_MS);
      await guarded.revoke(name);
      await untilRefused(token);
      expect(requestsPerSecondSince(startedMs)).toBeLessThan(2 * MOST_REQUESTS_PER_SECOND);
    } finally {
      clearInterval(cutting);
    }
    await expectNothingMissed();
  });

  test('that stalls the watch of tokens at every replica without a sign is left after the bound of silence', async () => {
    const { name, token } = await nextLeaver();
    const stalledMs = performance.now();
    // Those that are open; the next attempt works.
    relay.stall(({ path, atMs }) => atMs < stalledMs && path.includes('/gatewaytokens?') && path.includes('watch=true'));
    await guarded.revoke(name);
    expect(await statusOfCall(pod, token)).toBe(200);
    await untilRefused(token);
    await expectNothingMissed();
  });

  test('that hangs and goes on stops no call', async () => {
    const { name, token } = await nextLeaver();
    const pid = cluster().pids().apiserver ?? 0;
    process.kill(pid, 'SIGSTOP');
    await pause(FAULT_MS);
    expect(await isReady(0)).toBe(true);
    process.kill(pid, 'SIGCONT');
    await guarded.revoke(name);
    await untilRefused(token);
    await expectNothingMissed();
  });

  test('that is restarted stops no call', async () => {
    const { name, token } = await nextLeaver();
    await cluster().restartApiserver();
    await guarded.revoke(name);
    await untilRefused(token);
    await expectNothingMissed();
  });
});

describe('an operator without a replica', () => {
  test('stops no call, and a token that was revoked meanwhile is refused soon after its return', async () => {
    const { name, token } = await nextLeaver();
    for (const operator of operators) void operator.kill('SIGKILL');
    await Promise.all(operators.map(({ exited }) => exited));
    await guarded.revoke(name);
    // The pauses between attempts have grown by then.
    await eventually('a sidecar that has tried often', async () => ((pod.logText().match(/ECONNREFUSED/g) ?? []).length >= 8 ? true : undefined));
    expect(await statusOfCall(pod, token)).toBe(200);
    await guarded.clearLease();
    await startBoth();
    await untilRefused(token);
    await expectNothingMissed();
    await guarded.wait('condition=Enforced', `gwt/${name}`);
  });
});
