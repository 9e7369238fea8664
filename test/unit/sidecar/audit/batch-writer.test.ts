import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createBatchWriter } from '../../../../sidecar/audit/batch-writer.ts';
import type { BatchWriter, Sink, Weight } from '../../../../sidecar/audit/batch-writer.ts';

const ONE: Weight = { records: 1, reported: 0 };

interface Trial {
  readonly writer: BatchWriter;
  readonly chunks: string[];
  /** Ends the oldest write that is under way. */
  finish(error?: Error): void;
  readonly lost: Weight[];
  idle: number;
}

function aTrial(maxQueueBytes = 100): Trial {
  const unfinished: Parameters<Sink>[1][] = [];
  const trial: Trial = {
    writer: createBatchWriter({
      sink: (chunk, written) => {
        trial.chunks.push(chunk);
        unfinished.push(written);
      },
      flushMs: 10,
      maxQueueBytes,
      onLost: (weight) => void trial.lost.push(weight),
      onIdle: () => {
        trial.idle += 1;
      },
    }),
    chunks: [],
    finish: (error) => unfinished.shift()?.(error),
    lost: [],
    idle: 0,
  };
  return trial;
}

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick'] }));
afterEach(() => void jest.useRealTimers());

describe('the batch writer', () => {
  test('writes what came within 10 ms as one chunk', () => {
    const { writer, chunks } = aTrial();
    writer.push('a\n', ONE);
    jest.advanceTimersByTime(9);
    writer.push('b\n', ONE);
    expect(chunks).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(chunks).toEqual(['a\nb\n']);
  });

  test('has a timer only while lines wait', () => {
    const { writer, finish } = aTrial();
    expect(jest.getTimerCount()).toBe(0);
    writer.push('a\n', ONE);
    writer.push('b\n', ONE);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(10);
    expect(jest.getTimerCount()).toBe(0);
    finish();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('writes one chunk at a time and the next as soon as that is written', () => {
    const { writer, chunks, finish } = aTrial();
    writer.push('a\n', ONE);
    jest.advanceTimersByTime(10);
    writer.push('b\n', ONE);
    jest.advanceTimersByTime(1_000);
    void writer.flush();
    expect(chunks).toEqual(['a\n']);
    finish();
    expect(chunks).toEqual(['a\n', 'b\n']);
  });

  test('counts what waits and what is being written against its bound', () => {
    const { writer, finish } = aTrial(10);
    writer.push('12345\n', ONE);
    expect([writer.hasRoom(4), writer.hasRoom(5)]).toEqual([true, false]);
    jest.advanceTimersByTime(10);
    expect([writer.hasRoom(4), writer.hasRoom(5)]).toEqual([true, false]);
    finish();
    expect(writer.hasRoom(10)).toBe(true);
  });

  test('says what a refused chunk carried, and goes on', () => {
    const LOST = { records: 1, reported: 3 };
    const trial = aTrial();
    trial.writer.push('a\n', ONE);
    trial.writer.push('b\n', { records: 0, reported: 3 });
    jest.advanceTimersByTime(10);
    trial.writer.push('c\n', ONE);
    trial.finish(new Error('EPIPE'));
    expect([trial.lost, trial.idle, trial.chunks]).toEqual([[LOST], 0, ['a\nb\n', 'c\n']]);
    trial.finish();
    expect([trial.lost, trial.idle]).toEqual([[LOST], 1]);
  });

  test('flush resolves when the last line is written, not before', async () => {
    const { writer, chunks, finish } = aTrial();
    await writer.flush();
    let flushed = false;
    writer.push('a\n', ONE);
    const done = (async () => {
      await writer.flush();
      flushed = true;
    })();
    expect(chunks).toEqual(['a\n']);
    writer.push('b\n', ONE);
    finish();
    await new Promise(process.nextTick);
    expect(flushed).toBe(false);
    finish();
    await done;
    expect(chunks).toEqual(['a\n', 'b\n']);
  });

  test('flush resolves when the chunk is refused', async () => {
    const { writer, finish, lost } = aTrial();
    writer.push('a\n', ONE);
    const done = writer.flush();
    finish(new Error('disk full'));
    await done;
    expect(lost).toEqual([ONE]);
  });
});
