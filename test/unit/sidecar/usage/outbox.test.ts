import { beforeEach, expect, test } from '@jest/globals';
import type { UsageReport } from '../../../../api/bundle-stream.ts';
import { USAGE_LIMITS } from '../../../../api/bundle-stream.ts';
import { createUsageOutbox } from '../../../../sidecar/usage/outbox.ts';
import type { Post, UsageOutbox } from '../../../../sidecar/usage/outbox.ts';
import { usageKey } from '../../../../sidecar/usage/usage.ts';
import type { Usage } from '../../../../sidecar/usage/usage.ts';
import { aGenerationUsage } from '../../../kit/usage.ts';

const uses = (uid: string, count: number): Usage => {
  const usage = aGenerationUsage(uid, { uses: count });
  return { generations: new Map([[usageKey(usage), usage]]), uncounted: 0 };
};

let lost: UsageReport[];
let sent: UsageReport[];
let outbox: UsageOutbox;
beforeEach(() => {
  lost = [];
  sent = [];
  outbox = createUsageOutbox('0123456789abcdef', (report) => lost.push(report));
});

const take: Post = (report) => {
  sent.push(report);
  return Promise.resolve('taken');
};
const fail: Post = (report) => {
  sent.push(report);
  return Promise.reject(new Error('reset'));
};
const said = (): readonly unknown[] => sent.map(({ sequence, generations }) => [sequence, ...generations.map((each) => `${each.uid}:${String(each.uses)}`)]);

test('sends nothing where nothing happened', async () => {
  await outbox.send(take);
  expect(sent).toEqual([]);
});

test('a report whose receipt is uncertain is sent again as it was, and what came meanwhile follows, once', async () => {
  outbox.add(uses('a', 1));
  await outbox.send(fail);
  outbox.add(uses('a', 10));
  await outbox.send(fail);
  outbox.add(uses('a', 100));
  outbox.add(uses('b', 1));
  await outbox.send(take);
  await outbox.send(take);
  expect(said()).toEqual([[1, 'a:1'], [1, 'a:1'], [1, 'a:1'], [2, 'a:110', 'b:1']]);
});

test('a report that will never be taken is given up, and holds up no other', async () => {
  outbox.add(uses('a', 1));
  await outbox.send(() => Promise.resolve('refused'));
  outbox.add(uses('b', 1));
  await outbox.send(take);
  expect(lost.map(({ sequence }) => sequence)).toEqual([1]);
  expect(said()).toEqual([[2, 'b:1']]);
});

test('much is sent in several reports, one after the other', async () => {
  for (let i = 0; i <= USAGE_LIMITS.generations; i += 1) outbox.add(uses(`t${String(i)}`, 1));
  await outbox.send(take);
  expect(sent.map(({ sequence, generations }) => [sequence, generations.length])).toEqual([[1, USAGE_LIMITS.generations], [2, 1]]);
});

test('what is added while a report is on its way has been sent when the next call resolves, once', async () => {
  const { promise, resolve } = Promise.withResolvers<'taken'>();
  outbox.add(uses('a', 1));
  const slow = outbox.send((report) => {
    sent.push(report);
    return promise;
  });
  await Promise.resolve();
  outbox.add(uses('b', 1));
  const following = outbox.send(take);
  resolve('taken');
  await following;
  expect(said()).toEqual([[1, 'a:1'], [2, 'b:1']]);
  await slow;
});
