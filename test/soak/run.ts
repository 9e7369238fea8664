/**
 * `make soak`: two operators behind a relay that cuts all their connections every few seconds, while tokens are made,
 * changed and deleted, and twenty sidecars' sources follow both, some of them restarted. At the end every one of them has
 * exactly what the API server holds, no informer found that it had missed anything, and the operators' memory is level.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { memory } from '../bench/process-usage.ts';
import { startApiRelay } from '../kit/api-relay.ts';
import { startControlPlane } from '../kit/control-plane.ts';
import { eventually } from '../kit/eventually.ts';
import { createGuardedCluster, REPLICAS } from '../kit/guarded-cluster.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { startFollower } from './follower.ts';
import type { Follower } from './follower.ts';
import { startChurn } from './churn.ts';
import { lowestOfWindows, slopePerHour } from './slope.ts';
import type { Sample } from './slope.ts';
import { linesOf, readTruth } from './truth.ts';

const MINUTES = Number(process.env['MINUTES'] ?? '30');
const CLIENTS = 20;
const CUT_MS = { least: 2_000, most: 5_000 } as const;
const REPORT_MS = 15_000;
const SETTLE_MS = 90_000;
const QUIET_MS = 10_000;
/** Over the last two thirds, as part of what it is on average. */
const MOST_GROWTH = 0.1;
/** Each of them long enough for a full collection in a run of half an hour. */
const WINDOWS = 5;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function run(): Promise<boolean> {
  const cluster = await startControlPlane({ crds: true });
  const guarded = await createGuardedCluster(cluster);
  const relay = await startApiRelay(cluster, guarded.account);
  const clients: Follower[] = [];
  try {
    const options = { kubeconfig: relay.kubeconfig };
    const operators = [await guarded.startOperator(0, options), await guarded.startOperator(1, options)];
    await guarded.guard();
    for (let index = 0; index < CLIENTS; index += 1) {
      clients.push(await startFollower({ cluster, namespace: guarded.tools, name: `client-${String(index)}`, server: 'github', replicas: REPLICAS, port: guarded.ports.stream }));
    }
    say(`${String(MINUTES)} min with ${String(CLIENTS)} clients and two operators`);
    const churn = startChurn(cluster, guarded.tools);
    const samples = await disturb(operators, { cut: () => relay.cut(), clients, changes: () => churn.changes });
    await churn.stop();
    const isWhole = await isEverythingThere(clients, () => readTruth(cluster, guarded));
    const missed = await Promise.all(REPLICAS.map((address) => missedBy(address, guarded.ports.admin)));
    say(`missed by informers: ${missed.join(', ')}`);
    return [...operators.map((operator, index) => isLevel(index, operator, samples[index] ?? [])), isWhole, missed.every((count) => count === 0)].every(Boolean);
  } finally {
    for (const client of clients) await client.stop();
    await guarded.stop();
    await relay.stop();
    await cluster.stop();
  }
}

interface Disturbed {
  readonly cut: () => void;
  readonly clients: readonly Follower[];
  readonly changes: () => number;
}

/** Until the time is over; the memory of each operator, in MiB. */
async function disturb(operators: readonly OperatorProcess[], { cut, clients, changes }: Disturbed): Promise<readonly Sample[][]> {
  const startedMs = performance.now();
  const samples: Sample[][] = operators.map(() => []);
  let [cuts, reportedMs] = [0, startedMs];
  while (performance.now() - startedMs < MINUTES * 60_000) {
    await pause(randomInt(CUT_MS.least, CUT_MS.most));
    cut();
    cuts += 1;
    await clients[randomInt(clients.length)]?.restart();
    const atMs = performance.now();
    for (const [index, { pid }] of operators.entries()) samples[index]?.push({ atMs, value: memory(pid).residentMiB });
    if (atMs - reportedMs < REPORT_MS) continue;
    reportedMs = atMs;
    const now = samples.map((each) => `${(each.at(-1)?.value ?? 0).toFixed(0)} MiB`).join(' and ');
    say(`${((atMs - startedMs) / 60_000).toFixed(1)} min: ${String(cuts)} cuts, ${String(changes())} changes, ${now}`);
  }
  return samples;
}

/** Whether every client comes to hold what the API server does, and both stay so: mints that are under way have to end first. */
async function isEverythingThere(clients: readonly Follower[], truth: () => Promise<readonly string[]>): Promise<boolean> {
  let [last, sinceMs] = ['', performance.now()];
  let differing = clients.length;
  const settled = await eventually('agreement', async () => {
    const wanted = JSON.stringify(await truth());
    differing = clients.filter((client) => JSON.stringify(heldBy(client)) !== wanted).length;
    if (differing > 0 || wanted !== last) [last, sinceMs] = [wanted, performance.now()];
    return performance.now() - sinceMs > QUIET_MS || undefined;
  }, SETTLE_MS).catch(() => false);
  say(`${String((await truth()).length)} tokens; clients that differ: ${String(differing)}`);
  return settled;
}

function heldBy(client: Follower): readonly string[] {
  const bundle = client.bundle();
  return bundle === undefined ? [] : linesOf(bundle);
}

async function missedBy(address: string, port: number): Promise<number> {
  const metrics = await (await fetch(`http://${address}:${String(port)}/metrics`)).text();
  return [...metrics.matchAll(/^mcpgateway_informer_missed_events_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** By what is left after each collection: in between, garbage moves the figure by a half within minutes. */
function isLevel(index: number, { pid }: OperatorProcess, all: readonly Sample[]): boolean {
  const samples = all.slice(Math.floor(all.length / 3));
  const troughs = lowestOfWindows(samples, WINDOWS);
  const [first, last] = [troughs[0], troughs.at(-1)];
  if (first === undefined || last === undefined || troughs.length < WINDOWS) throw new Error('too short to say anything about memory');
  const mean = troughs.reduce((sum, { value }) => sum + value, 0) / troughs.length;
  const perHour = slopePerHour(troughs);
  const growth = (perHour * (last.atMs - first.atMs)) / 3_600_000 / mean;
  const figures = `${mean.toFixed(1)} MiB after collections, ${Math.max(...samples.map(({ value }) => value)).toFixed(1)} MiB at most`;
  say(`operator ${String(index)} (${String(pid)}): ${figures}, ${perHour.toFixed(1)} MiB per hour, ${(growth * 100).toFixed(1)} % over the last two thirds (at most ${String(MOST_GROWTH * 100)} %)`);
  return growth <= MOST_GROWTH;
}

const isGood = await run();
say(isGood ? 'good' : 'NOT GOOD');
process.exitCode = isGood ? 0 : 1;
