/**
 * `make demo-cluster`: the operator on a real Kubernetes API server, from `kubectl apply` to `kubectl patch`. There is no
 * node: the pod's sidecar runs as a process, with what the webhook injected. The demo fails when anything it shows is not so.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aCall } from '../kit/calls.ts';
import type { ControlPlane } from '../kit/control-plane.ts';
import { startControlPlane } from '../kit/control-plane.ts';
import { eventually } from '../kit/eventually.ts';
import { startEverything } from '../kit/everything.ts';
import { freePorts, installOperator, registerWebhook, SERVICE_ACCOUNT, startOperatorProcess } from '../kit/operator-process.ts';
import { openRaw, sendRaw } from '../kit/raw-http.ts';
import type { RawResponse } from '../kit/raw-http.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { startPod } from '../kit/simulated-pod.ts';
import { createNarrator } from './narrate.ts';

const ROOT = join(import.meta.dirname, '../..');
const STEPS = 8;
const REPLICAS = ['127.0.0.1', '127.0.0.2'];
const ROTATE_AT = '2026-11-23T10:00:00Z';
const { step, say, expect } = createNarrator((text) => process.stdout.write(text), STEPS);
const stops: (() => Promise<unknown>)[] = [];

function owned<T extends { stop(): Promise<unknown> }>(started: T): T {
  stops.push(() => started.stop());
  return started;
}

async function run(): Promise<void> {
  step('Boot etcd, kube-apiserver and kube-controller-manager (the first time they are built, some four minutes)');
  const cluster = owned(await startControlPlane({ crds: true }));
  for (const name of ['mcpgateway', 'tools']) await shown(cluster, 'create', 'namespace', name);
  await eventually('the default account', async () => ((await cluster.kubectl(['get', 'sa', 'default', '-n', 'tools'])).code === 0 ? true : undefined));

  step('Start two replicas of the operator, with an account that may do little');
  const ports = await freePorts();
  const kubeconfig = await installOperator(cluster, 'mcpgateway', ports);
  for (const [index, address] of REPLICAS.entries()) {
    const operator = await startOperatorProcess({ namespace: 'mcpgateway', name: `operator-${String(index)}`, kubeconfig, address, ports });
    stops.push(() => operator.kill('SIGTERM'));
  }
  await registerWebhook(cluster, 'mcpgateway', { address: REPLICAS[0] ?? '', port: ports.webhook });
  await showAccount(cluster);

  step('Declare a server and a token with kubectl');
  const everything = owned(await startEverything());
  const yaml = (await readFile(join(ROOT, 'examples/cluster/everything.yaml'), 'utf8')).replace('port: 3001', `port: ${String(everything.port)}`);
  say((await must(cluster, ['apply', '-f', '-'], yaml)).trim());

  step('Create a pod with the label mcpgateway.dev/server: everything');
  const pod = owned(await startPod({ cluster, namespace: 'tools', name: 'everything-0', server: 'everything', replicas: REPLICAS }));
  await shown(cluster, 'get', 'pod', 'everything-0', '-n', 'tools', '-o', 'custom-columns=POD:.metadata.name,SIDECAR:.spec.initContainers[0].name,RESTART:.spec.initContainers[0].restartPolicy');
  await shown(cluster, 'wait', '--for=condition=Ready', 'mcps/everything', 'gwt/ci-bot', '-n', 'tools', '--timeout=30s');
  await shown(cluster, 'get', 'mcps,gwt', '-n', 'tools');

  step('Call the server through the sidecar, with the token from its Secret');
  const token = await secretOf(cluster);
  expect((await initialize(pod, token)).status === 200, 'the minted token is accepted');
  expect((await initialize(pod, `${token.slice(0, -1)}?`)).status === 401, 'any other is not');

  step('Rotate it by annotation');
  await shown(cluster, 'annotate', 'gwt', 'ci-bot', '-n', 'tools', `mcpgateway.dev/rotate-requested-at=${ROTATE_AT}`, '--overwrite');
  await shown(cluster, 'wait', `--for=jsonpath={.status.observedRotateRequest}=${ROTATE_AT}`, 'gwt/ci-bot', '-n', 'tools', '--timeout=30s');
  const next = await secretOf(cluster);
  expect(next !== token, 'the Secret holds another token');
  expect((await initialize(pod, token)).status === 200 && (await initialize(pod, next)).status === 200, 'both generations are accepted meanwhile');

  step('Revoke it while a stream is open');
  await revoke(cluster, pod, next);

  step('What is on record');
  await shown(cluster, 'get', 'gwt', 'ci-bot', '-n', 'tools', '-o', 'jsonpath={.status.enforcement}');
  await eventually('the Events', async () => ((await must(cluster, ['get', 'events.events.k8s.io', '-n', 'tools'])).includes('Revoked') ? true : undefined));
  await shown(cluster, 'get', 'events.events.k8s.io', '-n', 'tools', '-o', 'custom-columns=REASON:.reason,OBJECT:.regarding.name,NOTE:.note');
  say(JSON.stringify(pod.auditLines().find((line) => line['close'] === 'revoked')));
}

/** Opens the stream that a server keeps for its own events, revokes, and takes the time until it ends. */
async function revoke(cluster: ControlPlane, pod: SimulatedPod, token: string): Promise<void> {
  const session = (await initialize(pod, token)).headers['mcp-session-id'] ?? '';
  const stream = await openRaw(pod.port, { tls: { rejectUnauthorized: false } });
  stream.write(`GET /mcp HTTP/1.1\r\nHost: everything-mcp\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${session}\r\n\r\n`);
  await stream.untilReceived('text/event-stream');
  const closed = stream.untilClosed().then(() => performance.now());
  await shown(cluster, 'patch', 'gwt', 'ci-bot', '-n', 'tools', '--type=merge', '-p', '{"spec":{"revoked":true}}');
  const returnedMs = performance.now();
  const closedMs = await closed;
  say(`the stream ended ${(closedMs - returnedMs).toFixed(1)} ms after kubectl returned`);
  expect((await initialize(pod, token)).status === 401, 'the token is refused');
  await shown(cluster, 'wait', '--for=condition=Enforced', 'gwt/ci-bot', '-n', 'tools', '--timeout=30s');
}

/** What the operator's account may do, and what it may not. */
async function showAccount(cluster: ControlPlane): Promise<void> {
  const as = `--as=system:serviceaccount:mcpgateway:${SERVICE_ACCOUNT}`;
  const questions = [['get', 'secrets', 'no'], ['list', 'secrets', 'no'], ['delete', 'secrets', 'no'], ['create', 'secrets', 'yes'], ['create', 'pods', 'no'], ['watch', 'gatewaytokens', 'yes'], ['update', 'gatewaytokens', 'no']] as const;
  for (const [verb, resource, expected] of questions) {
    const { stdout } = await cluster.kubectl(['auth', 'can-i', verb, resource, '-n', 'tools', as]);
    say(`kubectl auth can-i ${verb} ${resource} -n tools ${as}: ${stdout.trim()}`);
    expect(stdout.trim() === expected, `${expected} is what it should be`);
  }
}

async function must(cluster: ControlPlane, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl([...args], input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function shown(cluster: ControlPlane, ...args: readonly string[]): Promise<void> {
  say(`$ kubectl ${args.join(' ')}`);
  say((await must(cluster, args)).trim());
}

async function secretOf(cluster: ControlPlane): Promise<string> {
  return Buffer.from(await must(cluster, ['get', 'secret', 'ci-bot-token', '-n', 'tools', '-o', 'jsonpath={.data.token}']), 'base64').toString('utf8');
}

const INITIALIZE = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'demo', version: '1' } } };

function initialize(pod: SimulatedPod, token: string): Promise<RawResponse> {
  return sendRaw(pod.port, aCall(token, INITIALIZE).replace('Host: localhost', 'Host: everything-mcp'), { tls: { rejectUnauthorized: false } });
}

try {
  await run();
  process.stdout.write('\nDone.\n');
} catch (cause) {
  process.exitCode = 1;
  process.stderr.write(`\nThe demo failed: ${cause instanceof Error ? cause.message : String(cause)}\n`);
}
for (const stop of stops.reverse()) await stop();
