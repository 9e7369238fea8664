/** A sidecar process whose replica of the operator falls silent: it goes on for as long as its bundle says, and no longer. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ENVIRONMENT } from '../../api/sidecar-environment.ts';
import { sealed } from '../kit/bundle-changes.ts';
import { aCluster, GOOD_TOKEN, POD, startReplica, TLS_NAME } from '../kit/bundle-replica.ts';
import type { Replica } from '../kit/bundle-replica.ts';
import { aBundle, aToken } from '../kit/bundles.ts';
import { aCall, ECHO } from '../kit/calls.ts';
import { createAuthority, writeCertifiedKey } from '../kit/certificates.ts';
import type { Authority } from '../kit/certificates.ts';
import { eventually } from '../kit/eventually.ts';
import { createOwner } from '../kit/owner.ts';
import { freePort } from '../kit/ports.ts';
import { sendRaw } from '../kit/raw-http.ts';
import { end, startSidecarProcess } from '../kit/simulated-pod.ts';
import { answerJson } from '../kit/spy-scripts.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const owner = createOwner();
const token = aToken();
let authority: Authority;
let replica: Replica;
let spy: SpyUpstream;
let port: number;

const publish = (maxStalenessMs: number): void => replica.store.publish(sealed(aBundle({ port: spy.port, tokens: [token], maxStalenessMs })));
const call = async (): Promise<{ status: number; text: string }> => sendRaw(port, aCall(token.text, ECHO), { tls: { rejectUnauthorized: false } });

/** With a certificate of its own: this replica issues none. */
async function startSidecar(): Promise<void> {
  const directory = newDirectory();
  for (const each of ['identity', 'authorities', 'bundle', 'secrets/serving']) await mkdir(join(directory, each), { recursive: true });
  await writeFile(join(directory, 'identity/token'), GOOD_TOKEN);
  await writeFile(join(directory, 'authorities/ca.crt'), authority.cert);
  await writeCertifiedKey(join(directory, 'secrets/serving'), await authority.issue());
  port = await freePort();
  const env = {
    PATH: process.env['PATH'], TEST_REPLICAS: '127.0.0.1',
    [ENVIRONMENT.namespace]: 'default', [ENVIRONMENT.server]: 'server', [ENVIRONMENT.podName]: POD.name, [ENVIRONMENT.podUid]: '5a1f0c9e-0000-4000-8000-000000000000', [ENVIRONMENT.podIps]: '127.0.0.1',
    [ENVIRONMENT.hosts]: 'localhost', [ENVIRONMENT.operatorAddress]: `${TLS_NAME}:${String(replica.port)}`, [ENVIRONMENT.logLevel]: 'info',
    [ENVIRONMENT.httpsPort]: String(port), [ENVIRONMENT.adminPort]: String(await freePort()), [ENVIRONMENT.peerPort]: String(await freePort()), [ENVIRONMENT.certificateSource]: 'Secret',
    [ENVIRONMENT.identityDirectory]: join(directory, 'identity'), [ENVIRONMENT.authoritiesDirectory]: join(directory, 'authorities'),
    [ENVIRONMENT.bundleDirectory]: join(directory, 'bundle'), [ENVIRONMENT.tlsDirectory]: join(directory, 'tls'), [ENVIRONMENT.secretsDirectory]: join(directory, 'secrets'),
  };
  const sidecar = await startSidecarProcess({ env }, [], []);
  owner.own({ stop: () => end(sidecar) });
}

beforeAll(async () => {
  authority = await createAuthority();
  spy = owner.own(await startSpyUpstream({ script: answerJson() }));
  replica = owner.own(await startReplica({ cluster: aCluster(), authority }));
  publish(60_000);
  await startSidecar();
}, 60_000);
afterAll(() => owner.stopAll());

test('denies with 503 once what it has is older than its bundle says, and the server behind it hears of nothing', async () => {
  await eventually('the first answer', async () => ((await call()).status === 200 ? true : undefined));
  publish(3_000);
  await eventually('the shorter bound in force', async () => (replica.store.subscribers('default/server').some(({ acknowledged }) => acknowledged?.revision === replica.store.current('default/server')?.revision) ? true : undefined));
  await replica.stop();
  const silentSinceMs = performance.now();
  expect((await call()).status).toBe(200);
  const denied = await eventually('the denial', async () => {
    const answer = await call();
    return answer.status === 200 ? undefined : { answer, afterMs: performance.now() - silentSinceMs };
  });
  expect(denied.answer.status).toBe(503);
  expect(denied.answer.text).toContain('ERR_SNAPSHOT_UNAVAILABLE');
  expect(denied.afterMs).toBeGreaterThan(2_000);
  const reached = spy.requests.length;
  expect((await call()).status).toBe(503);
  expect(spy.requests.length).toBe(reached);
}, 60_000);
