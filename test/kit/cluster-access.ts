/** Ways into the API server of a test control plane: kubeconfigs for anybody, kubectl, and plain HTTPS requests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stringify } from 'yaml';
import type { Authority, CertifiedKey } from './certificates.ts';

const REQUEST_DEADLINE_MS = 30_000;

export interface Kubeconfig {
  readonly path: string;
  readonly text: string;
}

/** Who a client certificate speaks for. */
export interface Subject {
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface KubectlOptions {
  readonly input?: string;
  /** With a certificate of this user, in no group; the administrator if absent. */
  readonly user?: string;
  /** Instead of `user`. */
  readonly kubeconfig?: Kubeconfig;
}

export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As much of an object, a list or a Status as tests look at. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly items?: readonly KubeObject[];
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly [field: string]: unknown;
}

export interface KubeAnswer {
  readonly status: number;
  /** Empty if the answer is no JSON object. */
  readonly body: KubeObject;
  readonly text: string;
}

export interface ClusterAccess {
  readonly url: string;
  /** Of the server's certificate, in PEM. */
  readonly ca: string;
  readonly caFile: string;
  /** Of an administrator (`system:masters`). */
  readonly kubeconfig: Kubeconfig;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  kubeconfigFor(subject: Subject): Promise<Kubeconfig>;
  /** Through a TokenRequest, for an hour; the account has to exist. */
  kubeconfigForServiceAccount(namespace: string, name: string): Promise<Kubeconfig & { readonly token: string }>;
  /** As administrator. An object is sent as JSON, a string or bytes as they are. Any status is an answer. */
  request(method: string, path: string, body?: object | string | Uint8Array, contentType?: string): Promise<KubeAnswer>;
}

export interface ClusterAccessOptions {
  readonly url: string;
  /** Of the server's certificate. */
  readonly ca: string;
  /** Signs client certificates. */
  readonly clients: Authority;
  readonly directory: string;
  readonly kubectl: string;
}

export async function createClusterAccess(options: ClusterAccessOptions): Promise<ClusterAccess> {
  const { url, ca, directory } = options;
  const caFile = join(directory, 'server-ca.crt');
  await writeFile(caFile, ca);
  let written = 0;
  const write = async (user: string, credential: Credential): Promise<Kubeconfig> => {
    const path = join(directory, `kubeconfig-${String(++written)}.yaml`);
    const content = kubeconfigText({ url, ca, user, credential });
    await writeFile(path, content, { mode: 0o600 });
    return { path, text: content };
  };
  const kubeconfigFor = async (subject: Subject): Promise<Kubeconfig> => write(subject.user, await issue(options.clients, subject));

  const admin: Subject = { user: 'test-admin', groups: ['system:masters'] };
  const certified = await issue(options.clients, admin);
  const kubeconfig = await write(admin.user, certified);
  const byUser = new Map<string, Promise<Kubeconfig>>();

  const request: ClusterAccess['request'] = (method, path, body, contentType = 'application/json') =>
    send(new URL(path, url), { ca, certified, method, contentType, bytes: bytesOf(body) });

  return {
    url,
    ca,
    caFile,
    kubeconfig,
    request,
    kubeconfigFor,
    kubectl: async (args, { input, user, kubeconfig: given } = {}) => {
      if (user !== undefined && !byUser.has(user)) byUser.set(user, kubeconfigFor({ user }));
      const { path } = given ?? (await (user === undefined ? kubeconfig : byUser.get(user))) ?? kubeconfig;
      return runKubectl(options, ['--kubeconfig', path, ...args], input);
    },
    kubeconfigForServiceAccount: async (namespace, name) => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } };
      const answer = await request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, body);
      const { token } = (answer.body.status ?? {}) as { readonly token?: string };
      if (answer.status !== 201 || token === undefined) throw new Error(`no token for ${namespace}/${name}: ${answer.text}`);
      return { ...(await write(`${namespace}-${name}`, { token })), token };
    },
  };
}

/** User and groups are the CN and the O of the subject. */
async function issue(clients: Authority, { user, groups = [] }: Subject): Promise<CertifiedKey> {
  const [name = '', ...organizations] = [user, ...groups].map((value) => value.replaceAll(/[,+"\\<>;=#]/g, String.raw`\$&`));
  // The common name is read as the rest of a distinguished name (RFC 4514).
  return clients.issue({ usage: 'client', commonName: [name, ...organizations.map((group) => `O=${group}`)].join(',') });
}

type Credential = CertifiedKey | { readonly token: string };

function kubeconfigText(parts: { readonly url: string; readonly ca: string; readonly user: string; readonly credential: Credential }): string {
  const { url, ca, user, credential } = parts;
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const secret =
    'token' in credential ? credential : { 'client-certificate-data': base64(credential.cert), 'client-key-data': base64(credential.key) };
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
      users: [{ name: user, user: secret }],
      contexts: [{ name: 'test', context: { cluster: 'test', user } }],
      'current-context': 'test',
    },
    { lineWidth: 0 },
  );
}

async function runKubectl({ kubectl, directory }: ClusterAccessOptions, args: readonly string[], input = ''): Promise<KubectlResult> {
  // Its caches and preferences belong to this control plane, not to whoever runs the tests.
  const env = { PATH: process.env['PATH'], HOME: directory, KUBECACHEDIR: join(directory, 'kubectl-cache') };
  const child = spawn(kubectl, args, { stdio: ['pipe', 'pipe', 'pipe'], env, timeout: REQUEST_DEADLINE_MS, killSignal: 'SIGKILL' });
  // A command that reads no input may end before it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout, stderr };
}

interface Outgoing {
  readonly ca: string;
  readonly certified: CertifiedKey;
  readonly method: string;
  readonly contentType: string;
  readonly bytes: Uint8Array | undefined;
}

function bytesOf(body: object | string | Uint8Array | undefined): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A connection of its own: after a restart of the server none is stale. */
async function send(url: URL, { ca, certified, method, contentType, bytes }: Outgoing): Promise<KubeAnswer> {
  const headers = bytes === undefined ? {} : { 'content-type': contentType, 'content-length': bytes.byteLength };
  const signal = AbortSignal.timeout(REQUEST_DEADLINE_MS);
  const response = await new Promise<NodeJS.ReadableStream & { readonly statusCode?: number | undefined }>((resolve, reject) => {
    httpsRequest(url, { method, ca, cert: certified.cert, key: certified.key, agent: false, signal, headers }, resolve)
      .once('error', reject)
      .end(bytes);
  });
  const content = await text(response);
  return { status: response.statusCode ?? 0, body: objectIn(content), text: content };
}

function objectIn(content: string): KubeObject {
  if (!content.startsWith('{')) return {};
  return JSON.parse(content) as KubeObject;
}
