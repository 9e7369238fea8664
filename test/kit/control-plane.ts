/**
 * A real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1, with RBAC,
 * admission and certificates as in a cluster, and no node. Its processes and files are gone after `stop`, and after the
 * death of the process that started it. Its certificates are good for an hour.
 */
import { generateKeyPairSync, randomInt } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority, writeCertifiedKey } from './certificates.ts';
import { type ClusterAccess, createClusterAccess } from './cluster-access.ts';
import { type ControlPlaneBinaries, controlPlaneBinaries } from './control-plane-binaries.ts';
import { eventually } from './eventually.ts';
import { createOrphanGuard, type GuardedProcess, type OrphanGuard } from './orphan-guard.ts';
import { listenOnLoopback } from './ports.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const SERVICES = '10.96.0.0/16';
const SERVER_NAMES = ['127.0.0.1', 'localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', '10.96.0.1'];
/** Below the ports that systems give to clients, so that a stopped server's port is still free when it starts again. */
const PORTS = { from: 20_000, to: 30_000 } as const;
/** kube-apiserver waits for open watches before it ends. */
const STOP_GRACE_MS = 2_000;

export interface ControlPlaneOptions {
  /** Applies our CRDs before the controllers start: the garbage collector looks for new kinds only every 30 s. */
  readonly crds?: boolean;
  /** Without: no garbage collection, and namespaces never finish being deleted. */
  readonly controllerManager?: boolean;
  /** Added to the flags of kube-apiserver. */
  readonly apiserverArgs?: readonly string[];
}

export type Component = 'etcd' | 'apiserver' | 'controllerManager';

export interface ControlPlane extends ClusterAccess {
  /** Holds the data, keys and logs; gone after `stop`. */
  readonly directory: string;
  /** Issuer and default audience of service account tokens. */
  readonly issuer: string;
  /** A new namespace, once its default ServiceAccount exists. */
  namespace(prefix?: string): Promise<string>;
  /** Applies the files of crds/, and waits until the server serves them. */
  applyCrds(): Promise<void>;
  /** The ids of the components that run now; a restarted server has another. */
  pids(): Readonly<Partial<Record<Component, number>>>;
  log(component: Component): Promise<string>;
  stopApiserver(): Promise<void>;
  /** On the same port, over the same data; resolves when it is ready. */
  startApiserver(): Promise<void>;
  restartApiserver(): Promise<void>;
  /** Forgets the history up to now, in etcd; a running API server still remembers some of it. */
  compactEtcd(): Promise<void>;
  /** Stops the API server for a moment. What it returns puts the cluster back to where it is now, resource versions too. */
  backUpEtcd(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await controlPlaneBinaries();
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'mcpgateway-control-plane-')));
  const guard = createOrphanGuard(directory);
  try {
    return await boot({ binaries, directory, guard, options });
  } catch (error) {
    await guard.release();
    throw error;
  }
}

interface Ground {
  readonly binaries: ControlPlaneBinaries;
  readonly directory: string;
  readonly guard: OrphanGuard;
  readonly options: ControlPlaneOptions;
}

async function boot(ground: Ground): Promise<ControlPlane> {
  const { directory, guard, options, binaries } = ground;
  const running = new Map<Component, GuardedProcess>();
  const components = componentsOn(ground, running);
  const [etcdPort, serverPort] = [await reservedPort(), await reservedPort()];
  const url = `https://127.0.0.1:${String(serverPort)}`;
  const [clients] = await Promise.all([writeKeys(directory), startEtcd(components, directory, etcdPort)]);
  const ca = await readFile(join(directory, 'server-ca.crt'), 'utf8');
  const access = await createClusterAccess({ url, ca, clients, directory, kubectl: binaries.kubectl });

  const flags = apiserverFlags({ directory, etcdPort, serverPort });
  const startApiserver = async (): Promise<void> => {
    await components.start('apiserver', [...flags, ...(options.apiserverArgs ?? [])]);
    await components.ready('apiserver', async () => (await access.request('GET', '/readyz')).status === 200);
  };
  const stopApiserver = (): Promise<void> => components.stop('apiserver');
  const restartApiserver = async (): Promise<void> => {
    await stopApiserver();
    await startApiserver();
  };
  const applyCrds = (): Promise<void> => applyOurCrds(access);

  await startApiserver();
  if (options.crds === true) await applyCrds();
  if (options.controllerManager !== false) await startControllerManager(components, access, directory);

  return {
    ...access,
    directory,
    issuer: ISSUER,
    namespace: (prefix) => newNamespace(access, prefix ?? 'test', options.controllerManager !== false),
    applyCrds,
    pids: () => Object.fromEntries([...running].map(([name, { pid }]) => [name, pid])),
    log: (component) => readFile(join(directory, `${component}.log`), 'utf8'),
    stopApiserver,
    startApiserver,
    restartApiserver,
    compactEtcd: () => compact(`http://127.0.0.1:${String(etcdPort)}`),
    backUpEtcd: async () => {
      const [live, saved] = [join(directory, 'etcd'), await mkdtemp(join(directory, 'backup-'))];
      const exchangeData = async (from: string, to: string): Promise<void> => {
        await stopApiserver();
        await components.stop('etcd');
        await rm(to, { recursive: true, force: true });
        await cp(from, to, { recursive: true });
        await startEtcd(components, directory, etcdPort);
        await startApiserver();
      };
      await exchangeData(live, saved);
      return () => exchangeData(saved, live);
    },
    stop: async () => {
      await Promise.all(['controllerManager' as const, 'apiserver' as const].map((name) => components.stop(name)));
      await components.stop('etcd');
      await guard.release();
    },
  };
}

interface Components {
  start(name: Component, args: readonly string[]): Promise<void>;
  /** Fails with what the component wrote last if it ends before, or is not ready in time. */
  ready(name: Component, probe: () => Promise<boolean>): Promise<void>;
  stop(name: Component): Promise<void>;
}

function componentsOn({ binaries, directory, guard }: Ground, running: Map<Component, GuardedProcess>): Components {
  // Nothing is inherited: ETCD_… variables configure etcd, and a proxy would be asked about 127.0.0.1.
  const env = { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory };
  return {
    start: async (name, args) => {
      if (running.has(name)) throw new Error(`${name} runs already`);
      const logFile = join(directory, `${name}.log`);
      const started = await guard.start({ command: binaries[name], args, env, cwd: directory, logFile });
      running.set(name, started);
      void started.exited.then(() => running.get(name) === started && running.delete(name));
    },
    ready: async (name, probe) => {
      const started = running.get(name);
      const ask = async (): Promise<true | undefined> => {
        if (started === undefined || started.hasExited()) throw new Error(`${name} ended`);
        return (await probe().catch(() => false)) ? true : undefined;
      };
      await eventually(`readiness of ${name}`, ask, 60_000).catch(async (error: unknown) => {
        const lines = (await started?.tail()) ?? '';
        throw new Error(`${error instanceof Error ? error.message : String(error)}; its last lines:\n${lines}`, { cause: error });
      });
    },
    stop: async (name) => {
      await running.get(name)?.stop(STOP_GRACE_MS);
    },
  };
}

async function startEtcd(components: Components, directory: string, port: number): Promise<void> {
  const url = `http://127.0.0.1:${String(port)}`;
  // Data of a test need not survive the machine.
  const flags = ['--unsafe-no-fsync', '--log-level=warn', `--data-dir=${join(directory, 'etcd')}`];
  const urls = [`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`, '--listen-peer-urls=http://127.0.0.1:0'];
  await components.start('etcd', [...flags, ...urls]);
  await components.ready('etcd', async () => (await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) })).ok);
}

/** Through the JSON gateway of etcd's own API. */
async function compact(url: string): Promise<void> {
  const post = async (path: string, body: object): Promise<Response> => {
    const response = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`etcd refused: ${await response.text()}`);
    return response;
  };
  const key = Buffer.from('any').toString('base64');
  const { header } = (await (await post('kv/range', { key })).json()) as { readonly header: { readonly revision: string } };
  await post('kv/compaction', { revision: header.revision, physical: true });
}

/** Returns who signs client certificates; everything else is in the directory, under the names the flags use. */
async function writeKeys(directory: string): Promise<Authority> {
  const [server, clients] = await Promise.all([createAuthority('Test server CA'), createAuthority('Test client CA')]);
  const serving = join(directory, 'serving');
  await mkdir(serving);
  await writeCertifiedKey(serving, await server.issue({ names: SERVER_NAMES, commonName: 'kube-apiserver' }));
  await writeFile(join(directory, 'server-ca.crt'), server.cert);
  await writeFile(join(directory, 'client-ca.crt'), clients.cert);
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(directory, 'accounts.pub'), accounts.publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(directory, 'accounts.key'), accounts.privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  return clients;
}

function apiserverFlags(at: { readonly directory: string; readonly etcdPort: number; readonly serverPort: number }): readonly string[] {
  const file = (...names: readonly string[]): string => join(at.directory, ...names);
  return [
    `--etcd-servers=http://127.0.0.1:${String(at.etcdPort)}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${String(at.serverPort)}`,
    // Not loopback, or the server refuses to publish it. It need not exist (RFC 5737).
    '--advertise-address=192.0.2.1',
    `--service-cluster-ip-range=${SERVICES}`,
    `--cert-dir=${file('apiserver')}`,
    `--tls-cert-file=${file('serving', 'tls.crt')}`,
    `--tls-private-key-file=${file('serving', 'tls.key')}`,
    `--client-ca-file=${file('client-ca.crt')}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${file('accounts.pub')}`,
    `--service-account-signing-key-file=${file('accounts.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

async function startControllerManager(components: Components, access: ClusterAccess, directory: string): Promise<void> {
  const { path } = await access.kubeconfigFor({ user: 'system:kube-controller-manager' });
  await components.start('controllerManager', [
    `--kubeconfig=${path}`,
    '--leader-elect=false',
    // Nobody asks it anything: no port.
    '--secure-port=0',
    // Its start is some hundred requests; at the usual 20 per second it takes five seconds.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    // Each controller with the RBAC role that it has in a cluster.
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${join(directory, 'accounts.key')}`,
    `--root-ca-file=${access.caFile}`,
  ]);
  await components.ready('controllerManager', () => hasDefaults(access, 'default', true));
}

/** What controllers give to each namespace. */
async function hasDefaults(access: ClusterAccess, namespace: string, rootCa: boolean): Promise<boolean> {
  const paths = ['serviceaccounts/default', ...(rootCa ? ['configmaps/kube-root-ca.crt'] : [])];
  const answers = await Promise.all(paths.map((path) => access.request('GET', `/api/v1/namespaces/${namespace}/${path}`)));
  return answers.every(({ status }) => status === 200);
}

async function newNamespace(access: ClusterAccess, prefix: string, controllers: boolean): Promise<string> {
  const { status, body, text } = await access.request('POST', '/api/v1/namespaces', { metadata: { generateName: `${prefix}-` } });
  const name = body.metadata?.name;
  if (status !== 201 || name === undefined) throw new Error(`no namespace: ${text}`);
  // Pods are refused without the account, whoever makes it.
  if (!controllers) await access.request('POST', `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
  await eventually(`a default ServiceAccount in ${name}`, async () => ((await hasDefaults(access, name, controllers)) ? true : undefined));
  return name;
}

async function applyOurCrds(access: ClusterAccess): Promise<void> {
  const steps = [
    ['apply', '--server-side', '-f', CRDS],
    ['wait', '--for=condition=Established', '--timeout=20s', '-f', CRDS],
  ];
  for (const step of steps) {
    const { code, stderr } = await access.kubectl(step);
    if (code !== 0) throw new Error(`kubectl ${step[0] ?? ''} of the CRDs: ${stderr}`);
  }
}

/** Nothing listens on it now, and nothing that lets the system choose will. */
async function reservedPort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const server = createServer();
    const free = await listenOnLoopback(server, port).then(
      () => true,
      () => false,
    );
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
