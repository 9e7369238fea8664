import { expect, test } from '@jest/globals';
import { createBackoff, systemRandom } from '../../../../operator/kube/backoff.ts';

const pauses = (random: number, count: number): number[] => {
  const backoff = createBackoff({ minMs: 800, maxMs: 30_000, random: () => random });
  return Array.from({ length: count }, () => backoff.nextMs());
};

test('pauses double between the bounds, and are spread over half of it', () => {
  expect(pauses(0, 8)).toEqual([800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000, 15_000]);
  expect(pauses(1, 8)).toEqual([1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]);
});

test('stay within the bounds for ever, and are short again after a success', () => {
  const backoff = createBackoff({ minMs: 800, maxMs: 30_000, random: systemRandom });
  for (let failures = 0; failures < 5_000; failures += 1) {
    const pauseMs = backoff.nextMs();
    expect(pauseMs).toBeGreaterThanOrEqual(800);
    expect(pauseMs).toBeLessThanOrEqual(30_000);
  }
  backoff.reset();
  expect(backoff.nextMs()).toBeLessThanOrEqual(1_600);
});
