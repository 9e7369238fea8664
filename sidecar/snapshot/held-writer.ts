/** Writes what is held to its file, one write at a time, always the newest. */

export interface HeldWriter {
  /** Resolves when a write that began after this call is done: `true` if the file no longer holds anything older. */
  changed(): Promise<boolean>;
  /** Resolves when everything that changed is written; `false` if the last write failed. */
  settled(): Promise<boolean>;
}

export function createHeldWriter(write: () => Promise<void>, failed: (cause: unknown) => void): HeldWriter {
  let running: Promise<boolean> = Promise.resolve(true);
  let waiting: Promise<boolean> | undefined;

  async function attempt(before: Promise<boolean>): Promise<boolean> {
    await before;
    waiting = undefined;
    try {
      await write();
      return true;
    } catch (cause) {
      failed(cause);
      return false;
    }
  }

  return {
    changed() {
      if (waiting === undefined) {
        waiting = attempt(running);
        running = waiting;
      }
      return waiting;
    },
    settled: () => running,
  };
}
