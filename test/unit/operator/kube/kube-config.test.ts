import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ConfigError } from '../../../../core/config-error.ts';
import { createConnection } from '../../../../operator/kube/kube-config.ts';
import { PODS } from '../../../../operator/kube/resources.ts';
import { systemScheduler } from '../../../../operator/kube/scheduler.ts';
import { createAuthority } from '../../../kit/certificates.ts';
import { aClient } from '../../../kit/kube-parts.ts';
import { listenOnLoopback } from '../../../kit/ports.ts';

let directory: string;
let server: Server;
let handshakes: number;
let caFile: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-config-'));
  caFile = join(directory, 'ca.crt');
  const authority = await createAuthority('test');
  const { cert, key } = await authority.issue({ names: ['127.0.0.1'], commonName: 'api' });
  await writeFile(caFile, authority.cert);
  handshakes = 0;
  server = createServer({ cert, key }, (_request, response) => void response.end('{"metadata":{"name":"a","uid":"u","resourceVersion":"1"}}'));
  server.on('secureConnection', () => (handshakes += 1));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

const kubeconfig = (address: string, cluster: object): string =>
  JSON.stringify({
    'current-context': 'one',
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
    clusters: [{ name: 'one', cluster: { server: address, ...cluster } }],
    users: [{ name: 'one', user: { token: 't' } }],
  });

test('one pool serves as long as the CA file is the same, and a new file is read at once', async () => {
  const address = `https://127.0.0.1:${String(await listenOnLoopback(server))}`;
  const { client } = aClient(kubeconfig(address, { 'certificate-authority': caFile }), systemScheduler);
  const get = () => client.get(PODS, { namespace: 'test', name: 'a' });
  for (let calls = 0; calls < 20; calls += 1) await get();
  expect(handshakes).toBeLessThanOrEqual(2);
  await writeFile(caFile, (await createAuthority('another')).cert);
  await expect(get()).rejects.toMatchObject({ reason: 'ConnectionFailed' });
  await client.close();
});

test('a server that the CA did not sign is refused, also without a CA of its own and with the variable that turns this off', async () => {
  const address = `https://127.0.0.1:${String(await listenOnLoopback(server))}`;
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    const { client } = aClient(kubeconfig(address, {}), systemScheduler);
    await expect(client.get(PODS, { namespace: 'test', name: 'a' })).rejects.toMatchObject({ reason: 'ConnectionFailed' });
    expect(handshakes).toBe(0);
    await client.close();
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

test('plain HTTP is refused unless the configuration gives up verification', async () => {
  await listenOnLoopback(server);
  const { client } = aClient(kubeconfig('http://127.0.0.1:1', {}), systemScheduler);
  await expect(client.get(PODS, { namespace: 'test', name: 'a' })).rejects.toMatchObject({ reason: 'CredentialsUnavailable' });
});

test('an address may have a path', async () => {
  await listenOnLoopback(server);
  const connection = createConnection({ type: 'Text', yaml: kubeconfig('https://rancher.example:8443/k8s/clusters/c-1/', {}) });
  expect(connection).toMatchObject({ origin: 'https://rancher.example:8443', host: 'rancher.example:8443', basePath: '/k8s/clusters/c-1' });
});

test('a configuration without a cluster is refused', async () => {
  await listenOnLoopback(server);
  expect(() => createConnection({ type: 'Text', yaml: kubeconfig('https://a', {}), context: 'absent' })).toThrow(ConfigError);
});
