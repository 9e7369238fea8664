/** Clocks of one process that a test sets: given to it as a preload and an environment, changed while it runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface WrongClock {
  /** For the options of a process that is to be started. */
  readonly options: { readonly preloads: readonly string[]; readonly env: Readonly<Record<string, string>> };
  /** For the process with this id, and for those started later. */
  set(pid: number, off: ClockOffsets): Promise<void>;
  remove(): Promise<void>;
}

export interface ClockOffsets {
  readonly wallMs: number;
  /** As if so much time had passed. */
  readonly passedMs: number;
}

export async function createWrongClock(wallMs: number): Promise<WrongClock> {
  const directory = await mkdtemp(join(tmpdir(), 'mcpgateway-clock-'));
  const file = join(directory, 'clock.json');
  const write = (off: ClockOffsets): Promise<void> => writeFile(file, JSON.stringify(off));
  await write({ wallMs, passedMs: 0 });
  return {
    options: { preloads: [join(import.meta.dirname, 'clock-preload.ts')], env: { TEST_CLOCK_FILE: file } },
    async set(pid, off) {
      await write(off);
      process.kill(pid, 'SIGUSR2');
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
