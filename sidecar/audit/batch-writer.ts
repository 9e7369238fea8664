/**
 * Collects lines and writes them in batches, one write at a time. Its memory is bounded: the caller asks `hasRoom`
 * before it makes a line. The timer exists only while lines wait.
 */

/** Takes one chunk of whole lines; calls `written` once, with an error where the chunk was not written. */
export type Sink = (chunk: string, written: (error?: Error | null) => void) => void;

export interface BatchWriterOptions {
  readonly sink: Sink;
  readonly flushMs: number;
  readonly maxQueueBytes: number;
  /** Told how many records a batch carried that the sink refused. */
  readonly onLost: (records: number) => void;
  /** Told when all that was queued has been written. */
  readonly onIdle: () => void;
}

export interface BatchWriter {
  hasRoom(bytes: number): boolean;
  /** `records`: how many records would be missing if this line were lost. Lines are ASCII. */
  push(line: string, records: number): void;
  /** Resolves when what is queued now has been written or refused. */
  flush(): Promise<void>;
}

export function createBatchWriter({ sink, flushMs, maxQueueBytes, onLost, onIdle }: BatchWriterOptions): BatchWriter {
  let queued = '';
  let queuedRecords = 0;
  let writingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let waiting: (() => void)[] = [];

  function writeQueued(): void {
    clearTimeout(timer);
    timer = undefined;
    if (writingBytes > 0 || queued === '') return;
    const chunk = queued;
    const records = queuedRecords;
    queued = '';
    queuedRecords = 0;
    writingBytes = chunk.length;
    sink(chunk, (error) => {
      writingBytes = 0;
      finished(error instanceof Error ? records : 0);
    });
  }

  function finished(lostRecords: number): void {
    if (lostRecords > 0) onLost(lostRecords);
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
    push(line, records) {
      queued += line;
      queuedRecords += records;
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
