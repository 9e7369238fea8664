import { expect, test } from '@jest/globals';
import { keepResolving } from '../../../../sidecar/snapshot/replica-addresses.ts';
import { seen, silent } from '../../../kit/bundle-replica.ts';

test('follows what resolves, drops what no longer does, and keeps all while resolving fails', async () => {
  const over = new AbortController();
  const steps = seen<string>('step');
  const answers: (readonly string[] | Error)[] = [['a', 'b'], new Error('no name service'), ['b', 'c']];
  const running = keepResolving({
    everyMs: 1,
    log: { ...silent, warn: () => steps.add('failed') },
    resolve: () => {
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    follow: (address, gone) => {
      steps.add(`+${address}`);
      return new Promise((resolve) => gone.addEventListener('abort', () => {
        steps.add(`-${address}`);
        resolve();
      }));
    },
  }, over.signal);
  await steps.until((step) => step === '+c');
  expect(steps.all).toEqual(['+a', '+b', 'failed', '-a', '+c']);
  over.abort();
  await running;
  expect(steps.all.slice(5).sort()).toEqual(['-b', '-c']);
});

test('follows at most sixteen', async () => {
  const over = new AbortController();
  const followed = seen<string>('address');
  const running = keepResolving({
    everyMs: 1, log: silent, resolve: () => Promise.resolve(Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`)),
    follow: (address, gone) => { followed.add(address); return new Promise((resolve) => gone.addEventListener('abort', () => resolve())); },
  }, over.signal);
  await followed.until((_address, all) => all.length >= 16);
  over.abort();
  await running;
  expect(followed.all).toHaveLength(16);
});
