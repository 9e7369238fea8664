/**
 * One command at a time changes a file: two that read it, change it and write it back at once would leave the change of
 * one, and a revocation would be lost without a word.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCodeOf } from '../runtime/error-code.ts';

const POLL_MS = 20;
/** Far longer than a command needs for one change: whoever holds the lock for this long was killed. */
const STALE_AFTER_MS = 5_000;

/** Guaranteed: of several processes that ask for the same file, one at a time does its work. Nothing keeps editors out. */
export async function withFileLock<T>(file: string, work: () => Promise<T>, staleAfterMs = STALE_AFTER_MS): Promise<T> {
  // A name that the reader of the directory takes no notice of.
  const path = join(dirname(file), `.${basename(file)}.lock`);
  const mine = randomBytes(8).toString('hex');
  await take(path, mine, staleAfterMs);
  try {
    return await work();
  } finally {
    if ((await holderOf(path)) === mine) await rm(path, { force: true });
  }
}

async function take(path: string, mine: string, staleAfterMs: number): Promise<void> {
  let seen: string | undefined;
  let waitedMs = 0;
  while (!(await tryTake(path, mine))) {
    const holder = await holderOf(path);
    waitedMs = holder === seen ? waitedMs + POLL_MS : 0;
    seen = holder;
    if (waitedMs >= staleAfterMs) await discard(path, holder);
    await sleep(POLL_MS);
  }
}

async function tryTake(path: string, mine: string): Promise<boolean> {
  try {
    await writeFile(path, mine, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Renamed first, so that of several who wait only one takes it away, and never one that was taken meanwhile. */
async function discard(path: string, holder: string | undefined): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  await rename(path, aside).catch(() => undefined);
  if ((await holderOf(aside)) !== holder) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

/** `undefined`: nobody holds it. */
async function holderOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw error;
    return undefined;
  }
}
