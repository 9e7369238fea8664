import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EMPTY_LEDGER } from '../../../api/ledger.ts';
import { createClusterView, PODS_OF_SERVER } from '../../../operator/cluster-view.ts';
import type { ClusterView } from '../../../operator/cluster-view.ts';
import type { KubeClient, ListOptions } from '../../../operator/kube/client.ts';
import type { KubeObject } from '../../../operator/kube/kube-object.ts';
import type { Resource } from '../../../operator/kube/resources.ts';
import { writtenShard } from '../../../operator/ledger/shards.ts';
import { createManualScheduler, settle } from '../../kit/kube-clock.ts';
import { keepLog, keepMetrics } from '../../kit/kube-parts.ts';
import { aServer, aToken } from '../core/bundle/kit.ts';

/** What the API server has of each kind. A kind without a list does not answer. */
let stored: Map<string, KubeObject[]>;
let asked: Map<string, ListOptions>;
let view: ClusterView;
let stop: AbortController;
let ended: Promise<void>;

beforeEach(() => {
  stored = new Map(['MCPServer', 'GatewayToken', 'Pod', 'Namespace', 'Secret'].map((kind) => [kind, []]));
  asked = new Map();
  stop = new AbortController();
  ended = Promise.resolve();
});
afterEach(async () => {
  stop.abort();
  await ended;
});

const aborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });

/** Lists what is stored; its watches are silent. */
const client = {
  async list({ kind }: Resource, options: ListOptions = {}) {
    asked.set(kind, options);
    const items = stored.get(kind);
    return items === undefined ? aborted(options.signal) : { items, resourceVersion: `9${String(kind.length)}` };
  },
  // oxlint-disable-next-line require-yield -- it is silent.
  async *watch(_resource: Resource, { signal }: { signal: AbortSignal }) {
    await aborted(signal);
  },
};

async function start(): Promise<void> {
  const clock = createManualScheduler();
  view = createClusterView({ client: client as unknown as KubeClient, namespace: 'home', clock, log: keepLog(), metrics: keepMetrics().metrics, random: () => 0 });
  ended = view.run(stop.signal);
  await settle();
}

const raw = (object: object, more: object = {}): KubeObject => ({ ...object, ...more }) as KubeObject;
const metadata = (name: string, more: object = {}) => ({ namespace: 'tools', name, uid: `uid-${name}`, resourceVersion: '1', ...more });
const aPod = (name: string, more: object = {}, status: unknown = { phase: 'Running' }) =>
  raw({ apiVersion: 'v1', kind: 'Pod', metadata: metadata(name, { labels: { 'mcpgateway.dev/server': 'github' }, ...more }), status });

describe('a server or a token', () => {
  test('is read with its status, and with those conditions that are conditions', async () => {
    const condition = { type: 'Ready', status: 'True', reason: 'AllReady', message: '', lastTransitionTime: '2026-06-01T00:00:00Z' };
    const status = { conditions: [condition, { ...condition, reason: undefined }, 'Ready', null] };
    stored.set('MCPServer', [raw(aServer('github'), { status })]);
    stored.set('GatewayToken', [raw(aToken('ci'), { status: { conditions: 'none' } }), raw(aToken('bot'))]);
    await start();
    expect(view.servers.get('tools', 'github')).toMatchObject({ object: { metadata: { uid: 'server-github' }, spec: { upstream: { port: 3000 } } }, status, conditions: [condition] });
    expect(view.servers.get('tools', 'github')?.object).not.toHaveProperty('status');
    expect(view.tokens.list().map(({ object, conditions }) => [object.metadata.name, conditions])).toEqual([['ci', []], ['bot', []]]);
  });

  test('that cannot be read is refused, and takes only itself out', async () => {
    stored.set('MCPServer', [raw(aServer('broken'), { spec: { upstream: 'canary' } }), raw(aServer('github'))]);
    await start();
    expect(view.servers.list().map(({ object }) => object.metadata.name)).toEqual(['github']);
    expect(view.servers.refusals()).toMatchObject([{ name: 'broken' }]);
    expect(JSON.stringify(view.servers.refusals())).not.toContain('canary');
  });
});

describe('a pod', () => {
  test('is read with what was injected, and found by the server that its label names', async () => {
    stored.set('Pod', [aPod('a', { annotations: { 'mcpgateway.dev/injected': '{"version":"1"}' } }), aPod('b', { namespace: 'prod' })]);
    await start();
    expect(view.pods.byIndex(PODS_OF_SERVER, 'tools/github')).toEqual([
      { namespace: 'tools', name: 'a', uid: 'uid-a', server: 'github', isLive: true, isEnding: false, injected: '{"version":"1"}', ips: [], labels: { 'mcpgateway.dev/server': 'github' }, namedPorts: [] },
    ]);
    expect(view.pods.byIndex(PODS_OF_SERVER, 'prod/github').map(({ name, injected }) => [name, injected])).toEqual([['b', undefined]]);
  });

  test('is read with its addresses and the ports that have a name, of whatever container', async () => {
    const spec = { initContainers: [{ ports: [{ name: 'mcpgw-https', containerPort: 15_443 }] }], containers: [{ ports: [{ name: 'http', containerPort: 3000 }, { containerPort: 9 }] }, {}] };
    stored.set('Pod', [raw(aPod('a', {}, { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }, {}] }), { spec })]);
    await start();
    expect(view.pods.get('tools', 'a')).toMatchObject({ ips: ['10.0.0.1', 'fd00::1'], namedPorts: [{ name: 'mcpgw-https', port: 15_443 }, { name: 'http', port: 3000 }] });
  });

  test.each<[string, object, unknown, boolean]>([
    ['runs', {}, { phase: 'Running' }, true],
    ['will run', {}, { phase: 'Pending' }, true],
    ['is of an unknown state', {}, { phase: 'Unknown' }, true],
    ['has no status yet', {}, undefined, true],
    ['has succeeded', {}, { phase: 'Succeeded' }, false],
    ['has failed', {}, { phase: 'Failed' }, false],
    ['is being deleted and still answers', { deletionTimestamp: '2026-06-01T00:00:00Z' }, { phase: 'Running' }, true],
  ])('that %s', async (_what, more, status, isLive) => {
    stored.set('Pod', [aPod('a', more, status)]);
    await start();
    expect(view.pods.get('tools', 'a')?.isLive).toBe(isLive);
  });

  test('without the label is refused', async () => {
    stored.set('Pod', [aPod('a', { labels: { 'mcpgateway.dev/server': 7 } }), aPod('b', { labels: undefined })]);
    await start();
    expect(view.pods.list()).toEqual([]);
    expect(view.pods.refusals()).toHaveLength(2);
  });
});

test('a namespace is read with its labels', async () => {
  stored.set('Namespace', [raw({ metadata: { name: 'tools', uid: 'n', resourceVersion: '1', labels: { team: 'red' } } }), raw({ metadata: { name: 'bare', uid: 'm', resourceVersion: '1' } })]);
  await start();
  expect(view.namespaces.list()).toEqual([{ name: 'tools', labels: { team: 'red' } }, { name: 'bare', labels: {} }]);
});

test('Secrets are asked for in the operator\'s namespace alone, and only those of the ledger; pods only with the label', async () => {
  const shard = writtenShard('home', 'mcpgateway-ledger-00', EMPTY_LEDGER);
  stored.set('Secret', [raw(shard, { metadata: { ...shard.metadata, uid: 's', resourceVersion: '5' } })]);
  await start();
  expect(asked.get('Secret')).toMatchObject({ namespace: 'home', labelSelector: 'mcpgateway.dev/ledger' });
  expect(asked.get('Pod')).toMatchObject({ labelSelector: 'mcpgateway.dev/server' });
  expect(asked.get('Pod')?.namespace).toBeUndefined();
  expect(view.shards.list()).toEqual([{ name: 'mcpgateway-ledger-00', resourceVersion: '5', ledger: EMPTY_LEDGER }]);
});

describe('the whole copy', () => {
  test('is complete when every kind is, and says how far each has been seen', async () => {
    await start();
    await view.synced;
    expect(view.hasSynced()).toBe(true);
    expect(view.positions()).toEqual({ MCPServer: '99', GatewayToken: '912', Secret: '96' });
    expect(view.progressMs()).toBe(0);
  });

  test.each(['MCPServer', 'GatewayToken', 'Pod', 'Namespace', 'Secret'])('is not complete without the list of every %s', async (kind) => {
    stored.delete(kind);
    await start();
    expect([view.hasSynced(), view.positions(), view.progressMs()]).toEqual([false, undefined, undefined]);
  });
});
