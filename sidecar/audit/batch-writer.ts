/**
 * Collects lines and writes them in batches, one write at a time. Its memory is bounded: the caller asks `hasRoom`
 * before it makes a line. The timer exists only while lines wait.
 */

/** Takes one chunk of whole lines; calls `written` once, with an error where the chunk was not written. */
export type Sink = (chunk: string, written: (error?: Error | null) => void) => void;

/** What is missing if a line is lost. */
export interface Weight {
  /** Records that are in this line and nowhere else. */
  readonly records: number;
  /** Records that were lost before, and whose number only this line tells. */
  readonly reported: number;
}

export interface BatchWriterOptions {
  readonly sink: Sink;
  readonly flushMs: number;
  readonly maxQueueBytes: number;
  /** Told what a batch carried that the sink refused. */
  readonly onLost: (lost: Weight) => void;
  /** Told when all that was queued has been written. */
  readonly onIdle: () => void;
}

export interface BatchWriter {
  hasRoom(bytes: number): boolean;
  /** Lines are ASCII. */
  push(line: string, weight: Weight): void;
  /** Resolves when what is queued now has been written or refused. */
  flush(): Promise<void>;
}

export function createBatchWriter({ sink, flushMs, maxQueueBytes, onLost, onIdle }: BatchWriterOptions): BatchWriter {
  let queued = '';
  let queuedRecords = 0;
  let queuedReported = 0;
  let writingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let waiting: (() => void)[] = [];

  function writeQueued(): void {
    clearTimeout(timer);
    timer = undefined;
    if (writingBytes > 0 || queued === '') return;
    const chunk = queued;
    const weight = { records: queuedRecords, reported: queuedReported };
    queued = '';
    queuedRecords = 0;
    queuedReported = 0;
    writingBytes = chunk.length;
    sink(chunk, (error) => {
      writingBytes = 0;
      finished(error instanceof Error ? weight : undefined);
    });
  }

  function finished(lost: Weight | undefined): void {
    if (lost !== undefined) onLost(lost);
    else if (queued === '') onIdle();
    if (queued !== '') {
      writeQueued();
      return;
    }
    const resolved = waiting;
    waiting = [];
    for (const resolve of resolved) resolve();
  }

  return {
    hasRoom: (bytes) => queued.length + writingBytes + bytes <= maxQueueBytes,
    push(line, { records, reported }) {
      queued += line;
      queuedRecords += records;
      queuedReported += reported;
      if (timer === undefined && writingBytes === 0) timer = setTimeout(writeQueued, flushMs);
    },
    flush() {
      if (queued === '' && writingBytes === 0) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      writeQueued();
      return promise;
    },
  };
}
