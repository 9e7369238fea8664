/** Two replicas that see the cluster differently: one that lags, and a leader that is cut off. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startApiRelay } from '../kit/api-relay.ts';
import type { ApiRelay } from '../kit/api-relay.ts';
import { eventually } from '../kit/eventually.ts';
import { createGuardedCluster, REPLICAS, statusOfCall } from '../kit/guarded-cluster.ts';
import type { GuardedCluster } from '../kit/guarded-cluster.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { readLedger } from '../kit/read-ledger.ts';
import { publishedBundle } from '../kit/published-bundle.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { startTraffic } from '../kit/traffic.ts';
import type { Traffic } from '../kit/traffic.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
/** An old leader's time is up 10 s after its last renewal, a new one's begins 15 s after it. */
const BETWEEN_LEADERS_MS = 4_000;
const DEADLINE_MS = 90_000;
let guarded: GuardedCluster;
/** Of replica 0; replica 1 has its way for itself. */
let relay: ApiRelay;
let otherRelay: ApiRelay;
let operators: readonly [OperatorProcess, OperatorProcess];
let pod: SimulatedPod;
let calls: readonly Traffic[];

async function isRevokedAt(address: string, name: string): Promise<boolean | undefined> {
  const { tokens } = await publishedBundle(pod, { namespace: guarded.tools, server: 'github', address, port: guarded.ports.stream });
  return tokens.find((token) => token.name === name)?.revoked;
}

/** State of the only generation of a token, by the ledger. */
async function generationOf(name: string): Promise<string | undefined> {
  return (await readLedger(cluster(), guarded.home)).find((token) => token.name === name)?.generations[0]?.state;
}

beforeAll(async () => {
  calls = [];
  guarded = await createGuardedCluster(cluster());
  [relay, otherRelay] = [await startApiRelay(cluster(), guarded.account), await startApiRelay(cluster(), guarded.account)];
  // The first to come leads.
  const first = await guarded.startOperator(0, { kubeconfig: relay.kubeconfig });
  await guarded.guard();
  operators = [first, await guarded.startOperator(1, { kubeconfig: otherRelay.kubeconfig })];
  pod = await guarded.addPod('github-0');
  for (const name of ['stays', 'leaves', 'leaves-later', 'goes']) await guarded.applyToken(name);
  for (const name of ['stays', 'leaves', 'leaves-later', 'goes']) await guarded.wait('condition=Ready', `gwt/${name}`);
}, 90_000);
afterEach(async () => {
  process.kill(pod.pid(), 'SIGCONT');
  for (const each of [relay, otherRelay]) each.mend();
  await Promise.all(calls.map((traffic) => traffic.stop()));
});
afterAll(async () => {
  await guarded.stop();
  await relay.stop();
  await otherRelay.stop();
});

describe('a replica that lags behind the other', () => {
  test('never brings back a token that was revoked or deleted, whoever the sidecar hears first or last', async () => {
    const [leaves, goes, stays] = [await guarded.secretOf('leaves'), await guarded.secretOf('goes'), await guarded.secretOf('stays')];
    calls = [startTraffic(pod, leaves), startTraffic(pod, goes)];
    const stalledMs = performance.now();
    otherRelay.stall(({ path, atMs }) => atMs < stalledMs && path.includes('watch=true'));
    await guarded.revoke('leaves');
    await guarded.kubectl(['delete', 'gwt', 'goes', '-n', guarded.tools]);
    for (const token of [leaves, goes]) await eventually('the refusal', async () => ((await statusOfCall(pod, token)) === 401 ? true : undefined));
    // Asking replaces the sidecar's stream to that replica: it comes back and hears the lagging one last.
    expect(await isRevokedAt(REPLICAS[1], 'leaves')).toBe(false);
    expect(await isRevokedAt(REPLICAS[1], 'goes')).toBe(false);
    expect(await isRevokedAt(REPLICAS[0], 'leaves')).toBe(true);
    await eventually('the refusal of what the lagging replica offers', async () => pod.logText().includes('a replica offered an older bundle') || undefined);
    for (const { turns } of calls) expect(turns).toEqual([200, 401]);

    // The file remembers: after a restart it hears both, in whichever order.
    await Promise.all(calls.map((traffic) => traffic.stop()));
    for (let restarts = 0; restarts < 3; restarts += 1) {
      await pod.restartSidecar();
      expect(await statusOfCall(pod, leaves)).toBe(401);
      expect(await statusOfCall(pod, goes)).toBe(401);
      expect(await statusOfCall(pod, stays)).toBe(200);
    }

    // Nobody but the lagging replica is left, for a while.
    await operators[0].kill('SIGKILL');
    await pod.restartSidecar();
    for (const token of [leaves, goes]) expect(await statusOfCall(pod, token)).toBe(401);
    otherRelay.mend();
    await guarded.clearLease();
    operators = [await guarded.startOperator(0, { kubeconfig: relay.kubeconfig }), operators[1]];
    await eventually('the lagging replica up to date', async () => (await isRevokedAt(REPLICAS[1], 'leaves')) || undefined);
    for (const token of [leaves, goes]) expect(await statusOfCall(pod, token)).toBe(401);
    expect(await statusOfCall(pod, stays)).toBe(200);
  });
});

describe('a leader', () => {
  /** Makes replica 0 the leader and replica 1 its successor. */
  async function restartInOrder(): Promise<void> {
    for (const operator of operators) await operator.kill('SIGKILL');
    await guarded.clearLease();
    const first = await guarded.startOperator(0, { kubeconfig: relay.kubeconfig });
    await eventually('the leader', async () => first.logText().includes('"leading"') || undefined);
    operators = [first, await guarded.startOperator(1, { kubeconfig: otherRelay.kubeconfig })];
  }

  const leads = (operator: OperatorProcess): true | undefined => operator.logText().includes('"leading"') || undefined;
  const leaseWrites = ({ requests }: ApiRelay): readonly number[] => requests.filter(({ method, path }) => method === 'PUT' && path.includes('/leases/')).map(({ atMs }) => atMs);
  const otherWrites = ({ requests }: ApiRelay): readonly number[] =>
    requests.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases') && !path.includes('/tokenreviews')).map(({ atMs }) => atMs);

  test('that is cut off writes nothing once another may begin, and ends; what is revoked meanwhile is refused at once', async () => {
    await restartInOrder();
    const token = await guarded.secretOf('leaves-later');
    const [before, since] = [otherWrites(otherRelay).length, performance.now()];
    relay.partition();
    await guarded.revoke('leaves-later');
    await eventually('the refusal', async () => ((await statusOfCall(pod, token)) === 401 ? true : undefined), 5_000);
    expect(await operators[0].exited).toBe(1);
    const endedMs = performance.now();
    expect(operators[0].logText()).toContain('leadership lost');
    expect(leads(operators[1])).toBeUndefined();
    await eventually('the successor', async () => leads(operators[1]));
    await guarded.wait('condition=Revoked', 'gwt/leaves-later');
    const began = leaseWrites(otherRelay).find((atMs) => atMs > since) ?? 0;
    expect(Math.max(...otherWrites(relay))).toBeLessThan(began);
    expect(otherWrites(otherRelay)[before]).toBeGreaterThan(began);
    expect(began - endedMs).toBeGreaterThan(BETWEEN_LEADERS_MS);
    relay.mend();
  }, DEADLINE_MS);

  test('that was frozen until another led does not hand over what it had made before', async () => {
    await restartInOrder();
    const sidecar = pod.pid();
    process.kill(sidecar, 'SIGSTOP');
    await guarded.applyToken('late');
    const [frozen, successor] = operators;
    await eventually('a generation that waits for the sidecar', async () => (await generationOf('late')) === 'Pending' || undefined);
    process.kill(frozen.pid, 'SIGSTOP');
    await eventually('the successor', async () => leads(successor));
    await eventually('the token of the successor', async () => successor.logText().includes('"token minted"') || undefined);
    const text = await guarded.secretOf('late');
    const sent = otherWrites(relay).length;
    process.kill(frozen.pid, 'SIGCONT');
    expect(await frozen.exited).toBe(1);
    process.kill(sidecar, 'SIGCONT');
    expect(otherWrites(relay).slice(sent)).toEqual([]);
    expect(await guarded.secretOf('late')).toBe(text);
    await eventually('the sidecar taking it', async () => ((await statusOfCall(pod, text)) === 200 ? true : undefined));
  }, DEADLINE_MS);
});
