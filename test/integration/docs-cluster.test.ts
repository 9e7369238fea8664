/**
 * The guide for clusters is true: every command of it runs as it stands there, in order, with kubectl on PATH, against a
 * real API server with a real operator. There is no node, so the sidecar of the guide's pod runs as a process; between
 * commands, clients see what the guide says they would.
 */
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { aCall, ECHO } from '../kit/calls.ts';
import { controlPlaneBinaries } from '../kit/control-plane-binaries.ts';
import { eventually } from '../kit/eventually.ts';
import { freePorts, installOperator, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { type Block, blocksOf, isRun, isShown, statusOf } from '../kit/page-blocks.ts';
import { sendRaw } from '../kit/raw-http.ts';
import { startExistingPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { ROOT } from '../kit/source-tree.ts';
import { answerJson } from '../kit/spy-scripts.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const GUIDE = 'docs/guides/cluster.md';
const ADDRESS = '127.0.0.1';
const COMMAND_DEADLINE_MS = 70_000;
const RUN_DEADLINE_MS = 120_000;

const cluster = withControlPlane({ crds: true });
const makeDirectory = temporaryDirectories();
let checkout: string;
let spy: SpyUpstream;
let operator: OperatorProcess;
let pod: SimulatedPod | undefined;

beforeAll(async () => {
  const home = await cluster().namespace('mcpgateway');
  const ports = await freePorts();
  const kubeconfig = await installOperator(cluster(), home, ports);
  operator = await startOperatorProcess({ namespace: home, name: 'operator-0', kubeconfig, address: ADDRESS, ports });
  await registerWebhook(cluster(), home, { address: ADDRESS, port: ports.webhook });
  spy = await startSpyUpstream({ script: answerJson() });
  checkout = makeDirectory();
  cpSync(join(ROOT, 'examples'), join(checkout, 'examples'), { recursive: true });
  const example = join(checkout, 'examples/cluster/everything.yaml');
  writeFileSync(example, readFileSync(example, 'utf8').replace('port: 3001', `port: ${String(spy.port)}`));
}, 60_000);
afterAll(async () => {
  await pod?.stop();
  await operator.kill('SIGTERM');
  await spy.stop();
});

/** What is so once a command of the guide has run; by the command's beginning. */
const AFTERWARDS: Readonly<Record<string, () => Promise<void>>> = {
  'kubectl apply -f examples/cluster/deployment.yaml': startItsSidecar,
  'kubectl get configmap mcpgateway-authorities': async () => {
    await expectAccepted('token');
    await expectRefused(`${text('token').slice(0, -1)}?`, 401);
    await expectRefused(text('token'), 200, 'get-env');
  },
  'kubectl get secret ci-bot-token -n tools -o jsonpath=\'{.data.token}\' | base64 -d > next-token': async () => {
    expect(text('next-token')).not.toBe(text('token'));
    for (const file of ['token', 'next-token']) await expectAccepted(file);
  },
  'kubectl get gwt ci-bot -n tools -o jsonpath=\'{.status.enforcement}\'': async () => {
    for (const file of ['token', 'next-token']) await expectRefused(text(file), 401);
  },
  'kubectl apply -f examples/cluster/author.yaml': async () => void await eventually('the role being in force', async () => {
    const { code } = await cluster().kubectl(['auth', 'can-i', 'create', 'gatewaytokens.mcpgateway.dev', '-n', 'tools', '--as=alice']);
    return code === 0 ? true : undefined;
  }),
  'kubectl wait --for=condition=Enforced gwt/partner': () => expectAccepted('partner-token'),
};

test('every command of the guide works as shown', async () => {
  const blocks = blocksOf(GUIDE);
  const done = new Set<string>();
  const ran: string[] = [];
  for (const block of blocks.filter(isRun)) {
    const outputs: string[] = [];
    const commands = commandsOf(block);
    for (const [index, command] of commands.entries()) {
      const { code, output } = await run(command);
      const status = index === commands.length - 1 ? statusOf(block) : 0;
      expect(`${command}\n${output}\nstatus ${String(code)}`).toBe(`${command}\n${output}\nstatus ${String(status)}`);
      ran.push(command);
      outputs.push(output);
      await afterwards(command, done);
    }
    expectShown(blocks, block, outputs.join(''));
  }
  expect([...done].toSorted()).toEqual(Object.keys(AFTERWARDS).toSorted());
  expect(kubectlLines().filter((line) => !ran.some((command) => command.split('\n').includes(line)))).toEqual([]);
}, RUN_DEADLINE_MS);

/** Every one that a reader could copy, in whichever block. */
function kubectlLines(): readonly string[] {
  const lines = readFileSync(join(ROOT, GUIDE), 'utf8').split('\n').filter((line) => /(^|[\s$(])kubectl [a-z]/.test(line.replaceAll(/`[^`]*`/g, '')) && !line.startsWith('>'));
  expect(lines.length).toBeGreaterThan(15);
  return lines;
}

/** A here-document belongs to the command before it, and so does what follows a backslash. */
function commandsOf({ text: script }: Block): readonly string[] {
  return script.match(/^.*<<'EOF'\n[\s\S]*?^EOF$|^(?:.*\\\n)*.+$/gm) ?? [];
}

async function run(command: string): Promise<{ readonly code: number | undefined; readonly output: string }> {
  const path = [dirname((await controlPlaneBinaries()).kubectl), join(ROOT, 'bin'), join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(':');
  const env = { PATH: path, HOME: checkout, KUBECONFIG: cluster().kubeconfig.path };
  return new Promise((resolve) => {
    execFile('bash', ['-o', 'pipefail', '-c', `exec 2>&1\n${command}`], { cwd: checkout, env, timeout: COMMAND_DEADLINE_MS }, (error, stdout) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : undefined, output: stdout });
    });
  });
}

async function afterwards(command: string, done: Set<string>): Promise<void> {
  for (const [beginning, check] of Object.entries(AFTERWARDS).filter(([start]) => command.startsWith(start))) {
    await check();
    done.add(beginning);
  }
}

function expectShown(blocks: readonly Block[], block: Block, output: string): void {
  const next = blocks[blocks.indexOf(block) + 1];
  if (next?.language !== 'text') return;
  const printed = output.endsWith('\n') ? output : `${output}\n`;
  expect({ line: next.line, shows: isShown(printed, next.text) ? next.text : printed }).toEqual({ line: next.line, shows: next.text });
}

/** What a node would do with the pod that the Deployment makes. */
async function startItsSidecar(): Promise<void> {
  const name = await eventually('the pod of the Deployment', async () => {
    const { stdout } = await cluster().kubectl(['get', 'pods', '-n', 'tools', '-l', 'mcpgateway.dev/server=everything', '-o', 'jsonpath={.items[*].metadata.name}']);
    return stdout === '' ? undefined : stdout;
  });
  pod = await startExistingPod({ cluster: cluster(), namespace: 'tools', name, server: 'everything', replicas: [ADDRESS] });
}

const text = (file: string): string => readFileSync(join(checkout, file), 'utf8').trim();

/** With the address and the authorities that the guide gives to clients. */
async function call(token: string, tool: string): Promise<{ readonly status: number; readonly body: string }> {
  const message = { ...ECHO, params: { ...ECHO.params, name: tool } };
  const { status, body } = await sendRaw(pod?.port ?? 0, aCall(token, message).replace('Host: localhost', 'Host: everything-mcp.tools.svc'), {
    tls: { ca: text('serving-ca.crt'), servername: 'everything-mcp.tools.svc' },
  });
  return { status, body: body.toString() };
}

async function expectAccepted(file: string): Promise<void> {
  const before = spy.requests.length;
  expect((await call(text(file), 'echo')).status).toBe(200);
  expect(spy.requests.length).toBe(before + 1);
}

/** A tool that is not permitted is refused in an answer of the protocol. */
async function expectRefused(token: string, status: number, tool = 'echo'): Promise<void> {
  const before = spy.requests.length;
  const answer = await call(token, tool);
  expect(answer.status).toBe(status);
  expect(answer.body).toContain('"error"');
  expect(spy.requests.length).toBe(before);
}
