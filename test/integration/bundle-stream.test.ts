/** From operator replicas to a sidecar over real TLS: what is in force, who may have it, how old it gets. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { streamPath } from '../../api/bundle-stream.ts';
import { without, aRevision, revoking, sealed } from '../kit/bundle-changes.ts';
import { aCluster, GOOD_TOKEN, POD, realClock, seen, silent, startReplica, startSource, TLS_NAME } from '../kit/bundle-replica.ts';
import type { FakeCluster, Replica, ReplicaOptions, RunningSource, SourceSettings } from '../kit/bundle-replica.ts';
import { createAuthority } from '../kit/certificates.ts';
import type { Authority } from '../kit/certificates.ts';
import { createOwner } from '../kit/owner.ts';
import { aJwt, aPodToken } from '../kit/pod-tokens.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';
import { aGenerationUsage, aReport } from '../kit/usage.ts';

const SERVER = { namespace: 'default', name: 'server' };
const KEY = 'default/server';
const newDirectory = temporaryDirectories();
const owner = createOwner();
let authority: Authority;
let cluster: FakeCluster;

beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(() => owner.stopAll());
afterAll(() => owner.stopAll());

async function aReplica(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  return owner.own(await startReplica({ cluster, authority, ...options }));
}

function aSource(replica: Replica, settings: Partial<SourceSettings> = {}): RunningSource {
  return owner.own(startSource({ directory: newDirectory(), authority, port: replica.port, ...settings }));
}

const acknowledgementsOf = ({ store }: Replica) => {
  const all = seen<{ readonly revision: string; readonly podUid: string }>('acknowledgement');
  store.onAcknowledged(({ revision, pod }) => all.add({ revision, podUid: pod.uid }));
  return all;
};

/** What the pods that are connected said last of their server, each time that one says something else. */
const exposuresOf = ({ store }: Replica) => {
  const all = seen<string>('exposure');
  store.onExposure((server) => {
    for (const { pod, exposure } of store.subscribers(server)) if (exposure !== undefined) all.add(`${pod.uid} ${String(exposure.port)} ${exposure.outcome}`);
  });
  return all;
};

interface Answer {
  readonly status: number;
  readonly body: string;
  /** The connection was closed, and when. */
  readonly ended: Promise<number>;
  readonly text: () => string;
}

/** Resolves with the head; the body goes on. */
function ask({ port }: Replica, path: string, options: { readonly token?: string; readonly method?: string; readonly body?: string } = {}): Promise<Answer> {
  const { token, method = 'GET', body } = options;
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const outgoing = request({ host: '127.0.0.1', port, path, method, ca: authority.cert, servername: TLS_NAME, agent: false, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('error', () => undefined);
      const ended = new Promise<number>((closed) => response.on('close', () => closed(performance.now())));
      const answer = { status: response.statusCode ?? 0, ended, text: () => text };
      if (answer.status === 200) return resolve({ ...answer, body: '' });
      void ended.then(() => resolve({ ...answer, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('one replica', () => {
  test('gives the bundle, then patches within milliseconds, and counts who acknowledged', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    const acknowledged = acknowledgementsOf(replica);
    const first = aRevision(['alice', 'bob']);
    replica.store.publish(first);
    const sidecar = aSource(replica);
    await sidecar.untilBundle(({ revision }) => revision === first.revision);
    await sidecar.events.until((event) => event.kind === 'stale' && !event.isStale);
    await acknowledged.until(({ revision, podUid }) => revision === first.revision && podUid === POD.uid);

    const second = revoking(first, 'alice', 2);
    const startedMs = performance.now();
    replica.store.publish(second);
    await sidecar.untilBundle(({ revision }) => revision === second.revision);
    const tookMs = performance.now() - startedMs;
    expect(sidecar.live()).toEqual(['bob']);
    await acknowledged.until(({ revision }) => revision === second.revision);
    expect(tookMs).toBeLessThan(500);
    expect(replica.store.subscribers(KEY)).toMatchObject([{ pod: POD, sentRevision: second.revision, acknowledged: { revision: second.revision } }]);
    // Reviews are remembered: a stream and two acknowledgements cost one.
    expect(cluster.reviews).toBe(1);
  });

  test('that is killed and comes back is followed again without a restart', async () => {
    cluster = aCluster();
    const before = await startReplica({ cluster, authority });
    const first = aRevision(['alice', 'bob']);
    before.store.publish(first);
    const sidecar = aSource(before);
    await sidecar.untilBundle(({ revision }) => revision === first.revision);
    await before.stop();
    const after = await aReplica({ port: before.port });
    after.store.publish(revoking(first, 'alice', 2));
    await sidecar.events.until(() => sidecar.live().join() === 'bob');
  });

  test('that retracts the server denies everything, and may publish it again', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    const first = aRevision(['alice']);
    replica.store.publish(first);
    const sidecar = aSource(replica);
    await sidecar.untilBundle(() => true);
    replica.store.retract(KEY);
    await sidecar.events.until(({ kind }) => kind === 'retracted');
    const again = revoking(aRevision(['alice', 'bob'], 5), 'alice', 6);
    replica.store.publish(again);
    await sidecar.untilBundle(({ revision }) => revision === again.revision);
  });

  test('takes usage, and only of tokens of that server', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    const first = aRevision(['alice']);
    replica.store.publish(first);
    const sidecar = aSource(replica);
    await sidecar.untilBundle(() => true);
    const [receiver, ...others] = sidecar.source.receivers();
    expect(await receiver?.reportUsage(aReport(['uid-default-alice', 'uid-of-another-server'].map((uid) => aGenerationUsage(uid))))).toBe('taken');
    expect(others).toEqual([]);
    expect(replica.usage.map(({ generations }) => generations.map(({ uid }) => uid))).toEqual([['uid-default-alice']]);
  });

  test('hears how the server can be reached, also one that comes later, and always the newest', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    const heard = exposuresOf(replica);
    replica.store.publish(aRevision(['alice']));
    const sidecar = aSource(replica, { addresses: ['127.0.0.1', '127.0.0.2'] });
    await sidecar.untilBundle(() => true);
    sidecar.source.reportExposure({ format: 1, port: 3000, outcome: 'Unclear' });
    expect(await heard.until(() => true)).toBe('uid-pod-a 3000 Unclear');
    sidecar.source.reportExposure({ format: 1, port: 3000, outcome: 'LoopbackOnly' });
    await heard.until((each) => each === 'uid-pod-a 3000 LoopbackOnly');
    const late = await aReplica({ address: '127.0.0.2', port: replica.port });
    const heardLate = exposuresOf(late);
    late.store.publish(aRevision(['alice']));
    await heardLate.until(() => true);
    expect(heardLate.all).toEqual(['uid-pod-a 3000 LoopbackOnly']);
  });

  test('refuses for good the usage that it cannot read, and for now what it gets when nobody can say whose it is', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    replica.store.publish(aRevision(['alice']));
    const sidecar = aSource(replica);
    await sidecar.untilBundle(() => true);
    const [receiver] = sidecar.source.receivers();
    expect(await receiver?.reportUsage({ ...aReport([]), uncounted: -1 })).toBe('refused');
    cluster.pods.clear();
    await expect(receiver?.reportUsage(aReport([]))).rejects.toMatchObject({ status: 403 });
    expect(replica.usage).toEqual([]);
  });

  test('is not believed without a certificate of the authority', async () => {
    cluster = aCluster();
    const replica = await aReplica({ authority: await createAuthority('Another CA') });
    replica.store.publish(aRevision(['alice']));
    const problems = seen<unknown>('problem');
    const sidecar = aSource(replica, { log: { ...silent, info: (_message, fields) => problems.add(fields?.['problem']) } });
    // Tried, and tried again.
    await problems.until((_problem, all) => all.length > 1);
    expect(new Set(problems.all)).toEqual(new Set(['UNABLE_TO_VERIFY_LEAF_SIGNATURE']));
    expect(cluster.reviews).toBe(0);
    expect(sidecar.events.all.filter(({ kind }) => kind === 'bundle')).toEqual([]);
  });
});

describe('two replicas', () => {
  test.each([
    ['revoked', revoking(aRevision(['alice', 'bob'], 10, { GatewayToken: '10' }), 'alice', 30)],
    ['deleted', without(aRevision(['alice', 'bob'], 10), 'alice')],
    ['deleted, with positions', without(aRevision(['alice', 'bob'], 10), 'alice', { GatewayToken: '30' })],
  ])('a token that one says is %s is not brought back by one that lags', async (_case, ahead) => {
    cluster = aCluster();
    const one = await aReplica();
    const other = await aReplica({ address: '127.0.0.2', port: one.port });
    const first = aRevision(['alice', 'bob'], 10);
    one.store.publish(first);
    const sidecar = aSource(one, { addresses: ['127.0.0.1', '127.0.0.2'] });
    await sidecar.untilBundle(({ revision }) => revision === first.revision);
    one.store.publish(ahead);
    await sidecar.events.until(() => sidecar.live().join() === 'bob');
    // It has not seen the end of alice, but a change of bob that came before.
    const lagging = revoking(first, 'bob', 20);
    other.store.publish(lagging);
    await sidecar.events.until(() => sidecar.live().length === 0);
    expect(sidecar.events.all.slice(-1)).toMatchObject([{ kind: 'bundle' }]);
    await one.stop();
    // Connected anew, it sends the whole bundle.
    await other.stop();
    const back = await aReplica({ address: '127.0.0.2', port: one.port });
    back.store.publish(first);
    const settled = acknowledgementsOf(back);
    back.store.publish(revoking(revoking(first, 'alice', 40), 'bob', 41));
    await settled.until(() => true);
    const liveAfter = sidecar.events.all.flatMap((event) => (event.kind === 'bundle' ? [event.bundle] : []));
    const index = liveAfter.findIndex(({ tokens }) => !tokens.some(({ name, revoked }) => name === 'alice' && !revoked));
    expect(liveAfter.slice(index).flatMap(({ tokens }) => tokens.filter(({ name, revoked }) => name === 'alice' && !revoked))).toEqual([]);
  });
});

describe('who may have a bundle', () => {
  const mine = { pod: POD, server: SERVER };

  test.each([
    ['no token', undefined, 0],
    ['a token nobody knows', aPodToken({ ...mine, signature: 'unknown' }), 1],
    ['something that is no token', 'secret', 0],
    ['a token without claims', 'head.good.signature', 0],
    ['a token of no pod', aJwt({ aud: ['mcpgateway.dev/bundles/default/server'], exp: 4_000_000_000 }), 0],
    ['an expired token', aPodToken({ ...mine, expiresAtMs: Date.now() - 1 }), 0],
    ['the token of another server', aPodToken({ ...mine, server: { ...SERVER, name: 'other' } }), 0],
  ])('not %s; the API server is asked only about what may be good', async (_case, token, reviews) => {
    cluster = aCluster();
    await refused(401, token);
    expect(cluster.reviews).toBe(reviews);
  });

  test.each<[string, (pods: FakeCluster['pods']) => void]>([
    ['that is gone', (pods) => pods.clear()],
    ['that was replaced by another of its name', (pods) => void pods.set('default/pod-a', { uid: 'another', server: 'server' })],
    ['that is labelled for another server', (pods) => void pods.set('default/pod-a', { uid: POD.uid, server: 'other' })],
    ['without the label', (pods) => void pods.set('default/pod-a', { uid: POD.uid, server: undefined })],
  ])('not a pod %s, whose token is still good', async (_case, change) => {
    cluster = aCluster();
    change(cluster.pods);
    await refused(403, GOOD_TOKEN);
    expect(cluster.reviews).toBe(0);
  });

  test('a token that was good for its server opens no other, also when it is replayed', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    replica.store.publish(aRevision(['alice']));
    const stream = await ask(replica, streamPath('bundles', SERVER), { token: GOOD_TOKEN });
    expect(stream.status).toBe(200);
    const replayed = await ask(replica, streamPath('bundles', { namespace: 'default', name: 'other' }), { token: GOOD_TOKEN });
    expect(replayed).toMatchObject({ status: 401, body: 'unauthorized\n' });
  });

  test.each(['/', '/v1/bundles', '/v1/bundles/default', '/v1/bundles/default/server/', '/v1/bundles/../server/x', '/v1/secrets/default/server'])('%s is nowhere', async (path) => {
    cluster = aCluster();
    const replica = await aReplica();
    replica.store.publish(aRevision(['alice']));
    expect(await ask(replica, path, { token: GOOD_TOKEN })).toMatchObject({ status: 404, body: 'not found\n' });
    expect(cluster.reviews).toBe(0);
  });

  test.each([['not JSON', '{', 400], ['another shape', '{"format":1,"revision":"x"}', 400], ['too much', 'x'.repeat(300_000), 413]])('a report that is %s is refused', async (_case, body, status) => {
    cluster = aCluster();
    const replica = await aReplica();
    expect((await ask(replica, streamPath('acknowledgements', SERVER), { token: GOOD_TOKEN, method: 'POST', body })).status).toBe(status);
  });

  test.each([
    ['too long', JSON.stringify({ format: 1, port: 3000, outcome: 'LoopbackOnly' }).padEnd(300), 413],
    ['of another shape', '{"format":1,"port":3000,"outcome":"Fine"}', 400],
    ['of a pod without a token', '{"format":1,"port":3000,"outcome":"LoopbackOnly"}', 401],
  ])('an exposure %s is refused', async (_case, body, status) => {
    cluster = aCluster();
    const replica = await aReplica();
    replica.store.publish(aRevision(['alice']));
    const heard = exposuresOf(replica);
    await aSource(replica).untilBundle(() => true);
    const token = status === 401 ? {} : { token: GOOD_TOKEN };
    expect((await ask(replica, streamPath('exposures', SERVER), { ...token, method: 'POST', body })).status).toBe(status);
    expect(heard.all).toEqual([]);
  });

  async function refused(status: number, token: string | undefined): Promise<void> {
    const replica = await aReplica();
    replica.store.publish(aRevision(['alice']));
    const answer = await ask(replica, streamPath('bundles', SERVER), token === undefined ? {} : { token });
    expect(answer).toMatchObject({ status, body: status === 401 ? 'unauthorized\n' : 'forbidden\n' });
    expect(replica.store.subscribers(KEY)).toEqual([]);
  }
});

describe('a stream ends', () => {
  test.each<[string, (pods: FakeCluster['pods']) => void]>([
    ['deleted', (pods) => pods.clear()],
    ['labelled anew', (pods) => void pods.set('default/pod-a', { uid: POD.uid, server: 'other' })],
  ])('at once when the pod is %s, and what comes later does not reach it', async (_case, change) => {
    cluster = aCluster();
    const replica = await aReplica({ heartbeatMs: 3_600_000 });
    const first = aRevision(['alice']);
    replica.store.publish(first);
    const stream = await ask(replica, streamPath('bundles', SERVER), { token: GOOD_TOKEN });
    change(cluster.pods);
    replica.server.podChanged(POD.namespace, POD.name);
    replica.store.publish(revoking(first, 'alice', 2));
    await stream.ended;
    expect(stream.text()).not.toContain('"patch"');
    expect(replica.store.subscribers(KEY)).toEqual([]);
  });

  test('when its token does', async () => {
    cluster = aCluster();
    const expiresAtMs = Date.now() + 300;
    const token = aPodToken({ pod: POD, server: SERVER, expiresAtMs });
    cluster.tokens.set(token, cluster.tokens.get(GOOD_TOKEN) ?? new Map());
    const replica = await aReplica();
    replica.store.publish(aRevision(['alice']));
    const stream = await ask(replica, streamPath('bundles', SERVER), { token });
    expect(stream.status).toBe(200);
    await stream.ended;
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
    expect((await ask(replica, streamPath('bundles', SERVER), { token })).status).toBe(401);
  });

  test('when the replica stops', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    const stream = await ask(replica, streamPath('bundles', SERVER), { token: GOOD_TOKEN });
    await replica.stop();
    await stream.ended;
  });
});

describe('age', () => {
  test('what no replica vouches for is stale after the bound, and fresh again once one does', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    replica.store.publish(sealed({ ...aRevision(['alice']), maxStalenessMs: 400 }));
    const sidecar = aSource(replica);
    await sidecar.events.until((event) => event.kind === 'stale' && !event.isStale);
    // The replica is there, but hears nothing from the API server any more.
    replica.progressAgeMs = 10_000;
    await sidecar.events.until(() => sidecar.isStale() && sidecar.events.all.length > 3);
    replica.progressAgeMs = 0;
    await sidecar.events.until(() => !sidecar.isStale());
  });

  test('a shorter bound is in force with the bundle that says so, and so is a longer one', async () => {
    cluster = aCluster();
    const replica = await aReplica();
    const bundle = aRevision(['alice']);
    replica.store.publish(bundle);
    replica.progressAgeMs = 5_000;
    const sidecar = aSource(replica);
    await sidecar.events.until(() => !sidecar.isStale());
    replica.store.publish(sealed({ ...bundle, maxStalenessMs: 1_000 }));
    await sidecar.untilBundle(({ maxStalenessMs }) => maxStalenessMs === 1_000);
    // Said with the bundle: no heartbeat and no timer came between.
    expect(sidecar.isStale()).toBe(true);
    replica.store.publish(bundle);
    await sidecar.events.until(() => !sidecar.isStale());
  });

  test('a restart serves from the file during an outage, and makes it no younger', async () => {
    cluster = aCluster();
    const replica = await startReplica({ cluster, authority });
    const first = aRevision(['alice', 'bob']);
    replica.store.publish(first);
    const acknowledged = acknowledgementsOf(replica);
    const directory = newDirectory();
    const before = startSource({ directory, authority, port: replica.port });
    await acknowledged.until(() => true);
    const second = without(first, 'alice');
    replica.store.publish(second);
    await acknowledged.until(({ revision }) => revision === second.revision);
    await before.stop();
    await replica.stop();

    const restarted = owner.own(startSource({ directory, authority, port: replica.port }));
    await restarted.untilBundle(({ revision }) => revision === second.revision);
    expect(restarted.isStale()).toBe(false);
    // The replica that comes back has not seen that alice is gone.
    const lagging = await aReplica({ port: replica.port });
    const taken = acknowledgementsOf(lagging);
    lagging.store.publish(first);
    await taken.until(() => true);
    expect(restarted.live()).toEqual(['bob']);
    await restarted.stop();

    const later = { nowMs: () => Date.now() + 3_600_000, monotonicMs: () => performance.now() };
    await lagging.stop();
    const old = owner.own(startSource({ directory, authority, port: replica.port, clock: later }));
    await old.untilBundle(() => true);
    expect(old.isStale()).toBe(true);
  });

  test.each(['{"format":1,"epoch":0,"bun', '', '{"format":2}', 'null'])('a file that holds %j is as good as none', async (content) => {
    cluster = aCluster();
    const replica = await aReplica();
    const directory = newDirectory();
    writeFileSync(join(directory, 'bundle.json'), content);
    const sidecar = aSource(replica, { directory });
    await sidecar.events.until((event) => event.kind === 'stale' && event.isStale);
    const first = aRevision(['alice']);
    replica.store.publish(first);
    await sidecar.untilBundle(({ revision }) => revision === first.revision);
    expect(sidecar.events.all.filter(({ kind }) => kind === 'bundle')).toHaveLength(1);
    expect(readFileSync(join(directory, 'token'), 'utf8')).toBe(GOOD_TOKEN);
  });

  test.each([300_000, -300_000])('expiry goes by the operator, whose clock is %d ms off', async (offMs) => {
    cluster = aCluster();
    const replica = await aReplica({ clock: { ...realClock, nowMs: () => Date.now() + offMs } });
    replica.store.publish(aRevision(['alice']));
    const sidecar = aSource(replica);
    await sidecar.events.until((event) => event.kind === 'stale' && !event.isStale);
    expect(Math.abs(sidecar.source.clock.nowMs() - Date.now() - offMs)).toBeLessThan(1_000);
  });
});

test('another certificate serves the connections that come then, and streams that are open go on', async () => {
  const replica = await aReplica();
  replica.store.publish(aRevision(['alice'], 10));
  const source = aSource(replica);
  await source.untilBundle(() => true);
  const before = await fingerprintOf(replica);
  const next = await authority.issue({ names: [TLS_NAME] });
  replica.server.setTls(next);
  expect(await fingerprintOf(replica)).toBe(new X509Certificate(next.cert).fingerprint256);
  expect(before).not.toBe(new X509Certificate(next.cert).fingerprint256);
  replica.store.publish(aRevision(['alice', 'bob'], 20));
  await source.untilBundle(({ tokens }) => tokens.length === 2);
});

function fingerprintOf({ port }: Replica): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.cert, servername: TLS_NAME }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
