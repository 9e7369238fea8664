/**
 * The whole product on a real API server: two operator processes, pods that the real webhook injected, sidecar processes
 * with tokens of those pods, kubectl.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import { aCall } from '../kit/calls.ts';
import type { Kubeconfig } from '../kit/cluster-access.ts';
import { serverYaml, tokenYaml } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator, OPERATOR_NAME, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { openRaw, sendRaw } from '../kit/raw-http.ts';
import type { RawConnection } from '../kit/raw-http.ts';
import { startPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { answerEvents, answerJson } from '../kit/spy-scripts.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import { floodWithTokens } from '../kit/token-flood.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const REPLICAS = ['127.0.0.1', '127.0.0.2'] as const;
let home: string;
let tools: string;
let spy: SpyUpstream;
let ports: OperatorProcess['ports'];
let account: Kubeconfig;
let operators: OperatorProcess[];
let pods: SimulatedPod[];

const { kubectl, wait, secretOf } = createKubectl(cluster, () => tools);

const aServer = (port: number): string => serverYaml({ namespace: tools, port });
const aToken = (name: string): string => tokenYaml({ namespace: tools, name });
const callOf = (tool: string) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } });
const bytesOf = (token: string, tool: string): string => aCall(token, callOf(tool)).replace('Host: localhost', 'Host: github-mcp');
const call = (pod: SimulatedPod, token: string, tool = 'get_issue'): Promise<{ status: number; body: Buffer }> =>
  sendRaw(pod.port, bytesOf(token, tool), { tls: { rejectUnauthorized: false } });
const connect = (pod: SimulatedPod): Promise<RawConnection> => openRaw(pod.port, { tls: { rejectUnauthorized: false } });

async function startOperators(): Promise<void> {
  for (const [index, address] of REPLICAS.entries()) operators.push(await startOperatorProcess({ namespace: home, name: `operator-${String(index)}`, kubeconfig: account, address, ports }));
}

async function addPod(name: string): Promise<SimulatedPod> {
  const pod = await startPod({ cluster: cluster(), namespace: tools, name, server: 'github', replicas: REPLICAS });
  pods.push(pod);
  return pod;
}

beforeAll(async () => {
  operators = [];
  pods = [];
  home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  spy = await startSpyUpstream({ script: answerJson() });
  ports = await freePorts();
  account = await installOperator(cluster(), home, ports);
  await startOperators();
  await registerWebhook(cluster(), home, { address: REPLICAS[0], port: ports.webhook });
  await kubectl(['apply', '-f', '-'], `${aServer(spy.port)}---${aToken('ci')}`);
  await addPod('github-0');
  await addPod('github-1');
}, 120_000);
afterAll(async () => {
  for (const pod of pods) await pod.stop();
  for (const operator of operators) await operator.kill('SIGTERM');
  await spy.stop();
});

describe('a guarded server', () => {
  test('answers a client with the minted token on every pod, and says so', async () => {
    await wait('condition=Enforced', 'gwt/ci');
    await wait('condition=Ready', 'mcps/github');
    const token = await secretOf('ci');
    for (const pod of pods) {
      const { status } = await call(pod, token);
      expect(status).toBe(200);
      await eventually('the audit line', async () => pod.auditLines().find((line) => line['outcome'] === 'allowed'));
    }
    const status = JSON.parse(await kubectl(['get', 'gwt', 'ci', '-n', tools, '-o', 'jsonpath={.status.enforcement}'])) as Record<string, number>;
    expect(status).toMatchObject({ sidecars: 2, enforcing: 2 });
    expect(JSON.parse(await kubectl(['get', 'mcps', 'github', '-n', tools, '-o', 'jsonpath={.status.sidecars}']))).toEqual({ desired: 2, ready: 2, outdated: 0 });
  });

  test('serves with a certificate of the operator, for the names of its Service and no other', async () => {
    const ca = await kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', tools, '-o', 'jsonpath={.data.serving-ca\\.crt}']);
    const token = await secretOf('ci');
    const [pod] = pods;
    if (pod === undefined) throw new Error('no pod');
    for (const servername of [`github-mcp.${tools}.svc`, `github-mcp.${tools}.svc.cluster.local`]) {
      expect((await sendRaw(pod.port, bytesOf(token, 'get_issue'), { tls: { ca, servername } })).status).toBe(200);
    }
    for (const servername of ['github-mcp', `github-mcp.${tools}`, `other-mcp.${tools}.svc`]) {
      await expect(sendRaw(pod.port, bytesOf(token, 'get_issue'), { tls: { ca, servername } })).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    }
  });

  test('refuses what the token does not grant and whoever has none; the server behind it hears of neither', async () => {
    const token = await secretOf('ci');
    const [pod] = pods;
    if (pod === undefined) throw new Error('no pod');
    const before = spy.requests.length;
    expect(JSON.stringify((await call(pod, token, 'delete_repo')).body.toString())).toContain('not permitted');
    expect((await call(pod, `${token.slice(0, -1)}x`)).status).toBe(401);
    expect(spy.requests.length).toBe(before);
  });

  test('knows a rotated token before anybody can read it, and the former one meanwhile', async () => {
    const former = await secretOf('ci');
    const at = '2026-11-23T10:00:00Z';
    await kubectl(['annotate', 'gwt', 'ci', '-n', tools, `mcpgateway.dev/rotate-requested-at=${at}`, '--overwrite']);
    const next = await eventually('the next generation', async () => {
      const text = await secretOf('ci');
      return text === former ? undefined : text;
    });
    for (const pod of pods) for (const token of [next, former]) expect((await call(pod, token)).status).toBe(200);
  });

  test('F5 F6 ends calls and streams of a token that kubectl revokes, on every pod, and says when all have', async () => {
    await kubectl(['apply', '-f', '-'], aToken('leaver'));
    await wait('condition=Enforced', 'gwt/leaver');
    await wait('condition=Ready', 'gwt/leaver');
    const token = await secretOf('leaver');
    spy.answerWith(answerEvents([': open\n\n']));
    const streams = await Promise.all(pods.map(connect));
    for (const stream of streams) {
      stream.write(bytesOf(token, 'get_issue'));
      await stream.untilReceived(': open');
    }
    spy.answerWith(answerJson());
    await kubectl(['patch', 'gwt', 'leaver', '-n', tools, '--type=merge', '-p', '{"spec":{"revoked":true}}']);
    await Promise.all(streams.map((stream) => stream.untilClosed()));
    for (const pod of pods) expect((await call(pod, token)).status).toBe(401);
    await wait('condition=Revoked', 'gwt/leaver');
    await wait('condition=Enforced', 'gwt/leaver');
    await spy.untilOpen(0);
  });
});

test('a lifetime policy that is lowered ends what was minted under the former one, without another cause', async () => {
  await kubectl(['apply', '-f', '-'], aToken('long'));
  await wait('condition=Ready', 'gwt/long');
  const hours = async (): Promise<number> => {
    const [generation] = JSON.parse(await kubectl(['get', 'gwt', 'long', '-n', tools, '-o', 'jsonpath={.status.generations}'])) as { issuedAt: string; expiresAt: string }[];
    return generation === undefined ? 0 : (Date.parse(generation.expiresAt) - Date.parse(generation.issuedAt)) / 3_600_000;
  };
  expect(await hours()).toBe(24);
  const policy = { name: 'short', namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': tools } }, minLifetime: '1h', maxLifetime: '2h' };
  for (const { configure } of operators) await configure({ tokens: { lifetimePolicies: [policy] } });
  await eventually('the generation cut', async () => (await hours()) === 2 || undefined);
  for (const { configure } of operators) await configure({});
}, 60_000);

describe('a sidecar', () => {
  test('F11 serves after a restart while no operator is there, from what it kept', async () => {
    const token = await secretOf('ci');
    const [pod] = pods;
    if (pod === undefined) throw new Error('no pod');
    for (const operator of operators.splice(0)) await operator.kill('SIGKILL');
    expect((await call(pod, token)).status).toBe(200);
    await pod.restartSidecar();
    expect((await call(pod, token)).status).toBe(200);
    await startOperators();
    // What happens from now on reaches it without another restart.
    await kubectl(['delete', 'gwt', 'ci', '-n', tools]);
    await eventually('the deletion enforced', async () => ((await call(pod, token)).status === 401 ? true : undefined));
  }, 90_000);
});

describe('a bundle', () => {
  test('is nobody else\'s: a token of another audience, server, pod or none gets no byte of it', async () => {
    const [pod, operator] = [pods[0], operators[0]];
    if (pod === undefined || operator === undefined) throw new Error('nothing runs');
    const ask = async (token: string | undefined, path = `/v1/bundles/${tools}/github`): Promise<{ status: number; text: string }> => {
      const headers = [`GET ${path} HTTP/1.1`, `Host: ${OPERATOR_NAME}`, ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]), 'Connection: close', '', ''];
      const answer = await sendRaw(operator.ports.stream, headers.join('\r\n'), { tls: { rejectUnauthorized: false } });
      return { status: answer.status, text: answer.body.toString() };
    };
    const refused = [
      await ask(undefined),
      await ask('junk'),
      await ask(await pod.token('https://kubernetes.default.svc')),
      await ask(await pod.token(`${BUNDLE_AUDIENCE}/${tools}/other`)),
      await ask(await pod.token(`${BUNDLE_AUDIENCE}/${tools}/other`), `/v1/bundles/${tools}/other`),
      await ask(await pod.token(`${BUNDLE_AUDIENCE}/${tools}/github`), `/v1/bundles/${home}/github`),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401, 403, 401]);
    for (const { text } of refused) expect(text).not.toContain('sha256');
  });

  test('reaches a sidecar that connects in the middle of a flood of invented tokens of its very pod', async () => {
    const reviews = async (): Promise<number> => {
      const { text } = await cluster().request('GET', '/metrics');
      return text.split('\n').filter((line) => line.startsWith('apiserver_request_total{') && line.includes('resource="tokenreviews"')).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const [victim] = pods;
    if (victim === undefined) throw new Error('nothing runs');
    await kubectl(['apply', '-f', '-'], aToken('late'));
    await wait('condition=Ready', 'gwt/late');
    const before = await reviews();
    const startedMs = performance.now();
    const floods = REPLICAS.map((address) =>
      floodWithTokens({
        replica: { address, port: ports.stream }, from: '127.0.0.66', tokens: 500,
        pod: { namespace: tools, name: victim.name, uid: victim.uid }, server: { namespace: tools, name: 'github' },
      }));
    const newcomer = await addPod('github-2');
    const token = await secretOf('late');
    await eventually('the newcomer serving', async () => ((await call(newcomer, token)).status === 200 ? true : undefined));
    await victim.restartSidecar();
    expect((await call(victim, token)).status).toBe(200);
    const statuses = (await Promise.all(floods)).flat();
    const seconds = (performance.now() - startedMs) / 1000;
    expect(statuses).toHaveLength(1000);
    // Of each replica: 16 at once and one every two seconds for the attacker, and two for the sidecars.
    expect((await reviews()) - before).toBeLessThanOrEqual(REPLICAS.length * (16 + Math.ceil(seconds / 2) + 4));
    expect(new Set(statuses)).toEqual(new Set([401, 503]));
    for (const { logText } of [newcomer, victim]) expect(logText()).not.toContain('status 503');
  }, 60_000);
});
