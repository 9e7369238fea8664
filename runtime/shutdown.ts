/**
 * Ends a process in order. The first signal aborts `signal` and runs the closers one after the other, in the order in
 * which they were added, within the grace period; a second one ends the process at once. It exits only through `exit`.
 */
import { constants } from 'node:os';
import type { Logger } from './log.ts';

/** What a closer is told: the time left until the process exits without it. */
export type Closer = (remainingMs: number) => Promise<void> | void;

/** The part of `process` that delivers signals. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface ShutdownOptions {
  readonly signals: readonly NodeJS.Signals[];
  readonly graceMs: number;
  readonly log: Logger;
  readonly exit: (code: number) => void;
  readonly source: SignalSource;
}

export interface Shutdown {
  /** Aborted when the shutdown begins. */
  readonly signal: AbortSignal;
  addCloser(name: string, close: Closer): void;
  /** Begins the shutdown without a signal; a second call returns the first one's promise. */
  begin(reason: string): Promise<void>;
}

interface NamedCloser {
  readonly name: string;
  readonly close: Closer;
}

export function createShutdown({ signals, graceMs, log, exit, source }: ShutdownOptions): Shutdown {
  const controller = new AbortController();
  const closers: NamedCloser[] = [];
  let running: Promise<void> | undefined;

  const begin = (reason: string): Promise<void> => {
    running ??= run(reason);
    return running;
  };

  async function run(reason: string): Promise<void> {
    log.info('shutting down', { reason, graceMs });
    controller.abort(new Error('shutting down'));
    const code = await closeAll(closers, graceMs, log);
    for (const [signal, listener] of listeners) source.off(signal, listener);
    exit(code);
  }

  const listeners = signals.map((signal): readonly [NodeJS.Signals, () => void] => [
    signal,
    () => {
      if (running === undefined) void begin(signal);
      else exit(128 + constants.signals[signal]);
    },
  ]);
  for (const [signal, listener] of listeners) source.on(signal, listener);

  return {
    signal: controller.signal,
    addCloser: (name, close) => void closers.push({ name, close }),
    begin,
  };
}

/** The exit code: 0 when every closer ended well and in time. */
async function closeAll(closers: readonly NamedCloser[], graceMs: number, log: Logger): Promise<number> {
  const deadlineMs = performance.now() + graceMs;
  let code = 0;
  for (const { name, close } of closers) {
    const remainingMs = deadlineMs - performance.now();
    if (remainingMs <= 0) {
      log.error('not closed within the grace period', { closer: name });
      code = 1;
      continue;
    }
    try {
      await withDeadline(close, remainingMs);
    } catch (error) {
      // Safe to go on: the process is ending, and the closers after this one still have something to save.
      log.error('closing failed', { closer: name, error });
      code = 1;
    }
  }
  return code;
}

async function withDeadline(close: Closer, remainingMs: number): Promise<void> {
  const expired = Promise.withResolvers<never>();
  const timer = setTimeout(() => expired.reject(new Error('the grace period is over')), remainingMs);
  try {
    await Promise.race([close(remainingMs), expired.promise]);
  } finally {
    clearTimeout(timer);
  }
}
