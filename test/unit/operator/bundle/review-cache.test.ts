import { expect, test } from '@jest/globals';
import { createReviewCache, ReviewsBusyError } from '../../../../operator/bundle/review-cache.ts';

const server = { namespace: 'default', name: 'server' };
const reviewed = { podName: 'p', podUid: 'u', namespace: 'default', expiresAtMs: 100_000 };

function aCache(answer: (token: string) => typeof reviewed | undefined = () => reviewed) {
  const now = { ms: 0 };
  const asked: string[] = [];
  const review = createReviewCache((token, { name }) => {
    asked.push(`${name} ${token}`);
    return Promise.resolve(answer(token));
  }, { nowMs: () => now.ms, monotonicMs: () => now.ms });
  return { now, asked, review };
}

test('asks once a minute for a good token, and never for a token that has ended', async () => {
  const { now, asked, review } = aCache();
  await review('t', server);
  now.ms = 59_999;
  expect(await review('t', server)).toEqual(reviewed);
  expect(asked).toHaveLength(1);
  now.ms = 60_000;
  await review('t', server);
  expect(asked).toHaveLength(2);
  now.ms = 100_000;
  expect(await review('t', server)).toBeUndefined();
});

test('an answer for one server is none for another, and of another token neither', async () => {
  const { asked, review } = aCache();
  await review('t', server);
  await review('t', { ...server, name: 'other' });
  await review('u', server);
  expect(asked).toEqual(['server t', 'other t', 'server u']);
});

test('a refusal is remembered for seconds, and a flood of them does not push out what is accepted', async () => {
  const { now, asked, review } = aCache((token) => (token === 'good' ? reviewed : undefined));
  await review('good', server);
  for (let index = 0; index < 5_000; index += 1) expect(await review(`bad ${index}`, server)).toBeUndefined();
  await review('good', server);
  await review('bad 4999', server);
  expect(asked).toHaveLength(5_001);
  // Forgotten at the bound.
  await review('bad 0', server);
  now.ms = 5_001;
  await review('bad 4999', server);
  expect(asked).toHaveLength(5_003);
});

test('a failure is not an answer, and asks that come together are one', async () => {
  let fails = true;
  let asked = 0;
  const review = createReviewCache(async () => {
    asked += 1;
    await Promise.resolve();
    if (fails) throw new Error('away');
    return reviewed;
  }, { nowMs: () => 0, monotonicMs: () => 0 });
  await expect(Promise.all([review('t', server), review('t', server)])).rejects.toThrow('away');
  expect(asked).toBe(1);
  fails = false;
  expect(await review('t', server)).toEqual(reviewed);
});

test('bounds the reviews under way', async () => {
  const review = createReviewCache(() => new Promise(() => undefined), { nowMs: () => 0, monotonicMs: () => 0 });
  for (let index = 0; index < 32; index += 1) void review(`t${index}`, server);
  await expect(review('one more', server)).rejects.toThrow(ReviewsBusyError);
});
