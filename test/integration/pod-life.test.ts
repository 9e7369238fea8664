/**
 * What a guarded pod does for the kubelet and at its end, and for whom its certificate is: the pod is injected by the real
 * operator, its sidecar is a real process, and the kubelet is a request to the path that the stored pod names.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Kubeconfig } from '../kit/cluster-access.ts';
import { aCall, ECHO } from '../kit/calls.ts';
import { serverYaml, tokenYaml, toolsOf } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { sendRaw } from '../kit/raw-http.ts';
import { startPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { answerJson } from '../kit/spy-scripts.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const ADDRESS = '127.0.0.1';
let home: string;
let tools: string;
let spy: SpyUpstream;
let ports: OperatorProcess['ports'];
let account: Kubeconfig;
let operator: OperatorProcess;
let pods: SimulatedPod[];

const { kubectl, wait, secretOf } = createKubectl(cluster, () => tools);

const aServer = (name: string, url: string): string =>
  serverYaml({ namespace: tools, name, port: spy.port, more: [`publicURLs: ["https://other.example.com/${name}", "${url}"]`] });
const aToken = (): string => tokenYaml({ namespace: tools, name: 'ci', permissions: toolsOf('github', '*') });

async function addPod(name: string, server: string, spec: Readonly<Record<string, unknown>> = {}): Promise<SimulatedPod> {
  const pod = await startPod({ cluster: cluster(), namespace: tools, name, server, replicas: [ADDRESS], spec });
  pods.push(pod);
  return pod;
}

beforeAll(async () => {
  pods = [];
  home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  spy = await startSpyUpstream({ script: answerJson() });
  ports = await freePorts();
  account = await installOperator(cluster(), home, ports);
  const publicHosts = [
    { name: 'tools', namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': tools } }, hosts: ['*.tools.example.com'] },
    { name: 'others', namespaceSelector: { matchLabels: { team: 'others' } }, hosts: ['other.example.com'] },
  ];
  operator = await startOperatorProcess({ namespace: home, name: 'operator-0', kubeconfig: account, address: ADDRESS, ports, config: { certificates: { publicHosts } } });
  await registerWebhook(cluster(), home, { address: ADDRESS, port: ports.webhook });
  await kubectl(['apply', '-f', '-'], `${aServer('github', 'https://mcp.tools.example.com/github')}---${aToken()}`);
}, 120_000);
afterAll(async () => {
  for (const pod of pods) await pod.stop();
  await operator.kill('SIGTERM');
  await spy.stop();
});

describe('a probe of the server', () => {
  const PROBED = {
    readinessProbe: { httpGet: { path: '/ready?full=1', port: 'mcp', httpHeaders: [{ name: 'X-Probe', value: 'yes' }, { name: 'X-Forwarded-User', value: 'admin' }] } },
    livenessProbe: { tcpSocket: { port: 'mcp' } },
  };
  let pod: SimulatedPod;
  let stored: Record<'readinessProbe' | 'livenessProbe', { httpGet: { path: string } }>;
  beforeAll(async () => {
    pod = await addPod('probed', 'github', { containers: [{ name: 'server', image: 'x', ports: [{ name: 'mcp', containerPort: spy.port }], ...PROBED }] });
    stored = JSON.parse(await kubectl(['get', 'pod', 'probed', '-n', tools, '-o', 'jsonpath={.spec.containers[0]}'])) as typeof stored;
  }, 60_000);

  const askAsKubelet = async (kind: 'readinessProbe' | 'livenessProbe'): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${String(pod.adminPort)}${stored[kind].httpGet.path}`);
    return { status: response.status, text: await response.text() };
  };

  test('reaches a server that listens on loopback alone, as it was written, and shows a status alone', async () => {
    const before = spy.requests.length;
    expect(await askAsKubelet('readinessProbe')).toEqual({ status: 200, text: '' });
    const request = await spy.request(before);
    expect({ method: request.method, target: request.target, probe: request.values('x-probe') }).toEqual({ method: 'GET', target: '/ready?full=1', probe: ['yes'] });
    for (const name of ['x-forwarded-user', 'authorization']) expect(request.values(name)).toEqual([]);
  });

  test('fails as the server does', async () => {
    spy.answerWith((_request, socket) => void socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nsecret'));
    expect(await askAsKubelet('readinessProbe')).toEqual({ status: 503, text: '' });
    spy.answerWith(answerJson());
  });

  test('of its port is a connection and nothing more', async () => {
    const { bytesReceived, connections: { total } } = spy;
    expect(await askAsKubelet('livenessProbe')).toEqual({ status: 200, text: '' });
    expect(spy.connections.total).toBe(total + 1);
    expect(spy.bytesReceived).toBe(bytesReceived);
  });

  test('is asked for by nobody else\'s path: the server hears of nothing', async () => {
    const { total } = spy.connections;
    for (const path of ['/probe/server/startup', '/probe/other/liveness', '/probe/server/liveness/../..', '/probe', '/mcp']) {
      expect((await fetch(`http://127.0.0.1:${String(pod.adminPort)}${path}`)).status).toBe(404);
    }
    expect(spy.connections.total).toBe(total);
  });
});

describe('the certificate of a sidecar', () => {
  const reach = async (pod: SimulatedPod, servername: string): Promise<number> => {
    const ca = await kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', tools, '-o', 'jsonpath={.data.serving-ca\\.crt}']);
    const head = ['GET /nothing HTTP/1.1', `Host: ${servername}`, 'Connection: close', '', ''].join('\r\n');
    return (await sendRaw(pod.port, head, { tls: { ca, servername } })).status;
  };
  const MISFIT = { code: 'ERR_TLS_CERT_ALTNAME_INVALID' };

  test('is for the public hosts that its namespace may have, and no other of its URLs', async () => {
    const pod = await addPod('public', 'github');
    for (const name of ['mcp.tools.example.com', `github-mcp.${tools}.svc`]) expect(await reach(pod, name)).toBeGreaterThanOrEqual(400);
    for (const name of ['other.example.com', 'b.tools.example.com']) await expect(reach(pod, name)).rejects.toMatchObject(MISFIT);
  });

  test('is not for a URL that an older server has', async () => {
    await kubectl(['apply', '-f', '-'], aServer('younger', 'https://mcp.tools.example.com/github'));
    await eventually('the refusal', async () => {
      const reason = await kubectl(['get', 'mcps', 'younger', '-n', tools, '-o', 'jsonpath={.status.conditions[?(@.type=="Accepted")].reason}']);
      return reason === 'PublicURLTaken' ? true : undefined;
    });
    const pod = await addPod('younger', 'younger');
    expect(await reach(pod, `younger-mcp.${tools}.svc`)).toBeGreaterThanOrEqual(400);
    await expect(reach(pod, 'mcp.tools.example.com')).rejects.toMatchObject(MISFIT);
  });
});

describe('the end of a pod', () => {
  test('with a short grace period does not wait for an answer that does not come, and is on record', async () => {
    await wait('condition=Ready', 'gwt/ci');
    const token = await secretOf('ci');
    const pod = await addPod('short', 'github', { terminationGracePeriodSeconds: 5 });
    expect(pod.environment['MCPGATEWAY_DRAIN_SECONDS']).toBe('0');
    spy.answerWith(() => undefined);
    const before = spy.requests.length;
    const bytes = aCall(token, ECHO).replace('POST /mcp', 'POST /github').replace('Host: localhost', 'Host: mcp.tools.example.com');
    const call = sendRaw(pod.port, bytes, { tls: { rejectUnauthorized: false } }).catch(() => undefined);
    await spy.request(before);
    await pod.stop();
    expect([undefined, 503]).toContain((await call)?.status);
    expect(JSON.stringify(pod.auditLines().slice(-5))).toContain('shutdown');
    spy.answerWith(answerJson());
  }, 20_000);
});
