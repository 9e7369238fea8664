/** A control plane with one operator and as many servers, tokens and simulated sidecars as a measurement wants. */
import { randomBytes } from 'node:crypto';
import { bundleAudience } from '../../api/bundle-stream.ts';
import { formatCredential, hashCredential } from '../../core/credential.ts';
import type { ControlPlane } from '../kit/control-plane.ts';
import { startControlPlane } from '../kit/control-plane.ts';
import { eventually } from '../kit/eventually.ts';
import { freePorts, installOperator, OPERATOR_NAME, registerWebhook, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { authoritiesOf, createPod } from '../kit/simulated-pod.ts';
import { createStreamClient } from '../kit/stream-client.ts';
import type { StreamClient } from '../kit/stream-client.ts';

const HOME = 'mcpgateway';
export const NAMESPACE = 'tools';
export const BUSY_SERVER = 'server-0';
export const ADDRESS = '127.0.0.1';
/** As in production: one file, and a small young generation, which trades some CPU for memory. */
export const OPERATOR = ['--max-semi-space-size=8', '--max-old-space-size=256', 'dist/operator.mjs'] as const;
/** Objects made at once. */
const AT_ONCE = 16;
const SETTLE_DEADLINE_MS = 600_000;
/** For setting the scene; what is measured is measured with the default. */
const HURRIED = '500';

export interface BenchToken {
  readonly name: string;
  readonly uid: string;
  readonly text: string;
}

export interface BenchCluster {
  readonly cluster: ControlPlane;
  operator(): OperatorProcess;
  addServers(from: number, to: number, port: number): Promise<void>;
  /** Each names the busy server, and one of the others; made elsewhere, so that their text is known here. */
  addTokens(from: number, to: number, servers: number): Promise<readonly BenchToken[]>;
  /** Simulated sidecars of the busy server. */
  addClients(from: number, to: number): Promise<readonly StreamClient[]>;
  /** Resolves when every token has a status of its present generation and nothing waits to be reconciled. */
  settle(): Promise<void>;
  /** With its defaults. Resolves when it listens; its sidecars are away until `reconnect`. */
  restartOperator(): Promise<void>;
  reconnect(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBenchCluster(apiserverArgs: readonly string[] = []): Promise<BenchCluster> {
  const cluster = await startControlPlane({ crds: true, apiserverArgs });
  for (const name of [HOME, NAMESPACE]) await must(cluster, 'POST', '/api/v1/namespaces', { metadata: { name } });
  await eventually('the default account', async () => ((await cluster.request('GET', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`)).status === 200 ? true : undefined));
  const ports = await freePorts();
  const kubeconfig = await installOperator(cluster, HOME, ports);
  const start = (environment: Readonly<Record<string, string>>) => startOperatorProcess({ namespace: HOME, name: 'operator-0', kubeconfig, address: ADDRESS, ports, main: OPERATOR, env: environment });
  let operator = await start({ MCPGATEWAY_API_REQUESTS_PER_SECOND: HURRIED });
  await registerWebhook(cluster, HOME, { address: ADDRESS, port: ports.webhook });
  const clients: StreamClient[] = [];

  return {
    cluster,
    operator: () => operator,
    addServers: (from, to, port) => each(from, to, async (number) => {
      await must(cluster, 'POST', `/apis/mcpgateway.dev/v1alpha1/namespaces/${NAMESPACE}/mcpservers`, serverObject(number, port));
    }),
    async addTokens(from, to, servers) {
      const made: BenchToken[] = [];
      await each(from, to, async (number) => void made.push(await addToken(cluster, number, servers)));
      return made;
    },
    async addClients(from, to) {
      const ca = await authoritiesOf(cluster, NAMESPACE);
      const added: StreamClient[] = [];
      await each(from, to, async (number) => void added.push(await addClient(cluster, { ca, port: ports.stream, name: `client-${String(number)}` })));
      clients.push(...added);
      return added;
    },
    settle: () => settle(cluster, () => operator),
    async restartOperator() {
      await operator.kill('SIGTERM');
      operator = await start({});
    },
    reconnect: () => each(0, clients.length, async (number) => clients[number]?.open()),
    async stop() {
      for (const client of clients) client.close();
      await operator.kill('SIGTERM');
      await cluster.stop();
    },
  };
}

async function each(from: number, to: number, make: (number: number) => Promise<void>): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      next += 1;
      await make(next - 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function must(cluster: ControlPlane, method: string, path: string, body?: object): Promise<{ readonly metadata?: { readonly uid?: string } }> {
  const answer = await cluster.request(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer.body;
}

function serverObject(number: number, port: number) {
  return {
    apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', metadata: { namespace: NAMESPACE, name: `server-${String(number)}` },
    spec: { upstream: { port }, authentication: { gatewayTokens: { bearer: true } } },
  };
}

async function addToken(cluster: ControlPlane, number: number, servers: number): Promise<BenchToken> {
  const name = `token-${String(number)}`;
  const { text, generation } = formatCredential({ generation: randomBytes(16), secret: randomBytes(32) });
  const serverRefs = [...new Set([BUSY_SERVER, `server-${String(number % servers)}`])].map((server) => ({ name: server }));
  const spec = {
    type: 'Bearer', source: { type: 'Hash', id: generation, sha256: hashCredential(text) }, lifetime: '24h', expiresAt: new Date(Date.now() + 20 * 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z'),
    identity: { user: name, email: `${name}@example.com`, team: 'platform', groups: ['ci', 'readers'] }, permissions: [{ serverRefs, tools: ['get_*', 'list_*'] }],
  };
  const object = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', metadata: { namespace: NAMESPACE, name }, spec };
  const { metadata } = await must(cluster, 'POST', `/apis/mcpgateway.dev/v1alpha1/namespaces/${NAMESPACE}/gatewaytokens`, object);
  return { name, uid: metadata?.uid ?? '', text };
}

async function addClient(cluster: ControlPlane, { ca, port, name }: { readonly ca: string; readonly port: number; readonly name: string }): Promise<StreamClient> {
  const server = { namespace: NAMESPACE, name: BUSY_SERVER };
  const { token } = await createPod({ cluster, namespace: NAMESPACE, name, server: BUSY_SERVER });
  const client = createStreamClient({ replica: { address: ADDRESS, port }, tls: { ca, servername: OPERATOR_NAME }, token: await token(bundleAudience(server)), server });
  await client.open();
  return client;
}

/** The sum of a metric over all its labels that `chosen` takes. */
export async function metricSum(operator: OperatorProcess, name: string, chosen: (labels: string) => boolean = () => true): Promise<number> {
  const text = await (await fetch(`http://${ADDRESS}:${String(operator.ports.admin)}/metrics`)).text();
  const values = text.split('\n').flatMap((line) => {
    const [, labels = '', value] = new RegExp(`^${name}(\\{.*\\})? (\\S+)$`).exec(line) ?? [];
    return value !== undefined && chosen(labels) ? [Number(value)] : [];
  });
  return values.reduce((sum, value) => sum + value, 0);
}

async function settle(cluster: ControlPlane, operator: () => OperatorProcess): Promise<void> {
  await eventually('every token having its status', async () => {
    if ((await metricSum(operator(), 'workqueue_depth')) > 0) return undefined;
    const { stdout } = await cluster.kubectl(['get', 'gwt', '-n', NAMESPACE, '-o', 'jsonpath={range .items[*]}{.metadata.generation} {.status.conditions[0].observedGeneration}{"\\n"}{end}']);
    const lines = stdout.trim().split('\n');
    return lines.every((line) => line.split(' ')[0] === line.split(' ')[1]) ? true : undefined;
  }, SETTLE_DEADLINE_MS);
}
