/**
 * A guarded pod without a node: the Pod object is real and was injected by the real webhook, its service-account token is
 * bound to it by the API server, and its sidecar is a real process with the environment that was injected. It has an
 * address of its own on the loopback network, where the port that was injected leads to the sidecar.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BUNDLE_AUDIENCE, SERVER_LABEL } from '../../api/annotations.ts';
import type { Bundle } from '../../api/bundle.ts';
import { ENVIRONMENT } from '../../api/sidecar-environment.ts';
import type { ControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { freePort } from './ports.ts';
import { startRelay } from './relay.ts';
import type { Relay } from './relay.ts';

const ROOT = join(import.meta.dirname, '../..');
const POD_PRELOAD = join(import.meta.dirname, 'pod-preload.ts');

export interface PodOptions {
  readonly cluster: ControlPlane;
  readonly namespace: string;
  readonly name: string;
  /** Name of the MCPServer. */
  readonly server: string;
  /** Addresses of the operator's replicas. */
  readonly replicas: readonly string[];
  /** Of the pod; without it, one container. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Its address and its loopback, of the loopback network. If absent, its address is one of its own and its loopback 127.0.0.1. */
  readonly ip?: string;
  /** On which the sidecars of its server reach each other; any free one if absent. */
  readonly peerPort?: number;
  /** Mounted Secrets, by path. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Files that are loaded into the sidecar before its main module. */
  readonly preloads?: readonly string[];
  /** Beside what was injected. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface SimulatedPod {
  readonly name: string;
  readonly uid: string;
  /** Its address, by `status.podIPs`. */
  readonly ip: string;
  readonly port: number;
  readonly adminPort: number;
  /** Of the sidecar's present process. */
  pid(): number;
  /** As the injected container has it. */
  readonly environment: Readonly<Record<string, string>>;
  /** A token of this pod for any audience. */
  token(audience: string): Promise<string>;
  /** What the sidecar keeps for its next start; the file may be about to change. */
  heldBundle(): Promise<Bundle | undefined>;
  auditLines(): readonly Record<string, unknown>[];
  logText(): string;
  /** Ends the sidecar and starts it again, with what it left in its directories. */
  restartSidecar(): Promise<void>;
  /** Nobody answers any more on the sidecar's port of the pod's address. */
  unplug(): Promise<void>;
  plugIn(): Promise<void>;
  stop(): Promise<void>;
}

type InjectedPod = Pick<SimulatedPod, 'uid' | 'environment' | 'token'>;

export async function startPod(options: PodOptions): Promise<SimulatedPod> {
  return runPod(options, await createPod(options));
}

/** For a pod that a controller or kubectl has created. */
export async function startExistingPod(options: Omit<PodOptions, 'spec'>): Promise<SimulatedPod> {
  const { cluster, namespace, name } = options;
  const { status, body, text } = await cluster.request('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
  if (status !== 200) throw new Error(text);
  return runPod(options, injectedPod(options, body));
}

async function runPod(options: PodOptions, { uid, environment, token }: InjectedPod): Promise<SimulatedPod> {
  const { cluster, namespace, name, server } = options;
  const directory = await mkdtemp(join(tmpdir(), 'mcpgateway-pod-'));
  for (const each of ['identity', 'authorities', 'bundle', 'tls', 'secrets']) await mkdir(join(directory, each));
  await writeFile(join(directory, 'identity/token'), await token(`${BUNDLE_AUDIENCE}/${namespace}/${server}`));
  for (const [path, text] of Object.entries(options.secrets ?? {})) {
    await mkdir(dirname(join(directory, 'secrets', path)), { recursive: true });
    await writeFile(join(directory, 'secrets', path), text);
  }
  await writeFile(join(directory, 'authorities/ca.crt'), await authoritiesOf(cluster, namespace));
  const [port, adminPort] = [await freePort(), await freePort()];
  const ip = options.ip ?? `127.${String(16 + randomInt(200))}.${String(randomInt(256))}.${String(1 + randomInt(254))}`;
  const env = {
    ...environment,
    PATH: process.env['PATH'],
    TEST_REPLICAS: options.replicas.join(','), TEST_LOOPBACK: options.ip ?? '127.0.0.1',
    [ENVIRONMENT.podName]: name, [ENVIRONMENT.podUid]: uid, [ENVIRONMENT.podIps]: ip,
    [ENVIRONMENT.httpsPort]: String(port), [ENVIRONMENT.adminPort]: String(adminPort), [ENVIRONMENT.peerPort]: String(options.peerPort ?? await freePort()),
    [ENVIRONMENT.identityDirectory]: join(directory, 'identity'), [ENVIRONMENT.authoritiesDirectory]: join(directory, 'authorities'),
    [ENVIRONMENT.bundleDirectory]: join(directory, 'bundle'), [ENVIRONMENT.tlsDirectory]: join(directory, 'tls'),
    [ENVIRONMENT.secretsDirectory]: join(directory, 'secrets'),
    ...options.env,
  };
  const preloads = [POD_PRELOAD, ...(options.preloads ?? [])];
  const logged: string[] = [];
  const audited: Record<string, unknown>[] = [];
  let sidecar = await startSidecarProcess({ env, preloads }, logged, audited);
  const plug = (): Promise<Relay> => startRelay(port, { address: ip, port: Number(environment[ENVIRONMENT.httpsPort]) });
  let plugged = await plug();
  await giveAddress(cluster, { namespace, name }, ip);
  return {
    name, uid, ip, port, adminPort, environment, token,
    pid: () => sidecar.pid ?? 0,
    async heldBundle() {
      const text = await readFile(join(directory, 'bundle/bundle.json'), 'utf8');
      return (JSON.parse(text) as { readonly bundle?: Bundle }).bundle;
    },
    auditLines: () => audited,
    logText: () => logged.join('\n'),
    async restartSidecar() {
      await end(sidecar);
      sidecar = await startSidecarProcess({ env, preloads }, logged, audited);
    },
    unplug: () => plugged.stop(),
    async plugIn() {
      plugged = await plug();
    },
    async stop() {
      await plugged.stop();
      await end(sidecar);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The object alone, as the webhook patched it. */
export async function createPod({ cluster, namespace, name, server, spec }: Omit<PodOptions, 'replicas'>): Promise<InjectedPod> {
  const pod = {
    apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, labels: { [SERVER_LABEL]: server } },
    spec: { containers: [{ name: 'server', image: 'example/server:1' }], ...spec },
  };
  const { status, body, text } = await cluster.request('POST', `/api/v1/namespaces/${namespace}/pods`, pod);
  if (status !== 201) throw new Error(`the pod was not created: ${text}`);
  return injectedPod({ cluster, namespace, name }, body);
}

function injectedPod({ cluster, namespace, name }: Pick<PodOptions, 'cluster' | 'namespace' | 'name'>, pod: unknown): InjectedPod {
  const created = pod as { metadata: { uid: string }; spec: { initContainers?: { name: string; env: { name: string; value?: string }[] }[] } };
  const container = created.spec.initContainers?.find((each) => each.name === 'mcp-gateway');
  if (container === undefined) throw new Error('the pod was not injected');
  const entries = container.env.flatMap((variable) => (variable.value === undefined ? [] : [[variable.name, variable.value] as const]));
  const { uid } = created.metadata;
  return { uid, environment: Object.fromEntries(entries), token: (audience) => requestToken(cluster, { namespace, name, uid }, audience) };
}

/** What the kubelet would say. */
async function giveAddress(cluster: ControlPlane, pod: { namespace: string; name: string }, ip: string): Promise<void> {
  const status = JSON.stringify({ status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } });
  const { code, stderr } = await cluster.kubectl(['patch', 'pod', pod.name, '-n', pod.namespace, '--subresource=status', '--type=merge', '-p', status]);
  if (code !== 0) throw new Error(stderr);
}

/** A token that is bound to this pod. */
export async function requestToken(cluster: ControlPlane, pod: { namespace: string; name: string; uid: string }, audience: string): Promise<string> {
  const request = {
    apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest',
    spec: { audiences: [audience], expirationSeconds: 3600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid } },
  };
  const { status, body, text } = await cluster.request('POST', `/api/v1/namespaces/${pod.namespace}/serviceaccounts/default/token`, request);
  if (status !== 201) throw new Error(text);
  return (body as unknown as { status: { token: string } }).status.token;
}

/** Whom sidecars of the namespace believe as the operator. */
export function authoritiesOf(cluster: ControlPlane, namespace: string): Promise<string> {
  return eventually('the authorities of the operator', async () => {
    const { code, stdout } = await cluster.kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', namespace, '-o', 'jsonpath={.data.ca\\.crt}']);
    return code === 0 && stdout !== '' ? stdout : undefined;
  });
}

/** Resolves once it listens; `logged` and `audited` get its lines. */
export function startSidecarProcess({ env, preloads = [POD_PRELOAD] }: { readonly env: NodeJS.ProcessEnv; readonly preloads?: readonly string[] }, logged: string[], audited: Record<string, unknown>[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...preloads.flatMap((file) => ['--import', file]), join(ROOT, 'sidecar/main.ts')], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  createInterface({ input: child.stdout }).on('line', (line) => audited.push(JSON.parse(line) as Record<string, unknown>));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the sidecar ended with ${String(code)}:\n${logged.join('\n')}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      logged.push(line);
      if (line.includes('"listening"')) resolve(child);
    });
  });
}

/** Asks a process to end, and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
