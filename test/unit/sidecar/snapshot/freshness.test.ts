import { expect, test } from '@jest/globals';
import { createFreshness } from '../../../../sidecar/snapshot/freshness.ts';

function aFreshness() {
  const now = { ms: 1_000, maxStalenessMs: 100 };
  const said: boolean[] = [];
  return { now, said, freshness: createFreshness({ clock: { monotonicMs: () => now.ms }, maxStalenessMs: () => now.maxStalenessMs, onStale: (isStale) => said.push(isStale) }) };
}

test('is stale before anything was confirmed, and says each change once', () => {
  const { now, said, freshness } = aFreshness();
  freshness.judge();
  freshness.judge();
  freshness.confirmed(0);
  freshness.judge();
  now.ms += 100;
  freshness.judge();
  expect(said).toEqual([true, false]);
  now.ms += 1;
  freshness.judge();
  expect(said).toEqual([true, false, true]);
});

test('counts the age that the evidence had, and is never aged by older evidence', () => {
  const { said, freshness } = aFreshness();
  freshness.confirmed(60);
  expect(freshness.ageMs()).toBe(60);
  freshness.confirmed(90);
  expect(freshness.ageMs()).toBe(60);
  freshness.confirmed(-5);
  expect(freshness.ageMs()).toBe(0);
  freshness.judge();
  expect(said).toEqual([false]);
});

test('evidence that is itself too old makes nothing fresh', () => {
  const { said, freshness } = aFreshness();
  freshness.confirmed(101);
  freshness.judge();
  expect(said).toEqual([true]);
});

test('goes by the bound of now, and says when that is reached', () => {
  const { now, said, freshness } = aFreshness();
  freshness.confirmed(60);
  freshness.judge();
  expect(freshness.staleInMs()).toBe(40);
  now.maxStalenessMs = 50;
  freshness.judge();
  expect(freshness.staleInMs()).toBe(Infinity);
  now.maxStalenessMs = 200;
  freshness.judge();
  expect(said).toEqual([false, true, false]);
  expect(freshness.staleInMs()).toBe(140);
});
