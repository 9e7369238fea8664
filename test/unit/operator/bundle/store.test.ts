import { describe, expect, test } from '@jest/globals';
import { parseStreamMessage } from '../../../../api/bundle-stream.ts';
import { createBundleStore } from '../../../../operator/bundle/store.ts';
import type { BundleStore, Subscription } from '../../../../operator/bundle/store.ts';
import { aRevision, revoking } from '../../../kit/bundle-changes.ts';

const KEY = 'default/server';
const pod = (uid: string) => ({ namespace: 'default', name: `pod-${uid}`, uid });
const ignored = { wake: () => undefined, replaced: () => undefined };

function aStore(positions?: Readonly<Record<string, string>>): { readonly store: BundleStore; readonly clock: { ms: number } } {
  const clock = { ms: 100 };
  return { store: createBundleStore({ clock: { monotonicMs: () => clock.ms }, epoch: 7, positions: () => positions }), clock };
}

const messageOf = (subscription: Subscription) => {
  const line = subscription.next();
  return line === undefined ? undefined : parseStreamMessage(line);
};

test('a subscriber gets the bundle once, then patches from what it has', () => {
  const { store } = aStore();
  const first = aRevision(['a', 'b']);
  const second = revoking(first, 'a', 2);
  store.publish(first);
  const subscription = store.subscribe(KEY, pod('1'), ignored);
  expect(messageOf(subscription)).toMatchObject({ type: 'bundle', epoch: 7, bundle: { revision: first.revision } });
  expect(messageOf(subscription)).toBeUndefined();
  store.publish(second);
  expect(messageOf(subscription)).toMatchObject({ type: 'patch', patch: { from: first.revision, to: second.revision } });
});

test('however many bundles a slow subscriber missed, it gets one message', () => {
  const { store } = aStore();
  let bundle = aRevision(['a', 'b', 'c', 'd', 'e', 'f']);
  store.publish(bundle);
  const near = store.subscribe(KEY, pod('1'), ignored);
  near.next();
  for (const [index, name] of ['a', 'b', 'c'].entries()) store.publish((bundle = revoking(bundle, name, index + 2)));
  expect(messageOf(near)).toMatchObject({ type: 'patch', patch: { to: bundle.revision } });
  expect(messageOf(near)).toBeUndefined();
  // Further behind than what is kept: the whole bundle, and memory stays bounded.
  for (const [index, name] of ['d', 'e', 'f', 'a'].entries()) store.publish((bundle = revoking({ ...bundle, forwardedAttributes: [name] }, name, index + 9)));
  expect(messageOf(near)).toMatchObject({ type: 'bundle', bundle: { revision: bundle.revision } });
});

test('an order that moved on is sent as that alone; one that did not, not at all', () => {
  const { store } = aStore();
  const first = aRevision(['a']);
  store.publish(first);
  let woken = 0;
  const subscription = store.subscribe(KEY, pod('1'), { ...ignored, wake: () => void (woken += 1) });
  subscription.next();
  store.publish(structuredClone(first));
  expect([woken, messageOf(subscription)]).toEqual([0, undefined]);
  store.publish({ ...first, order: { ...first.order, GatewayToken: '9' } });
  expect(messageOf(subscription)).toMatchObject({ patch: { from: first.revision, to: first.revision, order: { set: { GatewayToken: '9' }, remove: [] }, tokens: { upsert: [], remove: [] }, members: {} } });
});

describe('acknowledgements', () => {
  test('count for the pod that has a stream and the revision it was sent, with the time', () => {
    const { store, clock } = aStore();
    const heard: unknown[] = [];
    store.onAcknowledged((each) => heard.push(each));
    const first = aRevision(['a']);
    store.publish(first);
    expect(store.acknowledge(KEY, '1', first.revision)).toBe(false);
    const subscription = store.subscribe(KEY, pod('1'), ignored);
    expect(store.acknowledge(KEY, '1', first.revision)).toBe(false);
    subscription.next();
    clock.ms = 141;
    expect(store.acknowledge(KEY, '1', 'f'.repeat(64))).toBe(false);
    expect(store.acknowledge(KEY, '2', first.revision)).toBe(false);
    expect(store.acknowledge(KEY, '1', first.revision)).toBe(true);
    expect(heard).toEqual([{ server: KEY, pod: pod('1'), revision: first.revision, atMs: 141, subscribedAtMs: 100, isFirst: true }]);
    expect(store.subscribers(KEY)).toEqual([{ pod: pod('1'), subscribedAtMs: 100, sentRevision: first.revision, acknowledged: { revision: first.revision, atMs: 141 } }]);
  });

  test('end with the stream, and the pod is remembered as gone until it is forgotten', () => {
    const { store } = aStore();
    const first = aRevision(['a']);
    store.publish(first);
    const subscription = store.subscribe(KEY, pod('1'), ignored);
    subscription.next();
    subscription.end();
    expect(store.acknowledge(KEY, '1', first.revision)).toBe(false);
    expect(store.subscribers(KEY)).toMatchObject([{ endedAtMs: 100 }]);
    store.forget(KEY, '1');
    expect(store.subscribers(KEY)).toEqual([]);
  });
});

test('a second stream of a pod replaces the first, whose end then changes nothing', () => {
  const { store } = aStore();
  let replaced = 0;
  const first = store.subscribe(KEY, pod('1'), { ...ignored, replaced: () => void (replaced += 1) });
  store.subscribe(KEY, pod('1'), ignored);
  first.end();
  expect(replaced).toBe(1);
  expect(store.subscribers(KEY)).toHaveLength(1);
  expect(store.subscribers(KEY)[0]?.endedAtMs).toBeUndefined();
});

test('pods that went are remembered up to a bound, the oldest forgotten first', () => {
  const { store } = aStore();
  store.publish(aRevision(['a']));
  for (let index = 0; index < 1100; index += 1) store.subscribe(KEY, pod(String(index)), ignored).end();
  const left = store.subscribers(KEY).map((each) => each.pod.uid);
  expect([left.length, left[0], left.at(-1)]).toEqual([1000, '100', '1099']);
});

describe('a server that is not published', () => {
  test('is said to be retracted once it was, and its next bundle comes whole', () => {
    const { store } = aStore();
    store.publish(aRevision(['a']));
    const subscription = store.subscribe(KEY, pod('1'), ignored);
    subscription.next();
    store.retract(KEY, { MCPServer: '5' });
    expect(messageOf(subscription)).toEqual({ format: 1, type: 'retract', epoch: 7, order: { MCPServer: '5' } });
    expect(messageOf(subscription)).toBeUndefined();
    store.publish(aRevision(['b']));
    expect(messageOf(subscription)).toMatchObject({ type: 'bundle' });
  });

  test('is nothing to talk about until all is listed, and retracted from then on', () => {
    expect(messageOf(aStore().store.subscribe(KEY, pod('1'), ignored))).toBeUndefined();
    expect(messageOf(aStore({ MCPServer: '9' }).store.subscribe(KEY, pod('1'), ignored))).toMatchObject({ type: 'retract', order: { MCPServer: '9' } });
  });
});
