import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, jest, test } from '@jest/globals';
import { pause, systemScheduler } from '../../../../operator/kube/scheduler.ts';
import { createManualScheduler, settle } from '../../../kit/kube-clock.ts';

const DAY_MS = 86_400_000;

afterEach(() => void jest.useRealTimers());

test('a delay longer than a timer of Node can be is kept all the same', () => {
  jest.useFakeTimers();
  let called = 0;
  systemScheduler.after(90 * DAY_MS, () => (called += 1));
  const takeBack = systemScheduler.after(90 * DAY_MS, () => (called += 100));
  jest.advanceTimersByTime(60 * DAY_MS);
  takeBack();
  jest.advanceTimersByTime(29 * DAY_MS);
  expect(called).toBe(0);
  jest.advanceTimersByTime(DAY_MS);
  expect(called).toBe(1);
});

test('a delay that is over already ends with the next turn', async () => {
  let called = false;
  systemScheduler.after(-5, () => (called = true));
  expect(called).toBe(false);
  await sleep(20);
  expect(called).toBe(true);
});

test('a pause ends with its time or with the signal, and leaves no timer behind', async () => {
  const clock = createManualScheduler();
  const stop = new AbortController();
  const ended: string[] = [];
  void pause(clock, 1_000, new AbortController().signal).finally(() => void ended.push('time'));
  void pause(clock, 5_000, stop.signal).finally(() => void ended.push('signal'));
  await clock.advance(1_000);
  expect(ended).toEqual(['time']);
  stop.abort();
  await settle();
  expect(ended).toEqual(['time', 'signal']);
  expect(clock.dueInMs()).toEqual([]);
  await pause(clock, 5_000, stop.signal);
});
