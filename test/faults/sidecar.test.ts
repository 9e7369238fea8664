/** A sidecar whose clock is wrong, and a pod that is gone and still asks. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import { eventually } from '../kit/eventually.ts';
import { tokenYaml } from '../kit/declared.ts';
import { createGuardedCluster, REPLICAS, statusOfCall } from '../kit/guarded-cluster.ts';
import type { GuardedCluster } from '../kit/guarded-cluster.ts';
import { OPERATOR_NAME } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { openRaw, sendRaw } from '../kit/raw-http.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';
import { createWrongClock } from '../kit/wrong-clock.ts';
import type { WrongClock } from '../kit/wrong-clock.ts';

const cluster = withControlPlane({ crds: true, controllerManager: false });
const MINUTE_MS = 60_000;
const WALLS_MS = [5 * MINUTE_MS, -5 * MINUTE_MS] as const;
const MAX_STALENESS_MS = 15 * MINUTE_MS;
/** How far from the operator's time a decision may be. */
const SLACK_MS = 2_000;
/** Heartbeats come every 2 s. */
const HEARD_MS = 2_500;
let guarded: GuardedCluster;
let operator: OperatorProcess;
/** Five minutes ahead, and five behind. */
let pods: SimulatedPod[];
let clocks: WrongClock[];

/** Minted, and at its end at this time. */
async function tokenUntil(name: string, endMs: number): Promise<string> {
  await guarded.kubectl(['apply', '-f', '-'], tokenYaml({ namespace: guarded.tools, name, more: [`expiresAt: "${new Date(endMs).toISOString()}"`] }));
  await guarded.wait('condition=Ready', `gwt/${name}`);
  return guarded.secretOf(name);
}

/** When the answer of the pod first was this one. */
async function momentOf(pod: SimulatedPod, token: string, status: number): Promise<number> {
  await eventually(`the answer ${String(status)}`, async () => ((await statusOfCall(pod, token)) === status ? true : undefined));
  return Date.now();
}

/** The newest moment at which all that the operator knows was known to be true. */
async function confirmedAt(): Promise<number> {
  const metrics = await (await fetch(`http://${REPLICAS[0]}:${String(guarded.ports.admin)}/metrics`)).text();
  const ages = [...metrics.matchAll(/^mcpgateway_informer_progress_age_seconds\{.*\} (.+)$/gm)].map(([, seconds]) => Number(seconds) * 1000);
  expect(ages).toHaveLength(5);
  return Date.now() - Math.max(...ages);
}

/** The same, once every sidecar has surely heard of it in a heartbeat. */
function untilSettled(): Promise<number> {
  return eventually('a pause between two signs of life of the API server', async () => {
    const before = await confirmedAt();
    await pause(HEARD_MS);
    const after = await confirmedAt();
    return Math.abs(after - before) < 100 ? after : undefined;
  });
}

const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000) * 1000;

beforeAll(async () => {
  guarded = await createGuardedCluster(cluster());
  operator = await guarded.startOperator(0);
  await guarded.guard();
  pods = [];
  clocks = [];
  for (const [index, wallMs] of WALLS_MS.entries()) {
    const clock = await createWrongClock(wallMs);
    clocks.push(clock);
    pods.push(await guarded.addPod(`pod-${String(index)}`, { replicas: [REPLICAS[0]], ...clock.options }));
  }
}, 60_000);
afterAll(async () => {
  await guarded.stop();
  for (const clock of clocks) await clock.remove();
});

describe('a pod that is gone', () => {
  test('loses its stream, and its token opens none: not while it is still good, and not to a pod of the same name', async () => {
    const pod = await guarded.addPod('replaced', { replicas: [REPLICAS[0]] });
    const path = `/v1/bundles/${guarded.tools}/github`;
    const token = await pod.token(`${BUNDLE_AUDIENCE}/${guarded.tools}/github`);
    const request = [`GET ${path} HTTP/1.1`, `Host: ${OPERATOR_NAME}`, `Authorization: Bearer ${token}`, '', ''].join('\r\n');
    const stream = await openRaw(operator.ports.stream, { tls: { rejectUnauthorized: false } });
    stream.write(request);
    await stream.untilReceived('"type":"bundle"');
    await guarded.kubectl(['delete', 'pod', 'replaced', '-n', guarded.tools, '--force', '--grace-period=0']);
    await stream.untilClosed();
    const refusal = async (): Promise<number> => (await sendRaw(operator.ports.stream, request, { tls: { rejectUnauthorized: false } })).status;
    expect(await refusal()).toBe(403);
    const successor = await guarded.addPod('replaced', { replicas: [REPLICAS[0]] });
    expect(successor.uid).not.toBe(pod.uid);
    expect([401, 403]).toContain(await refusal());
  });
});

describe('a sidecar whose clock is five minutes wrong', () => {
  test('ends a token when the operator\'s clock says so', async () => {
    const endMs = wholeSeconds(Date.now() + 6_000);
    const token = await tokenUntil('short', endMs);
    for (const pod of pods) expect(await statusOfCall(pod, token)).toBe(200);
    const moments = await Promise.all(pods.map((pod) => momentOf(pod, token, 401)));
    for (const moment of moments) expect(Math.abs(moment - endMs)).toBeLessThan(SLACK_MS);
  });

  test('does so also after a restart without an operator, and denies everything when its policy is too old', async () => {
    const endMs = wholeSeconds(Date.now() + 10_000);
    const [token, lasting] = [await tokenUntil('shortly', endMs), await tokenUntil('lasting', Date.now() + 3_600_000)];
    for (const pod of pods) expect(await statusOfCall(pod, token)).toBe(200);
    const confirmedMs = await untilSettled();
    await operator.kill('SIGKILL');
    await Promise.all(pods.map((pod) => pod.restartSidecar()));
    for (const pod of pods) expect(await statusOfCall(pod, token)).toBe(200);
    const moments = await Promise.all(pods.map((pod) => momentOf(pod, token, 401)));
    for (const moment of moments) expect(Math.abs(moment - endMs)).toBeLessThan(SLACK_MS);

    const staleMs = Date.now() + 5_000;
    const passedMs = MAX_STALENESS_MS - (staleMs - confirmedMs);
    for (const [index, pod] of pods.entries()) await clocks[index]?.set(pod.pid(), { wallMs: WALLS_MS[index] ?? 0, passedMs });
    for (const pod of pods) expect(await statusOfCall(pod, lasting)).toBe(200);
    const ends = await Promise.all(pods.map((pod) => momentOf(pod, lasting, 503)));
    for (const moment of ends) expect(Math.abs(moment - staleMs)).toBeLessThan(SLACK_MS);
  }, 2 * MINUTE_MS);
});
