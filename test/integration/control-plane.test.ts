/** The control plane that other tests stand on is a real one, and leaves nothing behind. */
import { existsSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type ControlPlane, startControlPlane } from '../kit/control-plane.ts';
import { aServer } from '../kit/crd-examples.ts';
import { eventually } from '../kit/eventually.ts';
import { createOwner } from '../kit/owner.ts';
import { startProcess } from '../kit/processes.ts';
import { isRunning } from '../kit/running-process.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const ROOT = join(import.meta.dirname, '../..');
const MCP_API = '/apis/mcpgateway.dev/v1alpha1';
const DEADLINE_MS = 120_000;

const cluster = withControlPlane({ crds: true });

/** Runs kubectl, which has to succeed. */
async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster().kubectl(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function create(path: string, object: object) {
  const answer = await cluster().request('POST', path, object);
  expect(answer).toMatchObject({ status: 201 });
  return answer.body;
}

/** Resolves when the connection is taken. */
function connectTo(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

describe('the control plane', () => {
  test('is Kubernetes 1.34 and says so', async () => {
    const { body } = await cluster().request('GET', '/version');
    expect(body).toMatchObject({ gitVersion: expect.stringMatching(/^v1\.34\.\d+$/), major: '1', minor: '34' });
  });

  test('is reached on loopback, and on no other address of the machine', async () => {
    const { port, hostname } = new URL(cluster().url);
    expect(hostname).toBe('127.0.0.1');
    const others = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    for (const { address } of others.filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0)) {
      await expect(connectTo(Number(port), address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
  });

  test('refuses who presents no certificate', async () => {
    const status = await new Promise((resolve, reject) => {
      get(`${cluster().url}/api/v1/secrets`, { ca: cluster().ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).once('error', reject);
    });
    expect(status).toBe(403);
  });
});

describe('our CRDs', () => {
  test('take the objects of the quick start', async () => {
    await create('/api/v1/namespaces', { metadata: { name: 'tools' } });
    const files = ['servers', 'tokens'].flatMap((name) => ['-f', join(ROOT, `examples/quickstart/${name}.yaml`)]);
    await kubectl('apply', ...files);
    expect((await kubectl('get', 'mcpservers,gatewaytokens', '-n', 'tools', '-o', 'name')).split('\n').sort()).toEqual(
      ['', 'gatewaytoken.mcpgateway.dev/operator', 'gatewaytoken.mcpgateway.dev/reader', 'mcpserver.mcpgateway.dev/everything', 'mcpserver.mcpgateway.dev/mirror'],
    );
  });

  test('refuse what a CEL rule forbids, with its message', async () => {
    const { status, body } = await cluster().request('PATCH', `${MCP_API}/namespaces/tools/gatewaytokens/reader`, { spec: { lifetime: '48h' } }, 'application/merge-patch+json');
    expect({ status, reason: body.reason, message: body.message }).toEqual({
      status: 422,
      reason: 'Invalid',
      message: expect.stringContaining('lifetime may only be shortened'),
    });
  });
});

describe('identity and authorization', () => {
  test('RBAC refuses a user without a role, and lets one with a role do that and no more', async () => {
    const namespace = await cluster().namespace('rbac');
    const refused = await cluster().kubectl(['get', 'secrets', '-n', namespace], { user: 'mallory' });
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('User "mallory" cannot list resource "secrets"') });

    await kubectl('create', 'role', 'reader', '--verb=list', '--resource=configmaps', '-n', namespace);
    await kubectl('create', 'rolebinding', 'readers', '--role=reader', '--group=readers, and "others"', '-n', namespace);
    const kubeconfig = await cluster().kubeconfigFor({ user: 'alice@example.com', groups: ['guests', 'readers, and "others"'] });
    const list = (what: string) => cluster().kubectl(['get', what, '-n', namespace, '-o', 'name'], { kubeconfig });
    // The authorizer hears of the binding through a watch.
    const names = await eventually('the right to list', async () => {
      const { code, stdout } = await list('configmaps');
      return code === 0 ? stdout : undefined;
    });
    expect(names).toBe('configmap/kube-root-ca.crt\n');
    expect(await list('secrets')).toMatchObject({ code: 1, stderr: expect.stringContaining('User "alice@example.com" cannot list') });
  });

  test('a token is good for the audience that it was requested for, and for no other', async () => {
    const namespace = await cluster().namespace('audience');
    const requested = await create(`/api/v1/namespaces/${namespace}/serviceaccounts/default/token`, { spec: { audiences: ['mcpgateway'], expirationSeconds: 600 } });
    const { token } = requested.status as { readonly token: string };
    const review = async (audience: string) => (await create('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token, audiences: [audience] } })).status;

    expect(await review('mcpgateway')).toMatchObject({
      authenticated: true,
      audiences: ['mcpgateway'],
      user: { username: `system:serviceaccount:${namespace}:default` },
    });
    const elsewhere = await review('another-service');
    expect(elsewhere).not.toHaveProperty('authenticated');
    expect(elsewhere).toMatchObject({ error: expect.stringContaining('audience') });
  });

  test('a service account acts through its kubeconfig', async () => {
    const namespace = await cluster().namespace('account');
    const kubeconfig = await cluster().kubeconfigForServiceAccount(namespace, 'default');
    const { stdout } = await cluster().kubectl(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], { kubeconfig });
    expect(stdout).toBe(`system:serviceaccount:${namespace}:default`);
  });
});

describe('controllers', () => {
  test('give a namespace its ServiceAccount and the authority of the server', async () => {
    const namespace = await cluster().namespace();
    expect(namespace).toMatch(/^test-\w{5}$/);
    const { body } = await cluster().request('GET', `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`);
    expect(body['data']).toEqual({ 'ca.crt': cluster().ca });
    await kubectl('get', 'serviceaccount', 'default', '-n', namespace);
  });

  test('collect what a deleted MCPServer owns', async () => {
    const namespace = await cluster().namespace('owner');
    const servers = `${MCP_API}/namespaces/${namespace}/mcpservers`;
    const { metadata } = await create(servers, aServer({}, { namespace }));
    const ownerReferences = [{ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', name: 'github', uid: metadata?.uid }];
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    await create(secrets, { metadata: { name: 'owned', ownerReferences } });
    await create(secrets, { metadata: { name: 'free' } });

    await cluster().request('DELETE', `${servers}/github`);
    await eventually('collection', async () => ((await cluster().request('GET', `${secrets}/owned`)).status === 404 ? true : undefined));
    expect(await cluster().request('GET', `${secrets}/free`)).toMatchObject({ status: 200 });
  });

  test('finish the deletion of a namespace', async () => {
    const namespace = await cluster().namespace('deleted');
    const path = `/api/v1/namespaces/${namespace}`;
    await cluster().request('DELETE', path);
    await eventually('deletion', async () => ((await cluster().request('GET', path)).status === 404 ? true : undefined));
  });
});

describe('faults', () => {
  test('a restarted API server has another process and the same data, and controllers find it again', async () => {
    const namespace = await cluster().namespace('restart');
    const before = await create(`/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'kept' }, data: { key: 'value' } });
    const { apiserver, etcd } = cluster().pids();

    await cluster().restartApiserver();
    expect(cluster().pids().apiserver).not.toBe(apiserver);
    expect(cluster().pids().etcd).toBe(etcd);
    const after = await cluster().request('GET', `/api/v1/namespaces/${namespace}/configmaps/kept`);
    expect(after.body).toEqual({ ...before, kind: 'ConfigMap', apiVersion: 'v1' });
    await cluster().namespace('later');
  }, DEADLINE_MS);

  test('a stopped API server refuses connections until it is started', async () => {
    await cluster().stopApiserver();
    expect(cluster().pids()).not.toHaveProperty('apiserver');
    await expect(cluster().request('GET', '/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await cluster().startApiserver();
    expect(await cluster().request('GET', '/readyz')).toMatchObject({ status: 200, text: 'ok' });
  }, DEADLINE_MS);

  test('a suspended API server takes connections and answers when it goes on', async () => {
    const { apiserver = 0 } = cluster().pids();
    process.kill(apiserver, 'SIGSTOP');
    const answer = cluster().request('GET', '/readyz');
    const { port, hostname } = new URL(cluster().url);
    await connectTo(Number(port), hostname);
    process.kill(apiserver, 'SIGCONT');
    expect(await answer).toMatchObject({ status: 200 });
  });
});

describe('the end', () => {
  const owner = createOwner();
  const isGone = (pids: readonly number[], directory: string) => !existsSync(directory) && !pids.some(isRunning);

  test('leaves no process and no file, even of a suspended server', async () => {
    const own: ControlPlane = owner.own(await startControlPlane({ controllerManager: false }));
    const pids = Object.values(own.pids());
    expect(pids.filter(isRunning)).toHaveLength(2);
    process.kill(own.pids().apiserver ?? 0, 'SIGSTOP');
    await own.stop();
    expect(isGone(pids, own.directory)).toBe(true);
    await expect(own.stop()).resolves.toBeUndefined();
  }, DEADLINE_MS);

  test('comes also when the process that started it is killed', async () => {
    const driver = startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', join(ROOT, 'test/kit/control-plane-driver.ts')]);
    const [line] = await driver.untilLine(/^\{.*\}$/);
    const { directory, pids } = JSON.parse(line) as { readonly directory: string; readonly pids: readonly number[] };
    expect(pids.filter(isRunning)).toHaveLength(3);
    expect(existsSync(directory)).toBe(true);

    await driver.stop('SIGKILL');
    await eventually('the end of all', async () => (isGone(pids, directory) ? true : undefined));
  }, DEADLINE_MS);

  test('comes early, and with the words of the server, when a flag is wrong', async () => {
    await expect(startControlPlane({ apiserverArgs: ['--no-such-flag'] })).rejects.toThrow(/apiserver ended; its last lines:\n.*unknown flag: --no-such-flag/s);
  });
});
