import { beforeEach, describe, expect, test } from '@jest/globals';
import { createWorkQueue, TerminalError, type RunOptions, type WorkQueue } from '../../../../operator/kube/work-queue.ts';
import { createManualScheduler, type ManualScheduler, settle } from '../../../kit/kube-clock.ts';
import { keepLog, type KeptLog, keepMetrics, type KeptMetrics } from '../../../kit/kube-parts.ts';

let clock: ManualScheduler;
let kept: KeptMetrics;
let log: KeptLog;
let queue: WorkQueue;
let stop: AbortController;
let calls: string[];

beforeEach(() => {
  clock = createManualScheduler();
  kept = keepMetrics();
  log = keepLog();
  queue = createWorkQueue({ name: 'mcpserver', clock, log, metrics: kept.metrics });
  stop = new AbortController();
  calls = [];
});

function run(reconcile: RunOptions['reconcile'], workers = 1): Promise<void> {
  return queue.run({ workers, signal: stop.signal, reconcile: (key, signal) => {
    calls.push(key);
    return reconcile(key, signal);
  } });
}

const succeed = async (): Promise<undefined> => undefined;
const result = (name: string) => kept.value('controller_runtime_reconcile_total', { controller: 'mcpserver', result: name });

describe('keys', () => {
  test('wait once, in the order of adding, and from before the start', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.depth()).toBe(3);
    void run(succeed);
    await settle();
    expect(calls).toEqual(['a', 'b', 'c']);
    expect(queue.depth()).toBe(0);
  });

  test('have one worker at a time; a key added meanwhile is reconciled once more', async () => {
    const gates = new Map<string, PromiseWithResolvers<undefined>>();
    void run((key) => {
      const gate = Promise.withResolvers<undefined>();
      gates.set(key, gate);
      return gate.promise;
    }, 3);
    queue.add('a');
    await settle();
    for (let times = 0; times < 3; times += 1) queue.add('a');
    queue.add('b');
    await settle();
    expect(calls).toEqual(['a', 'b']);
    gates.get('a')?.resolve(undefined);
    await settle();
    expect(calls).toEqual(['a', 'b', 'a']);
    gates.get('a')?.resolve(undefined);
    await settle();
    expect(calls).toEqual(['a', 'b', 'a']);
  });

  test('of several workers never meet, whatever the order of things', async () => {
    const busy = new Set<string>();
    let together = 0;
    void run(async (key) => {
      if (busy.has(key)) throw new Error(`${key} is worked on twice`);
      busy.add(key);
      together = Math.max(together, busy.size);
      await new Promise((resolve) => setImmediate(resolve));
      busy.delete(key);
      return undefined;
    }, 4);
    for (let times = 0; times < 400; times += 1) {
      queue.add(`key-${String((times * 7) % 11)}`);
      if (times % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await settle();
    await settle();
    expect(log.entries).toEqual([]);
    expect(together).toBe(4);
    expect(queue.depth()).toBe(0);
  });

  test('come after a delay, the earliest of those that were asked for', async () => {
    void run(succeed);
    queue.addAfter('a', 5_000);
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 3_000);
    queue.addAfter('b', 0);
    await settle();
    expect(calls).toEqual(['b']);
    await clock.advance(999);
    expect(calls).toEqual(['b']);
    await clock.advance(1);
    expect(calls).toEqual(['b', 'a']);
    await clock.advance(10_000);
    expect(calls).toEqual(['b', 'a']);
  });
});

describe('a reconcile', () => {
  test('that fails is tried again after 5 ms, doubled up to 1000 s', async () => {
    void run(() => Promise.reject(new Error('no')));
    queue.add('a');
    await settle();
    for (const delay of [5, 10, 20, 40]) {
      expect(clock.dueInMs()).toEqual([delay]);
      await clock.advance(delay);
    }
    expect(calls).toHaveLength(5);
    await clock.advance(3_000_000);
    expect(clock.dueInMs()).toHaveLength(1);
    await clock.advance(clock.dueInMs()[0] ?? 0);
    expect(clock.dueInMs()).toEqual([1_000_000]);
  });

  test('that throws at once, without a promise, is a failure like any other', async () => {
    void run(() => {
      throw new Error('no');
    });
    queue.add('a');
    await settle();
    expect(clock.dueInMs()).toEqual([5]);
    expect(log.entries).toMatchObject([{ level: 'error', message: 'a reconcile failed', fields: { controller: 'mcpserver', key: 'a' } }]);
  });

  test('that succeeds resets the back-off, also when it asks to be called again', async () => {
    const outcomes = [false, false, true, false];
    void run(async () => {
      if (outcomes.shift() !== true) throw new Error('no');
      return { requeueAfterMs: 60_000 };
    });
    queue.add('a');
    await clock.advance(15);
    expect(calls).toHaveLength(3);
    expect(clock.dueInMs()).toEqual([60_000]);
    await clock.advance(60_000);
    expect(clock.dueInMs()).toEqual([5]);
  });

  test('that fails for good is not tried again', async () => {
    void run(() => Promise.reject(new TerminalError('the spec is wrong')));
    queue.add('a');
    await settle();
    expect(clock.dueInMs()).toEqual([]);
    expect(await kept.value('controller_runtime_terminal_reconcile_errors_total')).toBe(1);
    expect(await result('error')).toBe(1);
    queue.addRateLimited('a');
    expect(clock.dueInMs()).toEqual([5]);
  });

  test('is forgotten on request', () => {
    queue.addRateLimited('a');
    queue.addRateLimited('b');
    queue.addRateLimited('b');
    queue.forget('a');
    queue.addRateLimited('a');
    expect(clock.dueInMs()).toEqual([5, 5]);
  });
});

describe('stopping', () => {
  test('waits for what runs, tells it, and begins nothing more', async () => {
    const gate = Promise.withResolvers<undefined>();
    let told = false;
    let ended = false;
    const running = run((_key, signal) => {
      signal.addEventListener('abort', () => {
        told = true;
      });
      return gate.promise;
    }, 2);
    void running.finally(() => {
      ended = true;
    });
    queue.add('a');
    queue.addAfter('b', 1_000);
    await settle();
    stop.abort();
    queue.add('c');
    queue.addAfter('d', 10);
    await clock.advance(10_000);
    expect([told, ended]).toEqual([true, false]);
    gate.resolve(undefined);
    await running;
    expect(calls).toEqual(['a']);
    expect(clock.dueInMs()).toEqual([]);
  });

  test('before the start, starts nothing', async () => {
    queue.add('a');
    stop.abort();
    await run(succeed);
    expect(calls).toEqual([]);
  });
});

test('the metrics have the names and labels that dashboards ask for', async () => {
  const gate = Promise.withResolvers<undefined>();
  void run((key) => (key === 'slow' ? gate.promise : key === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve(key === 'later' ? { requeueAfterMs: 1_000_000 } : undefined)), 2);
  for (const key of ['slow', 'good', 'later', 'bad']) queue.add(key);
  await settle();
  await clock.advance(4);
  const labels = { name: 'mcpserver', controller: 'mcpserver' };
  expect(await kept.value('workqueue_longest_running_processor_seconds', labels)).toBe(0.004);
  expect(await kept.value('workqueue_unfinished_work_seconds', labels)).toBe(0.004);
  expect(await kept.value('controller_runtime_active_workers', { controller: 'mcpserver' })).toBe(1);
  expect(await kept.value('controller_runtime_max_concurrent_reconciles', { controller: 'mcpserver' })).toBe(2);
  gate.resolve(undefined);
  await settle();
  expect(await kept.value('workqueue_unfinished_work_seconds', labels)).toBe(0);
  expect(await kept.value('workqueue_adds_total', labels)).toBe(4);
  expect(await kept.value('workqueue_retries_total', labels)).toBe(1);
  expect(await kept.value('workqueue_depth', labels)).toBe(0);
  expect(await kept.value('workqueue_queue_duration_seconds_count', labels)).toBe(4);
  expect(await kept.value('workqueue_work_duration_seconds_count', labels)).toBe(4);
  expect([await result('success'), await result('requeue_after'), await result('error')]).toEqual([2, 1, 1]);
  expect(await kept.value('controller_runtime_reconcile_errors_total')).toBe(1);
  expect(await kept.value('controller_runtime_reconcile_time_seconds_count')).toBe(4);
  expect(await kept.value('controller_runtime_active_workers')).toBe(0);
});
