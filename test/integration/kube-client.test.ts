/** The client layer of the operator against a real API server. */
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createEventRecorder } from '../../operator/kube/events.ts';
import { createInformer, type Informer, type InformerOptions } from '../../operator/kube/informer.ts';
import { createLeaderElection, type LeaderElection } from '../../operator/kube/lease.ts';
import { CONFIG_MAPS, EVENTS, GATEWAY_TOKENS, LEASES, MCP_SERVERS, NAMESPACES, SECRETS } from '../../operator/kube/resources.ts';
import { systemScheduler } from '../../operator/kube/scheduler.ts';
import { aServer } from '../kit/crd-examples.ts';
import { eventually } from '../kit/eventually.ts';
import { type Link, startLink } from '../kit/kube-link.ts';
import { aClient, type TestClient } from '../kit/kube-parts.ts';
import { createOwner } from '../kit/owner.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const DEADLINE_MS = 120_000;

const cluster = withControlPlane({ crds: true, apiserverArgs: ['--etcd-compaction-interval=2s'] });
const owner = createOwner();

afterEach(owner.stopAll);

function connect(kubeconfig = cluster().kubeconfig.text): TestClient {
  const kit = aClient(kubeconfig, systemScheduler);
  owner.own({ stop: () => kit.client.close() });
  return kit;
}

async function link(): Promise<Link> {
  return owner.own(await startLink(cluster().url));
}

interface Value {
  readonly name: string;
  readonly value: string;
}

/** Of the ConfigMaps of a namespace; its listener keeps every value that was heard. */
function inform(kit: TestClient, namespace: string, options: Partial<InformerOptions<Value>> = {}): { readonly informer: Informer<Value>; readonly heard: string[] } {
  const { client, clock, log, metrics, random } = kit;
  const parse: InformerOptions<Value>['parse'] = (object) => ({ name: object.metadata.name, value: (object['data'] as { value?: string } | undefined)?.value ?? '' });
  const informer = createInformer({ client, resource: CONFIG_MAPS, namespace, parse, clock, log, metrics, random, ...options });
  const heard: string[] = [];
  informer.onChange((change) => void heard.push(`${change.type} ${change.name}${'object' in change ? `=${change.object.value}` : ''}`));
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  owner.own({
    stop: () => {
      stop.abort();
      return running;
    },
  });
  return { informer, heard };
}

/** As the administrator, around every link; an API server that is being restarted is asked again. */
async function put(namespace: string, name: string, value: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } };
  const path = `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=test&force=true`;
  await eventually(`${name}=${value}`, async () => {
    const answer = await cluster().request('PATCH', path, body, 'application/apply-patch+yaml').catch(() => undefined);
    return answer !== undefined && answer.status < 300 ? true : undefined;
  });
}

async function remove(namespace: string, name: string): Promise<void> {
  await cluster().request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/${name}`);
}

const values = (informer: Informer<Value>): Record<string, string> => Object.fromEntries(informer.list().map(({ name, value }) => [name, value]));

async function truth(namespace: string): Promise<Record<string, string>> {
  const { body } = await cluster().request('GET', `/api/v1/namespaces/${namespace}/configmaps`);
  return Object.fromEntries((body.items ?? []).map((object) => [object.metadata?.name ?? '', (object['data'] as { value?: string } | undefined)?.value ?? '']));
}

async function untilTrue(informer: Informer<Value>, namespace: string, deadlineMs = 30_000): Promise<void> {
  const expected = await truth(namespace);
  await eventually('the copy of the truth', async () => (isDeepStrictEqual(values(informer), expected) ? true : undefined), deadlineMs);
}

describe('connections', () => {
  test('are shared by calls, and each watch has one', async () => {
    const way = await link();
    const { client } = connect(way.through(cluster().kubeconfig.text));
    const namespace = await cluster().namespace();
    for (let calls = 0; calls < 100; calls += 1) await client.list(CONFIG_MAPS, { namespace });
    expect(way.connections().accepted).toBeLessThanOrEqual(2);
    const kit = connect(way.through(cluster().kubeconfig.text));
    const before = way.connections().accepted;
    const informers = Array.from({ length: 5 }, () => inform(kit, namespace).informer);
    await Promise.all(informers.map(({ synced }) => synced));
    await pause(500);
    expect(way.connections().accepted - before).toBeLessThanOrEqual(10);
    // Idle ones are closed after seconds: what stays is the watches.
    await eventually('one socket per watch', async () => (way.connections().open === 5 ? true : undefined));
  }, DEADLINE_MS);
});

describe('reading and writing', () => {
  test('a list in small pages is whole', async () => {
    const namespace = await cluster().namespace();
    await Promise.all(Array.from({ length: 23 }, (_, at) => put(namespace, `map-${String(at)}`, 'x')));
    const { items } = await connect().client.list(CONFIG_MAPS, { namespace, pageSize: 5 });
    expect(items).toHaveLength(24);
  }, DEADLINE_MS);

  test('server-side apply refuses what another manager owns, and takes it by force', async () => {
    const { client } = connect();
    const namespace = await cluster().namespace();
    const object = (value: string) => ({ metadata: { name: 'shared', namespace }, data: { value } });
    await client.apply(CONFIG_MAPS, object('theirs'), { fieldManager: 'them' });
    await expect(client.apply(CONFIG_MAPS, object('ours'), { fieldManager: 'us' })).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    expect(await truth(namespace)).toMatchObject({ shared: 'theirs' });
    const taken = await client.apply(CONFIG_MAPS, object('ours'), { fieldManager: 'us', force: true });
    const again = await client.apply(CONFIG_MAPS, object('ours'), { fieldManager: 'us', force: true });
    expect(again.metadata.resourceVersion).toBe(taken.metadata.resourceVersion);
    expect(await truth(namespace)).toMatchObject({ shared: 'ours' });
  }, DEADLINE_MS);

  test('status is applied on its own: the spec stays, and so does its generation', async () => {
    const { client } = connect();
    const namespace = await cluster().namespace();
    const server = aServer({}, { namespace }) as unknown as { metadata: { name: string; namespace: string }; spec: object };
    const created = await client.create(MCP_SERVERS, server, { fieldManager: 'user' });
    const condition = { type: 'Ready', status: 'True', reason: 'AllReady', message: 'yes', observedGeneration: 1, lastTransitionTime: '2026-11-23T12:00:00Z' };
    const metadata = { name: server.metadata.name, namespace };
    const written = await client.applyStatus(MCP_SERVERS, { metadata, status: { conditions: [condition] } }, { fieldManager: 'operator-status', force: true });
    expect(written['spec']).toEqual(created['spec']);
    expect(written['status']).toEqual({ conditions: [condition] });
    expect(written.metadata['generation']).toBe(1);
    await expect(client.applyStatus(MCP_SERVERS, { metadata: { name: 'absent', namespace }, status: {} }, { fieldManager: 'x' })).rejects.toMatchObject({ status: 404 });
  }, DEADLINE_MS);

  test('a field that the API server does not know is an error, not dropped', async () => {
    const { client } = connect();
    const namespace = await cluster().namespace();
    await expect(client.create(CONFIG_MAPS, { metadata: { name: 'x', namespace }, dta: {} })).rejects.toMatchObject({ status: 400 });
    const server = aServer({ unheardOf: 1 }, { namespace }) as unknown as { metadata: { name: string; namespace: string } };
    await expect(client.create(MCP_SERVERS, server)).rejects.toMatchObject({ status: 400 });
  }, DEADLINE_MS);

  test('errors about secrets do not quote them', async () => {
    const { client } = connect();
    const namespace = await cluster().namespace();
    const secret = { metadata: { name: 's', namespace }, data: { token: 'hunter2-is-no-base64!' } };
    const failure: unknown = await client.create(SECRETS, secret).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 400 });
    expect(String((failure as Error).stack)).not.toContain('hunter2');
  }, DEADLINE_MS);

  test('merge patches, conditional replacement and deletion', async () => {
    const { client } = connect();
    const namespace = await cluster().namespace();
    const ref = { name: 'm', namespace };
    const first = await client.create(CONFIG_MAPS, { metadata: ref, data: { a: '1', b: '2' } });
    const second = await client.patch(CONFIG_MAPS, ref, { data: { b: null } });
    expect(second['data']).toEqual({ a: '1' });
    await expect(client.replace(CONFIG_MAPS, first)).rejects.toMatchObject({ status: 409 });
    await expect(client.delete(CONFIG_MAPS, ref, { preconditions: { uid: 'another' } })).rejects.toMatchObject({ status: 409 });
    await client.delete(CONFIG_MAPS, ref, { preconditions: { uid: first.metadata.uid } });
    await expect(client.get(CONFIG_MAPS, ref)).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
    expect((await client.get(NAMESPACES, { name: namespace })).metadata.name).toBe(namespace);
    expect((await client.list(GATEWAY_TOKENS)).items).toEqual([]);
  }, DEADLINE_MS);

  test('a service account token is reviewed for its audience and for no other', async () => {
    const { client } = connect();
    const namespace = await cluster().namespace();
    const { token, text } = await cluster().kubeconfigForServiceAccount(namespace, 'default');
    const review = await client.tokenReview(token, [cluster().issuer, 'another']);
    expect(review).toMatchObject({ authenticated: true, username: `system:serviceaccount:${namespace}:default`, audiences: [cluster().issuer] });
    expect(await client.tokenReview(token, ['another'])).toEqual({ authenticated: false });
    expect(await client.tokenReview(`${token}x`, [cluster().issuer])).toEqual({ authenticated: false });
    const stranger = connect(text);
    const failure: unknown = await stranger.client.list(SECRETS, { namespace }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 403, reason: 'Forbidden' });
    expect(String((failure as Error).stack)).not.toContain(token);
  }, DEADLINE_MS);
});

describe('an informer', () => {
  test('survives restarts of the API server and misses nothing', async () => {
    const namespace = await cluster().namespace();
    const kit = connect();
    const { informer, heard } = inform(kit, namespace);
    await informer.synced;
    const done = new AbortController();
    const writer = (async () => {
      let at = 0;
      for (; !done.signal.aborted; at += 1) {
        await put(namespace, `map-${String(at % 5)}`, String(at));
        await pause(20);
      }
      return at;
    })();
    for (let restarts = 0; restarts < 2; restarts += 1) {
      await pause(1_000);
      await cluster().restartApiserver();
    }
    await pause(1_000);
    done.abort();
    expect(await writer).toBeGreaterThan(50);
    await untilTrue(informer, namespace, 60_000);
    expect(heard.length).toBeGreaterThan(20);
    expect(await kit.value('mcpgateway_informer_missed_events_total')).toBe(0);
    // It is not only right, it goes on.
    await put(namespace, 'last', 'one');
    await eventually('the last one', async () => (informer.get(namespace, 'last')?.value === 'one' ? true : undefined), 5_000);
  }, DEADLINE_MS);

  test('lists again when the history it would need is compacted', async () => {
    const namespace = await cluster().namespace();
    await put(namespace, 'kept', '1');
    await put(namespace, 'gone', '1');
    const way = await link();
    const kit = connect(way.through(cluster().kubeconfig.text));
    const { informer, heard } = inform(kit, namespace);
    await eventually('both', async () => (informer.get(namespace, 'gone') === undefined ? undefined : true));
    const from = informer.lastProgress()?.resourceVersion ?? '';
    way.cut();
    await remove(namespace, 'gone');
    for (let at = 2; at < 30; at += 1) await put(namespace, 'kept', String(at));
    await put(namespace, 'new', '1');
    // Two intervals of compaction; a restart, because a running server remembers more than its store.
    await pause(5_000);
    await cluster().restartApiserver();
    const watch = connect().client.watch(CONFIG_MAPS, { namespace, resourceVersion: from, timeoutSeconds: 5, signal: AbortSignal.timeout(10_000) });
    await expect((async () => {
      for await (const event of watch) expect(event).toBeUndefined();
    })()).rejects.toMatchObject({ status: 410 });
    heard.length = 0;
    way.mend();
    await untilTrue(informer, namespace, 60_000);
    expect(heard.toSorted()).toEqual(['added new=1', 'deleted gone', 'updated kept=29']);
    expect(await kit.value('mcpgateway_informer_lists_total', { reason: 'expired' })).toBe(1);
    expect(await kit.value('mcpgateway_informer_missed_events_total')).toBe(0);
  }, DEADLINE_MS);

  test('notices a connection that is dead without a sign, and goes on from where it was', async () => {
    const namespace = await cluster().namespace();
    const way = await link();
    const kit = connect(way.through(cluster().kubeconfig.text));
    const { informer } = inform(kit, namespace, { timing: { silenceMs: 3_000, silenceAfterBookmarkMs: 3_000 } });
    await informer.synced;
    await put(namespace, 'before', '1');
    await eventually('the first', async () => (informer.get(namespace, 'before') === undefined ? undefined : true));
    way.freeze();
    await put(namespace, 'after', '1');
    await eventually('the second', async () => (informer.get(namespace, 'after') === undefined ? undefined : true), 15_000);
    expect(await kit.value('mcpgateway_informer_lists_total', { reason: 'first' })).toBe(1);
    expect(await kit.value('mcpgateway_informer_failures_total', { reason: 'WatchSilent' })).toBeGreaterThanOrEqual(1);
  }, DEADLINE_MS);

  test('shows progress by bookmarks when nothing happens to what it watches', async () => {
    const namespace = await cluster().namespace();
    const { informer } = inform(connect(), namespace, { labelSelector: 'nobody=has-it', timing: { watchSeconds: 5 } });
    await informer.synced;
    const before = informer.lastProgress();
    for (let at = 0; at < 5; at += 1) await put(namespace, 'other', String(at));
    await eventually('a bookmark', async () => ((informer.lastProgress()?.monotonicMs ?? 0) > (before?.monotonicMs ?? 0) + 1_000 ? true : undefined), 20_000);
    expect(informer.list()).toEqual([]);
  }, DEADLINE_MS);
});

describe('two elections on one Lease', () => {
  const timing = { leaseMs: 3_000, renewMs: 2_000, retryMs: 300 };

  interface Rival {
    readonly election: LeaderElection;
    readonly way: Link;
    readonly stop: AbortController;
    readonly ended: Promise<'lost' | 'stopped'>;
  }

  async function rival(namespace: string): Promise<Rival> {
    const way = await link();
    const { client, clock, log, metrics } = connect(way.through(cluster().kubeconfig.text));
    const election = createLeaderElection({ client, namespace, name: 'operator', candidate: 'pod', clock, log, metrics, timing });
    const stop = new AbortController();
    const ended = election.campaign({
      signal: stop.signal,
      lead: async (signal) => {
        if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
    });
    owner.own({
      stop: () => {
        stop.abort();
        return ended;
      },
    });
    return { election, way, stop, ended };
  }

  test('never lead at once, whether the leader is cut off, frozen, or stops', async () => {
    const namespace = await cluster().namespace();
    const rivals: Rival[] = [await rival(namespace), await rival(namespace)];
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, rivals.filter(({ election }) => election.isLeader()).length);
    }, 2);
    const leader = () => eventually('a leader', async () => rivals.find(({ election }) => election.isLeader()), 20_000);
    try {
      for (const harm of ['cut', 'freeze', 'stop', 'cut'] as const) {
        const one = await leader();
        if (harm === 'stop') one.stop.abort();
        else one.way[harm]();
        expect(await one.ended).toBe(harm === 'stop' ? 'stopped' : 'lost');
        rivals[rivals.indexOf(one)] = await rival(namespace);
        expect((await leader()).election.identity).not.toBe(one.election.identity);
      }
    } finally {
      clearInterval(watching);
    }
    expect(most).toBe(1);
    const lease = await connect().client.get(LEASES, { namespace, name: 'operator' });
    expect(lease['spec']).toMatchObject({ holderIdentity: (await leader()).election.identity, leaseTransitions: 4 });
  }, DEADLINE_MS);
});

test('an Event is written beside its object, and repeats are counted', async () => {
  const namespace = await cluster().namespace();
  const { client, clock, log, metrics } = connect();
  const recorder = createEventRecorder({ client, controller: 'mcpgateway.dev/operator', instance: 'operator-0', clock, log, metrics });
  const regarding = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', namespace, name: 'github', uid: '11111111-2222-3333-4444-555555555555' };
  const occurrence = { regarding, type: 'Warning', reason: 'SecretMissing', action: 'Resolve', note: 'ä'.repeat(2_000) } as const;
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  recorder.record(occurrence);
  const read = async () => (await client.list(EVENTS, { namespace })).items.filter((event) => event['reason'] === 'SecretMissing');
  await eventually('the Event', async () => ((await read()).length === 1 ? true : undefined));
  recorder.record(occurrence);
  recorder.record(occurrence);
  stop.abort();
  await running;
  expect(await read()).toMatchObject([{ type: 'Warning', action: 'Resolve', reportingController: 'mcpgateway.dev/operator', regarding, series: { count: 3 } }]);
  expect(log.entries).toEqual([]);
}, DEADLINE_MS);
