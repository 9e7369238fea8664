/** What happens to the store of the cluster: its history is compacted, and an older state of it is restored. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startApiRelay } from '../kit/api-relay.ts';
import type { ApiRelay } from '../kit/api-relay.ts';
import { eventually } from '../kit/eventually.ts';
import { createGuardedCluster, REPLICAS, statusOfCall } from '../kit/guarded-cluster.ts';
import type { GuardedCluster } from '../kit/guarded-cluster.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { startTraffic } from '../kit/traffic.ts';
import type { Traffic } from '../kit/traffic.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
let guarded: GuardedCluster;
let relay: ApiRelay;
let operator: OperatorProcess;
let pod: SimulatedPod;
let traffic: Traffic | undefined;

async function mint(name: string): Promise<string> {
  await guarded.applyToken(name);
  await guarded.wait('condition=Ready', `gwt/${name}`);
  return guarded.secretOf(name);
}

const untilAnswered = (token: string, status: number): Promise<true> =>
  eventually(`the answer ${String(status)}`, async () => ((await statusOfCall(pod, token)) === status ? true : undefined), 15_000);

/** Another process with another epoch, as when its Deployment is changed. */
async function restartOperator(epoch: number): Promise<void> {
  await operator.kill('SIGTERM');
  operator = await guarded.startOperator(0, { env: { MCPGATEWAY_EPOCH: String(epoch) } });
}

beforeAll(async () => {
  guarded = await createGuardedCluster(cluster());
  relay = await startApiRelay(cluster(), guarded.account);
  operator = await guarded.startOperator(0, { kubeconfig: relay.kubeconfig });
  await guarded.guard();
  pod = await guarded.addPod('github-0', { replicas: [REPLICAS[0]] });
}, 60_000);
afterEach(() => traffic?.stop());
afterAll(async () => {
  await guarded.stop();
  await relay.stop();
});

describe('etcd', () => {
  test('that compacts what the watches of an operator would need makes it list again, and no change is lost', async () => {
    const [stays, revoked, deleted] = [await mint('stays'), await mint('revoked'), await mint('deleted')];
    traffic = startTraffic(pod, stays);
    relay.judge(({ path }) => (path.includes('watch=true') ? { status: 500 } : 'pass'));
    relay.cut();
    await guarded.revoke('revoked');
    await guarded.kubectl(['delete', 'gwt', 'deleted', '-n', guarded.tools]);
    await guarded.applyToken('added');
    await cluster().compactEtcd();
    // A running server remembers more than its store.
    await cluster().restartApiserver();
    expect([await statusOfCall(pod, revoked), await statusOfCall(pod, deleted)]).toEqual([200, 200]);
    relay.mend();
    await untilAnswered(revoked, 401);
    await untilAnswered(deleted, 401);
    await guarded.wait('condition=Ready', 'gwt/added');
    await untilAnswered(await guarded.secretOf('added'), 200);
    const metrics = await (await fetch(`http://${REPLICAS[0]}:${String(guarded.ports.admin)}/metrics`)).text();
    expect(metrics).toMatch(/mcpgateway_informer_lists_total\{informer="GatewayToken",reason="expired"\} 1/);
    await traffic.stop();
    expect(traffic.unanswered).toBe(0);
    expect(traffic.turns).toEqual([200]);
  });

  test('that is restored to an older state changes nothing at a sidecar for the better until the epoch is raised; then that state is in force', async () => {
    const [stays, revoked] = [await guarded.secretOf('stays'), await mint('revoked-after-backup')];
    const restore = await cluster().backUpEtcd();
    await guarded.revoke('revoked-after-backup');
    await untilAnswered(revoked, 401);
    const added = await mint('made-after-backup');
    await untilAnswered(added, 200);
    traffic = startTraffic(pod, stays);

    await restore();
    await restartOperator(1);
    await eventually('the refusal of an older bundle', async () => pod.logText().includes('a replica offered an older bundle') || undefined);
    expect(await statusOfCall(pod, revoked)).toBe(401);
    await pod.restartSidecar();
    expect(await statusOfCall(pod, revoked)).toBe(401);

    await restartOperator(2);
    await untilAnswered(added, 401);
    await untilAnswered(revoked, 200);
    await traffic.stop();
    expect(traffic.turns).toEqual([200]);
    // From there on everything is as it was: what is revoked now is refused.
    await guarded.revoke('revoked-after-backup');
    await untilAnswered(revoked, 401);
    const again = await mint('made-after-restore');
    await untilAnswered(again, 200);
  });
});
