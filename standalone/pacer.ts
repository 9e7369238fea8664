/** Runs one piece of work again and again: never twice at once, once for many wake-ups, and whatever happened before. */

export interface Pacer {
  /** Runs the work soon; while it runs, once more afterwards. */
  wake(): void;
  /** Resolves when the work that is running, if any, has ended; none begins after the call. */
  stop(): Promise<void>;
}

export interface PacerDeps {
  readonly run: () => Promise<void>;
  /** The work threw; it is run again at the next wake-up all the same. */
  readonly failed: (error: unknown) => void;
  /** Wake-ups within this time of the first count as one. */
  readonly delayMs: number;
}

export function createPacer({ run, failed, delayMs }: PacerDeps): Pacer {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function turn(): Promise<void> {
    try {
      await run();
    } catch (error) {
      failed(error);
    }
    running = undefined;
    if (!again) return;
    again = false;
    wake();
  }

  function wake(): void {
    if (stopped || timer !== undefined) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    timer = setTimeout(() => {
      timer = undefined;
      running = turn();
    }, delayMs);
  }

  return {
    wake,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      timer = undefined;
      await running;
    },
  };
}
