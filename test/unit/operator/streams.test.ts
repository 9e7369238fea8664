import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Bundle } from '../../../api/bundle.ts';
import { createBundleStore } from '../../../operator/bundle/store.ts';
import type { BundleStore, Subscription } from '../../../operator/bundle/store.ts';
import { createSidecarStreams } from '../../../operator/streams.ts';
import type { AcknowledgementNews, SidecarStreams } from '../../../operator/streams.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { createManualScheduler } from '../../kit/kube-clock.ts';
import type { ManualScheduler } from '../../kit/kube-clock.ts';

const SERVER = 'default/server';
let clock: ManualScheduler;
let store: BundleStore;
let streams: SidecarStreams;

beforeEach(() => {
  clock = createManualScheduler();
  store = createBundleStore({ clock, epoch: 1, positions: () => ({}) });
  streams = createSidecarStreams(store, clock);
});

/** A pod with a stream, and whatever it was sent. */
function connect(uid: string): Subscription {
  const subscription = store.subscribe(SERVER, { namespace: 'default', name: `pod-${uid}`, uid }, { wake: () => undefined, replaced: () => undefined });
  subscription.next();
  return subscription;
}

const publish = (bundle: Bundle = aBundle({ port: 3000 })): Bundle => {
  streams.publish(bundle);
  return bundle;
};
const known = () => Object.fromEntries(streams.acknowledged(SERVER));

describe('what a pod acknowledged', () => {
  test('is known by the number of its publication', () => {
    const pods = [connect('a'), connect('b'), connect('silent')];
    const first = publish();
    for (const pod of pods) pod.next();
    store.acknowledge(SERVER, 'a', first.revision);
    store.acknowledge(SERVER, 'b', first.revision);
    const second = publish();
    for (const pod of pods) pod.next();
    store.acknowledge(SERVER, 'b', second.revision);
    expect(streams.publication(SERVER)).toBe(2);
    expect(known()).toEqual({ a: 1, b: 2 });
  });

  test('is measured from the first publication of a revision, not from a newer order of it', async () => {
    const pod = connect('a');
    const token = aToken();
    const bundle = publish(aBundle({ port: 3000, tokens: [token] }));
    await clock.advance(30);
    publish({ ...bundle, order: { 'Secret/home/shard': '9' } });
    pod.next();
    await clock.advance(12);
    store.acknowledge(SERVER, 'a', bundle.revision);
    expect(streams.lastChange(SERVER, token.token.uid)).toMatchObject({ publication: 1, slowestAckMs: 42 });
  });

  test('before something else was published does not count when the same is published again', () => {
    const pod = connect('a');
    const first = publish();
    pod.next();
    store.acknowledge(SERVER, 'a', first.revision);
    publish(aBundle({ port: 3001 }));
    pod.next();
    publish(first);
    expect([streams.publication(SERVER), known()]).toEqual([3, { a: 1 }]);
    pod.next();
    store.acknowledge(SERVER, 'a', first.revision);
    expect(known()).toEqual({ a: 3 });
  });

  test('does not count any more when its stream has ended', () => {
    const { revision } = publish();
    const pod = connect('a');
    connect('b');
    store.acknowledge(SERVER, 'a', revision);
    store.acknowledge(SERVER, 'b', revision);
    pod.end();
    expect(Object.keys(known())).toEqual(['b']);
  });

  test('does not count on the stream that the pod opens next, until it is said there', () => {
    const { revision } = publish();
    const first = connect('a');
    store.acknowledge(SERVER, 'a', revision);
    first.end();
    connect('a');
    expect(known()).toEqual({});
    store.acknowledge(SERVER, 'a', revision);
    expect(known()).toEqual({ a: 1 });
  });

  test('does not count for a server that was retracted, nor when it is published again', () => {
    const bundle = publish();
    connect('a');
    store.acknowledge(SERVER, 'a', bundle.revision);
    streams.retract(SERVER);
    expect([streams.publication(SERVER), known(), store.current(SERVER)]).toEqual([undefined, {}, undefined]);
    publish(bundle);
    expect([streams.publication(SERVER), known()]).toEqual([1, {}]);
  });

  test('is nothing for a server that nobody knows', () => {
    expect(streams.acknowledged('nowhere/none').size).toBe(0);
    expect(streams.publication('nowhere/none')).toBeUndefined();
    expect(streams.lastChange('nowhere/none', 'uid')).toBeUndefined();
  });
});

test('a token that a bundle holds no more was dropped from its server', () => {
  const token = aToken();
  publish(aBundle({ port: 3000, tokens: [token] }));
  publish(aBundle({ port: 3000, name: 'other', tokens: [token] }));
  expect(streams.droppedFrom(token.token.uid)).toEqual([]);
  publish(aBundle({ port: 3000 }));
  expect(streams.droppedFrom(token.token.uid)).toEqual([SERVER]);
});

test('what is published is what the sidecars get', async () => {
  expect(streams.startedMs()).toBeUndefined();
  await clock.advance(7);
  const startedMs = clock.monotonicMs();
  const bundle = publish();
  await clock.advance(1);
  publish(aBundle({ port: 3000, name: 'other' }));
  expect(store.current(SERVER)).toBe(bundle);
  expect(streams.startedMs()).toBe(startedMs);
});

test('an acknowledgement is told with its server, the tokens that it enforces, and whether it is the first of its stream', () => {
  const heard: AcknowledgementNews[] = [];
  streams.onAcknowledged((news) => void heard.push(news));
  const token = aToken();
  const first = publish(aBundle({ port: 3000, tokens: [token] }));
  const pod = connect('a');
  store.acknowledge(SERVER, 'a', 'f'.repeat(64));
  store.acknowledge(SERVER, 'a', first.revision);
  const second = publish(aBundle({ port: 3000, tokens: [token, aToken({ name: 'bob' })] }));
  pod.next();
  store.acknowledge(SERVER, 'a', second.revision);
  expect(heard).toEqual([
    { server: SERVER, isFirst: true, tokens: [{ namespace: 'default', name: 'alice' }] },
    { server: SERVER, isFirst: false, tokens: [{ namespace: 'default', name: 'bob' }] },
  ]);
});

describe('what a pod says of its server', () => {
  const said = (port = 3000) => ({ format: 1, port, outcome: 'LoopbackOnly' } as const);
  const exposures = () => Object.fromEntries(streams.exposures(SERVER));

  test('is known as long as its stream is there, and told when it is another', () => {
    publish();
    const heard: string[] = [];
    streams.onExposure((server) => void heard.push(server));
    const stream = connect('a');
    store.expose(SERVER, 'a', said());
    store.expose(SERVER, 'a', said());
    expect(heard).toEqual([SERVER]);
    store.expose(SERVER, 'a', said(3001));
    expect(heard).toHaveLength(2);
    expect(exposures()).toEqual({ a: said(3001) });
    stream.end();
    expect(exposures()).toEqual({});
    store.expose(SERVER, 'a', said());
    expect(heard).toHaveLength(2);
    connect('a');
    expect(exposures()).toEqual({});
  });

  test('is not kept of a pod that has no stream, or of another server', () => {
    connect('a');
    store.expose(SERVER, 'b', said());
    store.expose('nowhere/none', 'a', said());
    expect(exposures()).toEqual({});
    expect(streams.exposures('nowhere/none').size).toBe(0);
  });
});
