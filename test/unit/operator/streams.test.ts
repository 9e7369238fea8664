import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Bundle } from '../../../api/bundle.ts';
import { createBundleStore } from '../../../operator/bundle/store.ts';
import type { BundleStore, Subscription } from '../../../operator/bundle/store.ts';
import { createSidecarStreams } from '../../../operator/streams.ts';
import type { SidecarStreams } from '../../../operator/streams.ts';
import { aBundle } from '../../kit/bundles.ts';
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
const known = () => Object.fromEntries(streams.acknowledgements(SERVER));

describe('what a pod acknowledged', () => {
  test('is known with the time since it was published', async () => {
    const pod = connect('a');
    await clock.advance(1000);
    const { revision } = publish();
    pod.next();
    await clock.advance(41);
    expect(store.acknowledge(SERVER, 'a', revision)).toBe(true);
    await clock.advance(5000);
    expect(known()).toEqual({ a: { revision, afterMs: 41 } });
  });

  test('is told apart from pod to pod', async () => {
    const pods = [connect('a'), connect('b'), connect('silent')];
    const { revision } = publish();
    for (const pod of pods) pod.next();
    await clock.advance(10);
    store.acknowledge(SERVER, 'a', revision);
    await clock.advance(20);
    store.acknowledge(SERVER, 'b', revision);
    expect(known()).toEqual({ a: { revision, afterMs: 10 }, b: { revision, afterMs: 30 } });
  });

  test('of a former revision is not taken for the present one', async () => {
    const pod = connect('a');
    const former = publish();
    pod.next();
    store.acknowledge(SERVER, 'a', former.revision);
    await clock.advance(100);
    const present = publish();
    expect(known()['a']?.revision).toBe(former.revision);
    pod.next();
    await clock.advance(7);
    store.acknowledge(SERVER, 'a', present.revision);
    expect(known()).toEqual({ a: { revision: present.revision, afterMs: 7 } });
  });

  test('is measured from the first publication of a revision, not from a newer order of it', async () => {
    const pod = connect('a');
    const bundle = publish();
    await clock.advance(30);
    publish({ ...bundle, order: { 'Secret/home/shard': '9' } });
    pod.next();
    await clock.advance(12);
    store.acknowledge(SERVER, 'a', bundle.revision);
    expect(known()).toEqual({ a: { revision: bundle.revision, afterMs: 42 } });
  });

  test('by a pod that came later is measured from its coming', async () => {
    const { revision } = publish();
    await clock.advance(3_600_000);
    connect('late');
    await clock.advance(20);
    store.acknowledge(SERVER, 'late', revision);
    expect(known()).toEqual({ late: { revision, afterMs: 20 } });
  });

  test('before something else was published does not count when the same is published again', async () => {
    const pod = connect('a');
    const first = publish();
    pod.next();
    store.acknowledge(SERVER, 'a', first.revision);
    await clock.advance(10);
    publish(aBundle({ port: 3001 }));
    pod.next();
    await clock.advance(10);
    publish(first);
    expect(known()).toEqual({});
    pod.next();
    await clock.advance(5);
    store.acknowledge(SERVER, 'a', first.revision);
    expect(known()).toEqual({ a: { revision: first.revision, afterMs: 5 } });
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
    connect('a').end();
    connect('a');
    expect(known()).toEqual({});
    store.acknowledge(SERVER, 'a', revision);
    expect(Object.keys(known())).toEqual(['a']);
  });

  test('does not count for a server that was retracted', () => {
    const { revision } = publish();
    connect('a');
    store.acknowledge(SERVER, 'a', revision);
    streams.retract(SERVER);
    expect(known()).toEqual({});
    expect(store.current(SERVER)).toBeUndefined();
  });

  test('is nothing for a server that nobody knows', () => {
    expect(streams.acknowledgements('nowhere/none').size).toBe(0);
  });
});

test('what is published is what the sidecars get', () => {
  const bundle = publish();
  expect(store.current(SERVER)).toBe(bundle);
});

test('an acknowledgement is told with the name of its server', () => {
  const heard: string[] = [];
  streams.onAcknowledged((server) => void heard.push(server));
  const { revision } = publish();
  connect('a');
  store.acknowledge(SERVER, 'a', 'f'.repeat(64));
  store.acknowledge(SERVER, 'a', revision);
  expect(heard).toEqual([SERVER]);
});
