/** The operator as a process of its own, against the API server of a test, with its webhook registered by URL. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUNDLE_AUDIENCE } from '../../api/annotations.ts';
import { admissionPolicies } from '../../operator/policies/admission-policies.ts';
import { operatorAccess } from '../../operator/rbac.ts';
import { webhookConfiguration } from '../../operator/webhook/configuration.ts';
import type { Kubeconfig } from './cluster-access.ts';
import type { ControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { freePort } from './ports.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_DEADLINE_MS = 30_000;
/** Under which sidecars know all replicas. */
export const OPERATOR_NAME = 'mcpgateway-operator.mcpgateway.svc';
export const WEBHOOK_CONFIGURATION = 'mcpgateway';
export const SERVICE_ACCOUNT = 'mcpgateway-operator';
const SIDECAR_IMAGE = 'mcpgateway/sidecar:test';

export interface OperatorProcess {
  readonly pid: number;
  readonly ports: { readonly stream: number; readonly webhook: number; readonly admin: number };
  /** gateway-config.json, as the process follows it. */
  readonly configFile: string;
  /** Its exit code; null after a signal. */
  readonly exited: Promise<number | null>;
  logText(): string;
  /** Writes gateway-config.json anew; what is not said here is as at the start. */
  configure(config: object): Promise<void>;
  /** Ends it and waits for its end. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface OperatorProcessOptions {
  readonly namespace: string;
  readonly name: string;
  /** Of the operator's account. */
  readonly kubeconfig: Kubeconfig;
  /** Of the loopback network; every replica has one of its own. */
  readonly address: string;
  readonly ports: OperatorProcess['ports'];
  /** Of the process. Default: its sources. */
  readonly main?: readonly string[];
  /** Beside what every operator is told. */
  readonly env?: Readonly<Record<string, string>>;
  /** Members of gateway-config.json beside the listener. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Files that are loaded before its main module. */
  readonly preloads?: readonly string[];
}

function addressOf({ stream }: OperatorProcess['ports']): string {
  return `${OPERATOR_NAME}:${String(stream)}`;
}

export async function freePorts(): Promise<OperatorProcess['ports']> {
  return { stream: await freePort(), webhook: await freePort(), admin: await freePort() };
}

export async function startOperatorProcess(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const { namespace, name } = options;
  const { ports } = options;
  const directory = await mkdtemp(join(tmpdir(), 'mcpgateway-operator-'));
  const configFile = join(directory, 'gateway-config.json');
  const configure = (config: object): Promise<void> => writeFile(configFile, JSON.stringify({ listener: { plainHTTP: true }, ...options.config, ...config }));
  await configure({});
  const child = spawn(process.execPath, [...(options.preloads ?? []).flatMap((file) => ['--import', file]), ...(options.main ?? [join(ROOT, 'operator/main.ts')])], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      MCPGATEWAY_NAMESPACE: namespace,
      MCPGATEWAY_POD_NAME: name,
      MCPGATEWAY_KUBECONFIG: options.kubeconfig.path,
      MCPGATEWAY_CONFIG_FILE: configFile,
      MCPGATEWAY_ADDRESS: options.address,
      MCPGATEWAY_STREAM_PORT: String(ports.stream),
      MCPGATEWAY_WEBHOOK_PORT: String(ports.webhook),
      MCPGATEWAY_ADMIN_PORT: String(ports.admin),
      MCPGATEWAY_NAMES: `${options.address},${OPERATOR_NAME}`,
      MCPGATEWAY_SIDECAR_IMAGE: SIDECAR_IMAGE,
      MCPGATEWAY_OPERATOR_ADDRESS: addressOf(ports),
      ...options.env,
    },
  });
  const lines: string[] = [];
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`the operator did not listen in time:\n${lines.join('\n')}`)), START_DEADLINE_MS);
    child.once('exit', (code) => reject(new Error(`the operator ended with ${String(code)}:\n${lines.join('\n')}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      if (!line.includes('"listening"')) return;
      clearTimeout(deadline);
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    ports,
    configFile,
    exited,
    logText: () => lines.join('\n'),
    configure,
    async kill(signal) {
      child.kill(signal);
      await exited;
      process.off('exit', killAtExit);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What the chart would install first: the operator's account with its roles, and the admission policies. */
export async function installOperator(cluster: ControlPlane, namespace: string, ports: OperatorProcess['ports']): Promise<Kubeconfig> {
  const access = operatorAccess({ namespace, serviceAccount: SERVICE_ACCOUNT, webhookConfiguration: WEBHOOK_CONFIGURATION });
  const guardedPods = {
    images: [SIDECAR_IMAGE], repositories: ['mcpgateway/sidecar'], ports: { https: 15_443, peer: 15_444, admin: 15_090 }, operatorAddress: addressOf(ports),
    audiencePrefix: BUNDLE_AUDIENCE, authoritiesConfigMap: 'mcpgateway-authorities',
  };
  const policies = admissionPolicies({ guardedPods, operator: { namespace, serviceAccount: SERVICE_ACCOUNT } });
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...access, ...policies] }) });
  if (code !== 0) throw new Error(stderr);
  return cluster.kubeconfigForServiceAccount(namespace, SERVICE_ACCOUNT);
}

/** What the chart would install: the webhook, by URL. Resolves when the operator has written whom to trust. */
export async function registerWebhook(cluster: ControlPlane, namespace: string, { address, port }: { address: string; port: number }): Promise<void> {
  const object = webhookConfiguration({ name: WEBHOOK_CONFIGURATION, operatorNamespace: namespace, client: { url: `https://${address}:${String(port)}/inject` } });
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  if (code !== 0) throw new Error(stderr);
  await eventually('the operator writing caBundle', async () => {
    const { stdout } = await cluster.kubectl(['get', 'mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION, '-o', 'jsonpath={.webhooks[0].clientConfig.caBundle}']);
    return stdout === '' ? undefined : true;
  });
}
