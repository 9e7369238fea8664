/**
 * Files that are whole or absent, whatever kills the process. The temporary name starts with a dot and ends in `.tmp`,
 * so that a watcher of the same directory does not take it for a finished file.
 */
import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface AtomicFileOptions {
  readonly mode: number;
  /** `false`: an existing file is kept and the call fails with EEXIST. */
  readonly replace: boolean;
}

/** When it resolves, the file has its whole content on disk under its final name. When it rejects, nothing changed. */
export async function writeFileAtomic(path: string, content: string, options: AtomicFileOptions): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeNew(temporary, content, options.mode);
    if (options.replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(directory);
}

/** Makes renames and removals in the directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  await withHandle(await open(directory, 'r'), (handle) => handle.sync());
}

async function writeNew(path: string, content: string, mode: number): Promise<void> {
  await withHandle(await open(path, 'wx', mode), async (handle) => {
    // The umask may have narrowed the mode asked for.
    await handle.chmod(mode);
    await handle.writeFile(content);
    await handle.sync();
  });
}

async function withHandle(handle: FileHandle, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}
