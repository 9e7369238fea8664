import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Bundle } from '../../../api/bundle.ts';
import type { GatewayTokenSpec } from '../../../api/v1alpha1/index.ts';
import type { ClusterView, GuardedPod } from '../../../operator/cluster-view.ts';
import { createEnforcement, serversOf } from '../../../operator/enforcement.ts';
import type { Enforcement } from '../../../operator/enforcement.ts';
import { aBundle } from '../../kit/bundles.ts';
import { aToken } from '../core/bundle/kit.ts';

type Acknowledgements = ReadonlyMap<string, { readonly revision: string; readonly afterMs: number }>;

let pods: GuardedPod[];
let published: Map<string, Bundle>;
let acknowledged: Map<string, Acknowledgements>;
let enforcement: Enforcement;

beforeEach(() => {
  pods = [];
  published = new Map([['tools/github', aBundle({ port: 1 })], ['tools/jira', aBundle({ port: 2 })]]);
  acknowledged = new Map();
  const byIndex = (index: string, key: string) => pods.filter((pod) => index === 'server' && `${pod.namespace}/${pod.server}` === key);
  enforcement = createEnforcement({
    view: { pods: { byIndex } as unknown as ClusterView['pods'] },
    publisher: { bundleOf: (server) => published.get(server) },
    streams: { acknowledgements: (server) => acknowledged.get(server) ?? new Map() },
  });
});

function aPod(uid: string, over: Partial<GuardedPod> = {}): GuardedPod {
  return { namespace: 'tools', name: `pod-${uid}`, uid, server: 'github', isLive: true, injected: '{}', ...over };
}

/** After how long each of these pods said that it enforces what is published now. */
function acknowledge(server: string, times: Readonly<Record<string, number>>, revision = published.get(server)?.revision ?? ''): void {
  acknowledged.set(server, new Map(Object.entries(times).map(([uid, afterMs]) => [uid, { revision, afterMs }])));
}

const naming = (...serverRefs: GatewayTokenSpec['permissions'][number]['serverRefs'][number][]) => aToken('ci', { permissions: [{ serverRefs, tools: ['*'] }] });

describe('a server', () => {
  test('without pods has nothing to wait for', () => {
    expect(enforcement.ofServer('tools/github')).toEqual({ desired: 0, ready: 0, outdated: 0 });
  });

  test('has its pods that are live, and of those the ones that acknowledged', () => {
    pods = [aPod('a'), aPod('b'), aPod('gone', { isLive: false }), aPod('other', { server: 'jira' }), aPod('elsewhere', { namespace: 'prod' })];
    acknowledge('tools/github', { a: 5, gone: 6, other: 7, elsewhere: 8, unknown: 9 });
    expect(enforcement.ofServer('tools/github')).toEqual({ desired: 2, ready: 1, outdated: 0 });
  });

  test('has outdated pods where nothing was injected', () => {
    pods = [aPod('a'), aPod('b', { injected: undefined }), aPod('gone', { injected: undefined, isLive: false })];
    expect(enforcement.ofServer('tools/github')).toEqual({ desired: 2, ready: 0, outdated: 1 });
  });

  test('is not enforced by a pod that acknowledged another revision', () => {
    pods = [aPod('a')];
    acknowledge('tools/github', { a: 5 }, 'f'.repeat(64));
    expect(enforcement.ofServer('tools/github').ready).toBe(0);
  });

  test('that is not published is enforced by nobody', () => {
    pods = [aPod('a')];
    acknowledge('tools/github', { a: 5 });
    published.clear();
    expect(enforcement.ofServer('tools/github')).toEqual({ desired: 1, ready: 0, outdated: 0 });
  });
});

describe('a token', () => {
  test('that names no server is held by no sidecar', () => {
    pods = [aPod('a')];
    expect(enforcement.ofToken(aToken('ci', { permissions: [] }))).toEqual({ sidecars: 0, enforcing: 0 });
  });

  test('of a server without pods says no time', () => {
    expect(enforcement.ofToken(naming({ name: 'github' }))).toEqual({ sidecars: 0, enforcing: 0 });
  });

  test('counts the live sidecars of its server, and the slowest of those that acknowledged', () => {
    pods = [aPod('a'), aPod('b'), aPod('c'), aPod('gone', { isLive: false })];
    acknowledge('tools/github', { a: 12, b: 40, gone: 900 });
    expect(enforcement.ofToken(naming({ name: 'github' }))).toEqual({ sidecars: 3, enforcing: 2, slowestAckMs: 40 });
  });

  test('counts over all servers that it names, each once', () => {
    pods = [aPod('a'), aPod('j', { server: 'jira' }), aPod('k', { server: 'jira' }), aPod('x', { server: 'unnamed' })];
    acknowledge('tools/github', { a: 12 });
    acknowledge('tools/jira', { j: 70 });
    const token = aToken('ci', {
      permissions: [{ serverRefs: [{ name: 'github' }, { name: 'jira' }], tools: ['get_*'] }, { serverRefs: [{ name: 'github', namespace: 'tools' }], tools: ['list_*'] }],
    });
    expect(enforcement.ofToken(token)).toEqual({ sidecars: 3, enforcing: 2, slowestAckMs: 70 });
  });

  test('is not enforced where the present revision of one of its servers was not acknowledged', () => {
    pods = [aPod('a'), aPod('j', { server: 'jira' })];
    acknowledge('tools/github', { a: 12 });
    acknowledge('tools/jira', { j: 70 }, published.get('tools/github')?.revision);
    expect(enforcement.ofToken(naming({ name: 'github' }, { name: 'jira' }))).toEqual({ sidecars: 2, enforcing: 1, slowestAckMs: 12 });
  });

  test('acknowledged at once took no time, and that is a time', () => {
    pods = [aPod('a')];
    acknowledge('tools/github', { a: 0 });
    expect(enforcement.ofToken(naming({ name: 'github' })).slowestAckMs).toBe(0);
  });
});

test('a reference without a namespace names a server of the token\'s own', () => {
  expect(serversOf(naming({ name: 'github' }, { name: 'github', namespace: 'prod' }, { name: 'github', namespace: 'tools' }))).toEqual(['tools/github', 'prod/github']);
});
