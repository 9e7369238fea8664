/**
 * What is done with tokens, from a sidecar process to `kubectl get`: two operator processes, real pods and their tokens,
 * a real API server.
 */
import { Agent, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import type { UsageReport } from '../../api/bundle-stream.ts';
import type { GatewayTokenStatus } from '../../api/v1alpha1/index.ts';
import { aCall } from '../kit/calls.ts';
import { serverYaml, tokenYaml } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { createOwner } from '../kit/owner.ts';
import { sendRaw } from '../kit/raw-http.ts';
import { startPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { answerJson } from '../kit/spy-scripts.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import { aGenerationUsage, aPermissionUsage, aReport } from '../kit/usage.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const REPLICAS = ['127.0.0.1', '127.0.0.2'] as const;
const REPORTS = 200;
const owner = createOwner();
const agent = new Agent({ keepAlive: true, maxSockets: 4 });
let tools: string;
let spy: SpyUpstream;
let ports: OperatorProcess['ports'];
let github: SimulatedPod;
let other: SimulatedPod;

const { kubectl, wait, secretOf } = createKubectl(cluster, () => tools);

const aServer = (name: string, port: number): string => serverYaml({ namespace: tools, name, port });
const aToken = (name: string): string => tokenYaml({ namespace: tools, name, permissions: '[{serverRefs: [{name: github}], prompts: ["*"]}, {serverRefs: [{name: github}], tools: ["get_*"]}]' });

async function addPod(server: string): Promise<SimulatedPod> {
  return owner.own(await startPod({ cluster: cluster(), namespace: tools, name: `${server}-0`, server, replicas: REPLICAS }));
}

beforeAll(async () => {
  const home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  spy = owner.own(await startSpyUpstream({ script: answerJson() }));
  ports = await freePorts();
  const kubeconfig = await installOperator(cluster(), home, ports);
  for (const [index, address] of REPLICAS.entries()) {
    const operator = await startOperatorProcess({ namespace: home, name: `operator-${String(index)}`, kubeconfig, address, ports });
    owner.own({ stop: () => operator.kill('SIGTERM') });
  }
  await registerWebhook(cluster(), home, { address: REPLICAS[0], port: ports.webhook });
  await kubectl(['apply', '-f', '-'], [aServer('github', spy.port), aServer('other', spy.port), ...['ci', 'first', 'second'].map(aToken)].join('---'));
  github = await addPod('github');
  other = await addPod('other');
  for (const name of ['ci', 'first', 'second']) {
    await wait('condition=Ready', `gwt/${name}`);
    await wait('condition=Enforced', `gwt/${name}`);
  }
}, 120_000);
afterAll(async () => {
  agent.destroy();
  await owner.stopAll();
});

async function call(token: string, tool: string): Promise<string> {
  const bytes = aCall(token, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } }).replace('Host: localhost', 'Host: github-mcp');
  return (await sendRaw(github.port, bytes, { tls: { rejectUnauthorized: false } })).text;
}

async function get(name: string): Promise<{ uid: string; resourceVersion: string; status: GatewayTokenStatus }> {
  const { metadata, status } = JSON.parse(await kubectl(['get', 'gwt', name, '-n', tools, '-o', 'json'])) as { metadata: { uid: string; resourceVersion: string }; status: GatewayTokenStatus };
  return { ...metadata, status };
}

/** What a pod says of itself, to one replica. */
async function post(pod: SimulatedPod, server: string, { address, report }: { readonly address: string; readonly report: UsageReport }): Promise<number> {
  const token = await tokenFor(pod, server);
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, host: address, port: ports.stream, path: `/v1/usage/${tools}/${server}`, method: 'POST', rejectUnauthorized: false, headers: { Authorization: `Bearer ${token}` } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(report));
  });
}

const tokens = new Map<string, Promise<string>>();
function tokenFor(pod: SimulatedPod, server: string): Promise<string> {
  const key = `${pod.name} ${server}`;
  const token = tokens.get(key) ?? pod.token(`${BUNDLE_AUDIENCE}/${tools}/${server}`);
  tokens.set(key, token);
  return token;
}

/** Of each replica. */
async function counters(name: 'uses' | 'failures'): Promise<readonly number[]> {
  return Promise.all(REPLICAS.map(async (address) => {
    const text = await (await fetch(`http://${address}:${String(ports.admin)}/metrics`)).text();
    return Number(new RegExp(`^mcpgateway_token_${name}_total (\\d+)$`, 'm').exec(text)?.[1]);
  }));
}

/** Reported after everything else; when it is written, the leader has seen all that came before it. */
async function untilPassed(name: string): Promise<void> {
  const { uid } = await get(name);
  for (const address of REPLICAS) {
    expect(await post(github, 'github', { address, report: aReport([aGenerationUsage(uid, { lastUsedAtMs: Date.now() })], { reporter: 'f'.repeat(16), sequence: name === 'first' ? 1 : 2 }) })).toBe(204);
  }
  await eventually(`the use of ${name}`, async () => (await get(name)).status.lastUsedAt);
}

describe('a call', () => {
  test('that was allowed is in the status with its permission and tool; one that was denied is a failure and no use', async () => {
    const before = Date.now() - 1_000;
    const token = await secretOf('ci');
    expect(await call(token, 'get_issue')).toContain('"result"');
    const reached = spy.requests.length;
    expect(await call(token, 'delete_repo')).toContain('ERR_PERMISSION_DENIED');
    expect(spy.requests.length).toBe(reached);
    // It says what it knows when it ends.
    await github.restartSidecar();
    const { status } = await eventually('the use', async () => {
      const found = await get('ci');
      return found.status.lastUsedAt === undefined ? undefined : found;
    });
    expect(Date.parse(status.lastUsedAt ?? '')).toBeGreaterThanOrEqual(before);
    expect(Date.parse(status.lastUsedAt ?? '')).toBeLessThanOrEqual(Date.now());
    expect(Date.parse(status.usage?.lastDeniedAt ?? '')).toBeGreaterThanOrEqual(before);
    expect(status.usage?.permissions).toEqual([{ index: 1, digest: expect.stringMatching(/^[0-9a-f]{16}$/), lastUsedAt: status.lastUsedAt, tools: ['get_issue'] }]);
    expect(await counters('uses')).toEqual([1, 1]);
    expect(await counters('failures')).toEqual([1, 1]);
    expect((await get('second')).status.usage).toBeUndefined();
  }, 60_000);

  test('is one of twenty thousand that are reported: none of them is one more write', async () => {
    const { uid, resourceVersion } = await get('ci');
    for (let sequence = 1; sequence <= REPORTS; sequence += 1) {
      const usage = aGenerationUsage(uid, { uses: 100, lastUsedAtMs: Date.now(), permissions: [aPermissionUsage(1, { lastUsedAtMs: Date.now(), tools: [`get_${String(sequence)}`] })] });
      const statuses = await Promise.all(REPLICAS.map((address) => post(github, 'github', { address, report: aReport([usage], { reporter: 'a'.repeat(16), sequence }) })));
      expect(statuses).toEqual([204, 204]);
    }
    expect(await counters('uses')).toEqual([20_001, 20_001]);
    await untilPassed('first');
    expect((await get('ci')).resourceVersion).toBe(resourceVersion);
  }, 60_000);
});

test('a pod that reports on a token of another server changes nothing', async () => {
  const [before, uses] = [await get('ci'), await counters('uses')];
  const lie = aReport([aGenerationUsage(before.uid, { uses: 7, failures: 7, lastUsedAtMs: Date.now() + 3_600_000, permissions: [aPermissionUsage(1, { tools: ['get_lie'] })] })], { reporter: 'b'.repeat(16) });
  for (const address of REPLICAS) {
    expect(await post(other, 'other', { address, report: lie })).toBe(204);
    // Its token is for its own server, and its label too.
    expect(await post(other, 'github', { address, report: lie })).toBe(403);
  }
  await untilPassed('second');
  expect(await counters('uses')).toEqual(uses);
  expect(await get('ci')).toEqual(before);
}, 60_000);
