import { describe, expect, test } from '@jest/globals';
import { FAILURES_AT_ONCE, MS_PER_FAILURE } from '../../../../operator/bundle/failure-budget.ts';
import { createReviewCache, ReviewsBusyError } from '../../../../operator/bundle/review-cache.ts';

const server = { namespace: 'default', name: 'server' };
const reviewed = { podName: 'p', podUid: 'u', namespace: 'default' };
const PEER = '10.0.0.1';

function aCache(answer: (token: string) => typeof reviewed | undefined = () => reviewed) {
  const now = { ms: 0 };
  const asked: string[] = [];
  const review = createReviewCache((token, { name }) => {
    asked.push(`${name} ${token}`);
    return Promise.resolve(answer(token));
  }, { nowMs: () => now.ms, monotonicMs: () => now.ms });
  return { now, asked, review };
}

test('asks once a minute for a good token', async () => {
  const { now, asked, review } = aCache();
  await review('t', server, PEER);
  now.ms = 59_999;
  expect(await review('t', server, PEER)).toEqual(reviewed);
  expect(asked).toHaveLength(1);
  now.ms = 60_000;
  await review('t', server, PEER);
  expect(asked).toHaveLength(2);
});

test('an answer for one server is none for another, and of another token neither', async () => {
  const { asked, review } = aCache();
  await review('t', server, PEER);
  await review('t', { ...server, name: 'other' }, PEER);
  await review('u', server, PEER);
  expect(asked).toEqual(['server t', 'other t', 'server u']);
});

test('a refusal is remembered for seconds, and a flood of them does not push out what is accepted', async () => {
  const { now, asked, review } = aCache((token) => (token === 'good' ? reviewed : undefined));
  await review('good', server, PEER);
  for (let index = 0; index < 5_000; index += 1) expect(await review(`bad ${index}`, server, `10.0.${index >> 4}`)).toBeUndefined();
  await review('good', server, PEER);
  await review('bad 4999', server, PEER);
  expect(asked).toHaveLength(5_001);
  // Forgotten at the bound.
  await review('bad 0', server, PEER);
  now.ms = 5_001;
  await review('bad 4999', server, PEER);
  expect(asked).toHaveLength(5_003);
});

describe('an address that makes tokens up', () => {
  async function flood(review: ReturnType<typeof aCache>['review'], peer = PEER): Promise<void> {
    const all = await Promise.allSettled(Array.from({ length: 500 }, (_, index) => review(`bad ${String(index)}`, server, peer)));
    expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(500 - FAILURES_AT_ONCE);
  }

  test('has a few reviewed, then one now and then', async () => {
    const { now, asked, review } = aCache(() => undefined);
    await flood(review);
    expect(asked).toHaveLength(FAILURES_AT_ONCE);
    now.ms = MS_PER_FAILURE;
    await review('bad 498', server, PEER);
    await expect(review('bad 499', server, PEER)).rejects.toThrow(ReviewsBusyError);
    expect(asked).toHaveLength(FAILURES_AT_ONCE + 1);
  });

  test('keeps nobody else waiting, and not a token that was accepted before, wherever that comes from', async () => {
    const { now, asked, review } = aCache((token) => (token.startsWith('good') ? reviewed : undefined));
    await review('good', server, PEER);
    await flood(review);
    expect(await review('good', server, PEER)).toEqual(reviewed);
    now.ms = 60_000;
    await flood(review);
    expect(await review('good', server, PEER)).toEqual(reviewed);
    expect(await review('good and new', server, '10.0.0.2')).toEqual(reviewed);
    expect(asked.filter((each) => each.endsWith('good'))).toHaveLength(2);
  });

  test('owes nothing for what is good, or for what nobody could answer', async () => {
    let answer = 0;
    const review = createReviewCache(() => {
      answer += 1;
      return answer % 2 === 0 ? Promise.reject(new Error('away')) : Promise.resolve(reviewed);
    }, { nowMs: () => 0, monotonicMs: () => 0 });
    for (let index = 0; index < 100; index += 1) await review(`t ${String(index)}`, server, PEER).catch((error: unknown) => expect(error).not.toBeInstanceOf(ReviewsBusyError));
    expect(answer).toBe(100);
  });
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
  await expect(Promise.all([review('t', server, PEER), review('t', server, PEER)])).rejects.toThrow('away');
  expect(asked).toBe(1);
  fails = false;
  expect(await review('t', server, PEER)).toEqual(reviewed);
});

test('bounds the reviews under way', async () => {
  const review = createReviewCache(() => new Promise(() => undefined), { nowMs: () => 0, monotonicMs: () => 0 });
  for (let index = 0; index < 32; index += 1) void review(`t${index}`, server, `10.0.0.${index}`);
  await expect(review('one more', server, PEER)).rejects.toThrow(ReviewsBusyError);
});
