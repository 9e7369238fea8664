/** Cuts a watch that has gone quiet: a connection can be dead for hours without either end being told. */
import { KubeError } from './kube-error.ts';
import type { Scheduler } from './scheduler.ts';
import type { WatchEvent } from './watch-stream.ts';

export interface SilenceLimits {
  /** Without any sign of life. */
  readonly silenceMs: number;
  /** The same, once the watch has shown that the API server sends bookmarks. */
  readonly silenceAfterBookmarkMs: number;
}

export interface SilenceOptions {
  readonly clock: Scheduler;
  readonly limits: SilenceLimits;
  readonly signal: AbortSignal;
}

/** The events of the watch that `open` opens with the given signal; rejects with `WatchSilent` when nothing comes. */
export async function* untilSilent(open: (signal: AbortSignal) => AsyncIterable<WatchEvent>, { clock, limits, signal }: SilenceOptions): AsyncGenerator<WatchEvent, void, undefined> {
  const controller = new AbortController();
  let silent = false;
  const breakOff = (): void => {
    silent = true;
    controller.abort();
  };
  const end = (): void => controller.abort();
  let limitMs = limits.silenceMs;
  let cancel = clock.after(limitMs, breakOff);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  try {
    for await (const event of open(controller.signal)) {
      if (event.type === 'BOOKMARK') limitMs = limits.silenceAfterBookmarkMs;
      cancel();
      yield event;
      cancel = clock.after(limitMs, breakOff);
    }
  } catch (error) {
    throw silent ? new KubeError('WatchSilent', 'nothing came from a watch for too long', { cause: error }) : error;
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}
