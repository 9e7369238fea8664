import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Logger } from '../../../runtime/log.ts';
import { createShutdown } from '../../../runtime/shutdown.ts';
import type { Shutdown } from '../../../runtime/shutdown.ts';

const GRACE_MS = 1_000;

interface Trial {
  readonly shutdown: Shutdown;
  readonly source: EventEmitter;
  readonly exits: number[];
  readonly errors: unknown[];
  /** The first exit code. */
  readonly exited: Promise<number>;
}

function aTrial(): Trial {
  const source = new EventEmitter();
  const exits: number[] = [];
  const errors: unknown[] = [];
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message, fields) => void errors.push([message, fields?.['closer']]),
    child: () => log,
  };
  const exit = (code: number): void => {
    exits.push(code);
    resolve(code);
  };
  const shutdown = createShutdown({ signals: ['SIGTERM', 'SIGINT'], graceMs: GRACE_MS, log, exit, source });
  return { shutdown, source, exits, errors, exited };
}

const never = (): Promise<void> => new Promise(() => undefined);

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

describe('shutdown', () => {
  test('a signal aborts at once, runs the closers in order and exits with 0', async () => {
    const { shutdown, source, exited } = aTrial();
    const order: string[] = [];
    shutdown.addCloser('listener', async () => {
      order.push('listener begins');
      await Promise.resolve();
      order.push('listener ends');
    });
    shutdown.addCloser('audit', () => void order.push('audit'));
    expect(shutdown.signal.aborted).toBe(false);
    source.emit('SIGTERM');
    expect(shutdown.signal.aborted).toBe(true);
    expect(await exited).toBe(0);
    expect(order).toEqual(['listener begins', 'listener ends', 'audit']);
  });

  test('a second signal exits at once with 128 and its number', async () => {
    const { shutdown, source, exits } = aTrial();
    shutdown.addCloser('stuck', never);
    source.emit('SIGTERM');
    source.emit('SIGINT');
    expect(exits).toEqual([130]);
  });

  test('a closer that fails is named, and those after it still run', async () => {
    const { shutdown, source, exited, errors } = aTrial();
    let ran = false;
    shutdown.addCloser('broken', () => Promise.reject(new Error('no')));
    shutdown.addCloser('throwing', () => {
      throw new Error('no');
    });
    shutdown.addCloser('audit', () => {
      ran = true;
    });
    source.emit('SIGTERM');
    expect(await exited).toBe(1);
    expect(ran).toBe(true);
    expect(errors).toEqual([
      ['closing failed', 'broken'],
      ['closing failed', 'throwing'],
    ]);
  });

  test('the grace period bounds all closers together', async () => {
    const { shutdown, source, exited, exits, errors } = aTrial();
    let ran = false;
    shutdown.addCloser('stuck', never);
    shutdown.addCloser('late', () => {
      ran = true;
    });
    source.emit('SIGTERM');
    await jest.advanceTimersByTimeAsync(GRACE_MS - 1);
    expect(exits).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(await exited).toBe(1);
    expect(ran).toBe(false);
    expect(errors).toEqual([
      ['closing failed', 'stuck'],
      ['not closed within the grace period', 'late'],
    ]);
  });

  test('a closer is told how much time is left', async () => {
    const { shutdown, exited } = aTrial();
    const left: number[] = [];
    shutdown.addCloser('slow', async () => {
      await jest.advanceTimersByTimeAsync(400);
    });
    shutdown.addCloser('next', (remainingMs) => void left.push(remainingMs));
    await shutdown.begin('test');
    await exited;
    expect(left).toEqual([600]);
  });

  test('beginning twice closes once', async () => {
    const { shutdown, exits } = aTrial();
    let times = 0;
    shutdown.addCloser('once', () => {
      times += 1;
    });
    await Promise.all([shutdown.begin('a'), shutdown.begin('b')]);
    expect([times, exits]).toEqual([1, [0]]);
  });

  test('after the end it listens to no signal', async () => {
    const { shutdown, source } = aTrial();
    await shutdown.begin('done');
    expect(source.eventNames()).toEqual([]);
  });
});
