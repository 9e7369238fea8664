import { expect, test } from '@jest/globals';
import { createPacer } from '../../../standalone/pacer.ts';

/** A pacer whose work ends when the test says so. */
function aPacer(): { pacer: ReturnType<typeof createPacer>; started: () => Promise<void>; end: (error?: Error) => void; runs: () => number; failures: unknown[] } {
  let runs = 0;
  let begun = Promise.withResolvers<void>();
  let ending = Promise.withResolvers<void>();
  const failures: unknown[] = [];
  const pacer = createPacer({
    delayMs: 0,
    failed: (error) => failures.push(error),
    run() {
      runs += 1;
      ending = Promise.withResolvers<void>();
      begun.resolve();
      begun = Promise.withResolvers<void>();
      return ending.promise;
    },
  });
  const end = (error?: Error): void => (error === undefined ? ending.resolve() : ending.reject(error));
  return { pacer, started: () => begun.promise, end, runs: () => runs, failures };
}

test('runs once for many wake-ups, never twice at once, and once more for those that came meanwhile', async () => {
  const { pacer, started, end, runs } = aPacer();
  const first = started();
  for (let i = 0; i < 5; i += 1) pacer.wake();
  await first;
  expect(runs()).toBe(1);
  const second = started();
  for (let i = 0; i < 5; i += 1) pacer.wake();
  expect(runs()).toBe(1);
  end();
  await second;
  expect(runs()).toBe(2);
  end();
  await pacer.stop();
});

test('goes on after a failure, which it reports', async () => {
  const { pacer, started, end, failures } = aPacer();
  const first = started();
  pacer.wake();
  await first;
  const second = started();
  pacer.wake();
  end(new Error('broken'));
  await second;
  expect(failures).toEqual([new Error('broken')]);
  end();
  await pacer.stop();
});

test('stops when its work has ended, and begins none afterwards', async () => {
  const { pacer, started, end, runs } = aPacer();
  const first = started();
  pacer.wake();
  await first;
  pacer.wake();
  const stopped = pacer.stop();
  end();
  await stopped;
  pacer.wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(runs()).toBe(1);
});
