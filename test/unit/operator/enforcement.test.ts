import { beforeEach, describe, expect, test } from '@jest/globals';
import type { GatewayTokenSpec } from '../../../api/v1alpha1/index.ts';
import type { ClusterView, GuardedPod } from '../../../operator/cluster-view.ts';
import { createEnforcement } from '../../../operator/enforcement.ts';
import type { Enforcement } from '../../../operator/enforcement.ts';
import type { TokenChange } from '../../../operator/publication-record.ts';
import { aServer, aToken } from '../core/bundle/kit.ts';

const GITHUB = aServer('github');
let pods: GuardedPod[];
/** By server: the number of its publication, and those that its pods hold. */
let publications: Map<string, number>;
let held: Map<string, ReadonlyMap<string, number>>;
/** By server: the last change of the token `ci`. */
let changes: Map<string, TokenChange>;
let nowMs: number;
let startedMs: number | undefined;
let enforcement: Enforcement;

beforeEach(() => {
  pods = [];
  publications = new Map([['tools/github', 5], ['tools/jira', 5]]);
  held = new Map();
  changes = new Map();
  nowMs = 100_000;
  startedMs = 0;
  const byIndex = (index: string, key: string) => pods.filter((pod) => index === 'server' && `${pod.namespace}/${pod.server}` === key);
  enforcement = createEnforcement({
    view: { pods: { byIndex } as unknown as ClusterView['pods'] },
    clock: { monotonicMs: () => nowMs },
    streams: {
      publication: (server) => publications.get(server),
      acknowledged: (server) => held.get(server) ?? new Map(),
      lastChange: (server, uid) => (uid === 'token-ci' ? changes.get(server) : undefined),
      droppedFrom: (uid) => [...changes].filter(([, { isDropped }]) => isDropped && uid === 'token-ci').map(([server]) => server),
      startedMs: () => startedMs,
    },
    annotationFor: ({ metadata }) => `present ${metadata.name}`,
  });
});

function aPod(uid: string, over: Partial<GuardedPod> = {}): GuardedPod {
  return { namespace: 'tools', name: `pod-${uid}`, uid, server: 'github', isLive: true, isEnding: false, injected: 'present github', ips: [], labels: {}, namedPorts: [], ...over };
}

const holding = (server: string, publicationsOf: Readonly<Record<string, number>>) => held.set(server, new Map(Object.entries(publicationsOf)));
const changed = (server: string, publication: number, over: Partial<TokenChange> = {}) => changes.set(server, { publication, isDropped: false, ...over });
const naming = (...serverRefs: GatewayTokenSpec['permissions'][number]['serverRefs'][number][]) => aToken('ci', { permissions: [{ serverRefs, tools: ['*'] }] });

describe('a server', () => {
  test('without pods has nothing to wait for', () => {
    expect(enforcement.ofServer(GITHUB)).toEqual({ desired: 0, ready: 0, unguarded: [], outdated: [] });
  });

  test('has its pods that are live, and of those the ones that acknowledged what is in force', () => {
    pods = [aPod('a'), aPod('behind'), aPod('gone', { isLive: false }), aPod('other', { server: 'jira' }), aPod('elsewhere', { namespace: 'prod' })];
    holding('tools/github', { a: 5, behind: 4, gone: 5, other: 5, elsewhere: 5, unknown: 5 });
    expect(enforcement.ofServer(GITHUB)).toEqual({ desired: 2, ready: 1, unguarded: [], outdated: [] });
  });

  test('has unguarded pods where nothing was injected, and outdated ones where it was something else', () => {
    pods = [aPod('a'), aPod('b', { injected: undefined }), aPod('c', { injected: 'former' }), aPod('gone', { injected: undefined, isLive: false })];
    expect(enforcement.ofServer(GITHUB)).toEqual({ desired: 3, ready: 0, unguarded: ['pod-b'], outdated: ['pod-c'] });
  });

  test('that is not published is enforced by nobody', () => {
    pods = [aPod('a')];
    publications.clear();
    expect(enforcement.ofServer(GITHUB)).toEqual({ desired: 1, ready: 0, unguarded: [], outdated: [] });
  });
});

describe('a token', () => {
  test('that names no server is held by no sidecar', () => {
    pods = [aPod('a')];
    expect(enforcement.ofToken(aToken('ci', { permissions: [] }))).toEqual({ sidecars: 0, enforcing: 0, isSettling: false });
  });

  test('is enforced where its own last change was acknowledged, whatever was published since', () => {
    pods = [aPod('a'), aPod('b'), aPod('behind'), aPod('gone', { isLive: false })];
    holding('tools/github', { a: 5, b: 3, behind: 2, gone: 5 });
    changed('tools/github', 3, { slowestAckMs: 40 });
    expect(enforcement.ofToken(naming({ name: 'github' }))).toEqual({ sidecars: 3, enforcing: 2, slowestAckMs: 40, isSettling: false });
  });

  test('that is in no bundle is enforced by every sidecar that holds one', () => {
    pods = [aPod('a'), aPod('without')];
    holding('tools/github', { a: 1 });
    expect(enforcement.ofToken(naming({ name: 'github' }))).toEqual({ sidecars: 2, enforcing: 1, isSettling: false });
  });

  test('counts over all servers that it names, each once, and the slowest of them', () => {
    pods = [aPod('a'), aPod('j', { server: 'jira' }), aPod('k', { server: 'jira' }), aPod('x', { server: 'unnamed' })];
    holding('tools/github', { a: 5 });
    holding('tools/jira', { j: 5 });
    changed('tools/github', 5, { slowestAckMs: 12 });
    changed('tools/jira', 5, { slowestAckMs: 70 });
    const token = aToken('ci', {
      permissions: [{ serverRefs: [{ name: 'github' }, { name: 'jira' }], tools: ['get_*'] }, { serverRefs: [{ name: 'github', namespace: 'tools' }], tools: ['list_*'] }],
    });
    expect(enforcement.ofToken(token)).toEqual({ sidecars: 3, enforcing: 2, slowestAckMs: 70, isSettling: false });
  });

  test('counts the sidecars of a server that it named until lately', () => {
    pods = [aPod('a'), aPod('j', { server: 'jira' })];
    holding('tools/github', { a: 5 });
    holding('tools/jira', { j: 4 });
    changed('tools/jira', 5, { isDropped: true });
    expect(enforcement.ofToken(naming({ name: 'github' }))).toMatchObject({ sidecars: 2, enforcing: 1 });
    holding('tools/jira', { j: 5 });
    expect(enforcement.ofToken(naming({ name: 'github' }))).toMatchObject({ sidecars: 2, enforcing: 2 });
  });

  test('acknowledged at once took no time, and that is a time', () => {
    pods = [aPod('a')];
    holding('tools/github', { a: 5 });
    changed('tools/github', 5, { slowestAckMs: 0 });
    expect(enforcement.ofToken(naming({ name: 'github' })).slowestAckMs).toBe(0);
  });

  test('is not judged for good while sidecars may still be on their way to a process that has just begun', () => {
    pods = [aPod('a'), aPod('b')];
    holding('tools/github', { a: 5 });
    startedMs = nowMs;
    const isSettling = () => enforcement.ofToken(naming({ name: 'github' })).isSettling;
    expect(isSettling()).toBe(true);
    nowMs += 14_999;
    expect(isSettling()).toBe(true);
    nowMs += 1;
    expect(isSettling()).toBe(false);
    startedMs = nowMs;
    holding('tools/github', { a: 5, b: 5 });
    expect(isSettling()).toBe(false);
  });
});
