/**
 * What the status of a server says, on a real API server: two operator processes under their account, a pod that the real
 * webhook injected, its sidecar as a process, and real sockets on an address of the pod.
 */
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import { serverYaml, tokenYaml } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator, OPERATOR_NAME, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { listenOnLoopback } from '../kit/ports.ts';
import { sendRaw } from '../kit/raw-http.ts';
import { createPod, startPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const REPLICAS = ['127.0.0.1', '127.0.0.2'] as const;
let home: string;
let tools: string;
let spy: SpyUpstream;
let ports: OperatorProcess['ports'];
let operators: OperatorProcess[];
let pod: SimulatedPod;

const { kubectl, wait } = createKubectl(cluster, () => tools);

const aServer = (name: string, namespace = tools): string => serverYaml({ namespace, name, port: spy.port });
const aToken = (name: string): string => tokenYaml({ namespace: tools, name });

interface Told {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

async function conditionOf(type: string, server = 'github', namespace = tools): Promise<Told | undefined> {
  const text = await kubectl(['get', 'mcps', server, '-n', namespace, '-o', `jsonpath={.status.conditions[?(@.type=="${type}")]}`]);
  return text === '' ? undefined : (JSON.parse(text) as Told);
}

/** The condition, once it has this reason. */
function untilReason(type: string, reason: string, server = 'github', namespace = tools): Promise<Told> {
  return eventually(`${type} of ${server} being ${reason}`, async () => {
    const condition = await conditionOf(type, server, namespace);
    return condition?.reason === reason ? condition : undefined;
  });
}

function untilEvent(reason: string, about: string): Promise<string> {
  return eventually(`the Event ${reason} of ${about}`, async () => {
    const note = await kubectl(['get', 'events.events.k8s.io', '-n', tools, '-o', `jsonpath={.items[?(@.reason=="${reason}")].note}`, `--field-selector=regarding.name=${about}`]);
    return note === '' ? undefined : note;
  });
}

let touches = 0;
/** A change that says nothing: whoever follows the object looks again. A label, because nobody follows a pod's annotations. */
function touch(object: string, namespace = tools): Promise<string> {
  touches += 1;
  return kubectl(['label', object, '-n', namespace, `touched=${String(touches)}`, '--overwrite']);
}

beforeAll(async () => {
  operators = [];
  home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  spy = await startSpyUpstream();
  ports = await freePorts();
  const kubeconfig = await installOperator(cluster(), home, ports);
  for (const [index, address] of REPLICAS.entries()) operators.push(await startOperatorProcess({ namespace: home, name: `operator-${String(index)}`, kubeconfig, address, ports }));
  await registerWebhook(cluster(), home, { address: REPLICAS[0], port: ports.webhook });
  await kubectl(['apply', '-f', '-'], `${aServer('github')}---${aToken('ci')}`);
  pod = await startPod({ cluster: cluster(), namespace: tools, name: 'github-0', server: 'github', replicas: REPLICAS });
}, 120_000);
afterAll(async () => {
  await pod.stop();
  for (const operator of operators) await operator.kill('SIGTERM');
  await spy.stop();
});

describe('a server that only its sidecar can reach', () => {
  test('says so, by the word of its sidecar and by the attempt of the operator, and is Ready', async () => {
    await wait('condition=Ready', 'mcps/github');
    await untilReason('LoopbackOnly', 'LoopbackOnly');
    expect(await conditionOf('LoopbackOnly')).toMatchObject({ status: 'True' });
    expect(await conditionOf('BypassBlocked')).toMatchObject({ status: 'True', reason: 'BypassBlocked' });
    await untilEvent('Ready', 'github');
    await untilEvent('BypassBlocked', 'github');
    await untilEvent('Accepted', 'github');
    // What was tried carried nothing.
    expect(spy.bytesReceived).toBe(0);
  });

  test('is not Ready where not even the sidecar answers the operator: nothing is known then', async () => {
    await pod.unplug();
    await touch('pod/github-0');
    expect(await untilReason('BypassBlocked', 'SidecarUnreachable')).toMatchObject({ status: 'Unknown', message: expect.stringContaining('github-0') });
    await wait('condition=Ready=false', 'mcps/github');
    await pod.plugIn();
    await touch('pod/github-0');
    await wait('condition=Ready', 'mcps/github');
  });

  test('is not Ready while a Service sends clients past the sidecar, by number or by the port of the container', async () => {
    await kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: tools, name: 'shortcut' }, spec: { selector: { 'mcpgateway.dev/server': 'github' }, ports: [{ port: 80, targetPort: spy.port }] } }));
    await touch('pod/github-0');
    expect(await untilReason('BypassBlocked', 'ServiceBypassesSidecar')).toMatchObject({ status: 'False', message: expect.stringContaining('Service shortcut') });
    await wait('condition=Ready=false', 'mcps/github');
    await kubectl(['delete', 'service', 'shortcut', '-n', tools]);
    await touch('pod/github-0');
    await wait('condition=Ready', 'mcps/github');
  });
});

describe('a server that listens on an address of its pod', () => {
  let open: Server;
  let bytes = 0;

  beforeAll(async () => {
    open = createServer((socket) => socket.on('data', (chunk) => (bytes += chunk.length)).on('error', () => undefined));
    await listenOnLoopback(open, spy.port, pod.ip);
    await pod.restartSidecar();
    await touch('pod/github-0');
  });
  afterAll(() => new Promise((resolve) => open.close(resolve)));

  test('is not Ready, and both conditions name the pod and say what to do', async () => {
    expect(await untilReason('BypassBlocked', 'ServerReachable')).toMatchObject({ status: 'False', message: expect.stringMatching(/github-0 can be reached without the sidecar: let the server listen on 127\.0\.0\.1/) });
    expect(await untilReason('LoopbackOnly', 'ServerExposed')).toMatchObject({ status: 'False', message: expect.stringContaining('github-0') });
    await wait('condition=Ready=false', 'mcps/github');
    expect((await untilReason('Ready', 'ServerReachable')).status).toBe('False');
    expect(await untilEvent('ServerReachable', 'github')).toContain('github-0');
    await untilEvent('NotReady', 'github');
    expect(bytes).toBe(0);
  });

  test('is Ready where that is tolerated, and the condition still says it', async () => {
    await kubectl(['patch', 'mcps', 'github', '-n', tools, '--type=merge', '-p', '{"spec":{"upstream":{"directAccess":"Tolerated"}}}']);
    await wait('condition=Ready', 'mcps/github');
    expect(await conditionOf('BypassBlocked')).toMatchObject({ status: 'False', reason: 'ServerReachable', message: expect.stringContaining('Tolerated by spec.upstream.directAccess') });
    await kubectl(['patch', 'mcps', 'github', '-n', tools, '--type=merge', '-p', '{"spec":{"upstream":{"directAccess":null}}}']);
    await wait('condition=Ready=false', 'mcps/github');
  });

  test('is Ready when it no longer does', async () => {
    await new Promise((resolve) => open.close(resolve));
    await pod.restartSidecar();
    await touch('pod/github-0');
    await wait('condition=Ready', 'mcps/github');
    await untilReason('LoopbackOnly', 'LoopbackOnly');
  });
});

describe('a pod', () => {
  const annotate = (value: string): Promise<string> => kubectl(['annotate', 'pod', 'github-0', '-n', tools, `mcpgateway.dev/injected${value}`, '--overwrite']);
  const outdated = (): Promise<string> => kubectl(['get', 'mcps', 'github', '-n', tools, '-o', 'jsonpath={.status.sidecars.outdated}']);

  test('with a sidecar of former settings is counted and named, and so is one without', async () => {
    const present = await kubectl(['get', 'pod', 'github-0', '-n', tools, '-o', 'jsonpath={.metadata.annotations.mcpgateway\\.dev/injected}']);
    expect(await outdated()).toBe('0');
    await annotate('={"version":"0.0.1","configHash":"0000000000000000"}');
    expect((await untilReason('SidecarsReady', 'PodsOutdated')).message).toContain('github-0');
    expect(await outdated()).toBe('1');
    await annotate('-');
    await untilReason('SidecarsReady', 'PodsUnguarded');
    expect(await untilEvent('PodsUnguarded', 'github')).toContain('github-0');
    await annotate(`=${present}`);
    await wait('condition=Ready', 'mcps/github');
    expect(await outdated()).toBe('0');
  });

  test('that is refused is told beside its server, and not in a dry run', async () => {
    const refused = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: tools, name: 'refused-0', labels: { 'mcpgateway.dev/server': 'github' } }, spec: { hostNetwork: true, containers: [{ name: 'server', image: 'example/server:1' }] } });
    const dry = await cluster().kubectl(['create', '--dry-run=server', '-f', '-'], { input: refused.replace('refused-0', 'dry-0') });
    expect(dry.stderr).toContain('hostNetwork');
    const { code, stderr } = await cluster().kubectl(['create', '-f', '-'], { input: refused });
    expect(code).not.toBe(0);
    expect(stderr).toContain('hostNetwork');
    const note = await untilEvent('PodRefused', 'github');
    expect(note).toContain('refused-0');
    expect(note).not.toContain('dry-0');
  });
});

describe('what somebody else made', () => {
  test('in the place of the authorities is named and left alone, for every server of the namespace, until it is gone', async () => {
    const squatted = await cluster().namespace('squatted');
    await kubectl(['create', 'configmap', 'mcpgateway-authorities', '-n', squatted, '--from-literal=ca.crt=mine']);
    await kubectl(['apply', '-f', '-'], `${aServer('one', squatted)}---${aServer('two', squatted)}`);
    for (const server of ['one', 'two']) {
      const { status, message } = await untilReason('Accepted', 'AuthoritiesNotOurs', server, squatted);
      expect(status).toBe('False');
      expect(message).toMatch(/ConfigMap mcpgateway-authorities .*: delete it\.$/);
      expect(await untilReason('Ready', 'AuthoritiesNotOurs', server, squatted)).toMatchObject({ status: 'False' });
      // The rest of what belongs to it is there.
      await kubectl(['get', 'service,networkpolicy', `${server}-mcp`, '-n', squatted]);
    }
    expect(await kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', squatted, '-o', 'jsonpath={.data.ca\\.crt}'])).toBe('mine');
    await kubectl(['delete', 'configmap', 'mcpgateway-authorities', '-n', squatted]);
    await touch('mcps/one', squatted);
    await untilReason('Accepted', 'Accepted', 'one', squatted);
    expect(await kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', squatted, '-o', 'jsonpath={.data.ca\\.crt}'])).toContain('BEGIN CERTIFICATE');
  });

  test('is a policy that refuses our NetworkPolicy: the status says so', async () => {
    const strict = await cluster().namespace('strict');
    const policy = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name: 'no-network-policies' } };
    const rules = [{ apiGroups: ['networking.k8s.io'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['networkpolicies'] }];
    const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': strict } };
    await kubectl(['create', '-f', '-'], [
      JSON.stringify({ ...policy, kind: 'ValidatingAdmissionPolicy', spec: { matchConstraints: { resourceRules: rules, namespaceSelector }, validations: [{ expression: 'false', message: 'not here' }] } }),
      JSON.stringify({ ...policy, kind: 'ValidatingAdmissionPolicyBinding', spec: { policyName: policy.metadata.name, validationActions: ['Deny'] } }),
    ].join('\n---\n'));
    const probe = JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: strict, name: 'probe' }, spec: { podSelector: {} } });
    await eventually('the policy in force', async () => ((await cluster().kubectl(['create', '--dry-run=server', '-f', '-'], { input: probe })).code === 0 ? undefined : true));
    await kubectl(['apply', '-f', '-'], aServer('one', strict));
    expect((await untilReason('Accepted', 'WriteRefused', 'one', strict)).message).toMatch(/^NetworkPolicy one-mcp \(4\d\d \w+\) cannot be written: see the log of the operator/);
    await kubectl(['get', 'service', 'one-mcp', '-n', strict]);
    await kubectl(['delete', 'validatingadmissionpolicybinding,validatingadmissionpolicy', 'no-network-policies']);
    await eventually('the policy gone', async () => ((await cluster().kubectl(['create', '--dry-run=server', '-f', '-'], { input: probe })).code === 0 ? true : undefined));
    await touch('mcps/one', strict);
    await untilReason('Accepted', 'Accepted', 'one', strict);
  });
});

describe('a serving certificate', () => {
  const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString();

  async function ask(token: string, server: string, address: string): Promise<number> {
    const head = [`POST /v1/certificates/${tools}/${server} HTTP/1.1`, `Host: ${OPERATOR_NAME}`, `Authorization: Bearer ${token}`, `Content-Length: ${String(Buffer.byteLength(publicKey))}`, 'Connection: close', '', publicKey];
    return (await sendRaw(ports.stream, head.join('\r\n'), { tls: { host: address, rejectUnauthorized: false } })).status;
  }

  test('is issued by no replica for a Service of its name that somebody else made, or that is not there', async () => {
    await kubectl(['create', 'service', 'clusterip', 'coveted-mcp', '-n', tools, '--tcp=80:80']);
    await kubectl(['apply', '-f', '-'], aServer('coveted'));
    await untilReason('Accepted', 'ServiceNotOurs', 'coveted');
    const { token } = await createPod({ cluster: cluster(), namespace: tools, name: 'coveted-0', server: 'coveted' });
    const text = await token(`${BUNDLE_AUDIENCE}/${tools}/coveted`);
    for (const address of REPLICAS) {
      // Admitted as what it is, so that only the Service is in the way.
      const admitted = await eventually(`${address} knowing the pod`, async () => ((await ask(text, 'coveted', address)) === 403 ? undefined : ask(text, 'coveted', address)));
      expect(admitted).toBe(503);
    }
    await kubectl(['delete', 'service', 'coveted-mcp', '-n', tools]);
    for (const address of REPLICAS) expect(await ask(text, 'coveted', address)).toBe(503);
    await touch('mcps/coveted');
    await untilReason('Accepted', 'Accepted', 'coveted');
    for (const address of REPLICAS) expect(await ask(text, 'coveted', address)).toBe(200);
  });
});

describe('a token that is deleted', () => {
  test('is told beside the server that it named', async () => {
    await wait('condition=Ready', 'gwt/ci');
    await kubectl(['delete', 'gwt', 'ci', '-n', tools]);
    expect(await untilEvent('TokenDeleted', 'github')).toContain(`GatewayToken ${tools}/ci was deleted`);
  });

  test('while nobody leads is told by whoever leads next', async () => {
    await kubectl(['apply', '-f', '-'], aToken('orphan'));
    await wait('condition=Ready', 'gwt/orphan');
    const holder = await kubectl(['get', 'lease', 'mcpgateway-operator', '-n', home, '-o', 'jsonpath={.spec.holderIdentity}']);
    const index = holder.includes('operator-0') ? 0 : 1;
    const [leader] = operators.splice(index, 1);
    await leader?.kill('SIGKILL');
    await kubectl(['delete', 'gwt', 'orphan', '-n', tools]);
    await eventually('the Event', async () => {
      const notes = await kubectl(['get', 'events.events.k8s.io', '-n', tools, '--field-selector=regarding.name=github', '-o', 'jsonpath={.items[?(@.reason=="TokenDeleted")].note}']);
      return notes.includes(`${tools}/orphan`) ? true : undefined;
    }, 50_000);
  }, 90_000);
});
