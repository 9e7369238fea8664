/**
 * The directory that `serve` alone writes: the ledger and the token files. It must belong to the user who runs the
 * process and to nobody else, and one process at a time may hold it.
 */
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../core/config-error.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { errorCodeOf } from '../runtime/error-code.ts';

export interface StateDirectory {
  readonly path: string;
  /** False once another process took the lock, which happens only if somebody removed it by hand. */
  holdsLock(): Promise<boolean>;
  release(): Promise<void>;
}

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const LOOSE_BITS = 0o077;
const LOCK = 'lock';

/** Resolves with the directory locked and owner-only; otherwise a ConfigError says what to do. */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  if ((await mkdir(path, { recursive: true, mode: DIRECTORY_MODE })) !== undefined) await chmod(path, DIRECTORY_MODE);
  const problems = await ownershipProblems(path);
  if (problems.length > 0) throw new ConfigError(problems);
  const content = `${JSON.stringify({ pid: process.pid, start: await processStart(process.pid), nonce: randomBytes(8).toString('hex') })}\n`;
  const lockPath = join(path, LOCK);
  await takeLock(lockPath, content);
  const holdsLock = async (): Promise<boolean> => (await readIfPresent(lockPath)) === content;
  return {
    path,
    holdsLock,
    async release() {
      if (await holdsLock()) await rm(lockPath, { force: true });
    },
  };
}

async function ownershipProblems(directory: string): Promise<readonly string[]> {
  const problems = await ownershipOf(directory);
  if (problems.length > 0) return problems;
  const entries = await readdir(directory, { recursive: true });
  return (await Promise.all(entries.map((entry) => ownershipOf(join(directory, entry))))).flat();
}

async function ownershipOf(path: string): Promise<readonly string[]> {
  const status = await lstat(path).catch(ignoreMissing);
  // Another process that holds the lock may be renaming files under us.
  if (status === undefined) return [];
  const problems: string[] = [];
  const uid = process.getuid?.();
  if (status.isSymbolicLink()) problems.push(`${path}: is a symbolic link; replace it by the real file or directory`);
  else if ((status.mode & LOOSE_BITS) !== 0) problems.push(`${path}: other users can reach it; run: chmod go= '${path}'`);
  if (uid !== undefined && status.uid !== uid) {
    problems.push(`${path}: belongs to another user; run as that user, or: chown ${uid} '${path}'`);
  }
  return problems;
}

async function takeLock(path: string, content: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await writeFileAtomic(path, content, { mode: FILE_MODE, replace: false });
      return;
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST') throw error;
    }
    await discardStaleLock(path, content);
  }
  throw new ConfigError([`${path}: other processes compete for it; start one only`]);
}

/**
 * A lock outlives a killed process. One newcomer at a time may take it away, and looks again before: what was stale a
 * moment ago may be the lock of another newcomer by now.
 */
async function discardStaleLock(path: string, own: string): Promise<void> {
  if (!(await isStale(path))) return;
  const turn = `${path}.turn`;
  try {
    await writeFileAtomic(turn, own, { mode: FILE_MODE, replace: false });
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error;
    const other = await readIfPresent(turn);
    // Killed in its turn.
    if (other !== undefined && !(await isHeld(other))) await rm(turn, { force: true });
    return;
  }
  try {
    if (await isStale(path)) await rm(path, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
}

/** Throws a ConfigError for the lock of a process that runs. */
async function isStale(path: string): Promise<boolean> {
  const found = await readIfPresent(path);
  if (found === undefined) return false;
  if (!(await isHeld(found))) return true;
  throw new ConfigError([`${path}: another mcpgateway serves from this directory; stop it, or use another --state directory`]);
}

async function isHeld(content: string): Promise<boolean> {
  const fields = /^\{"pid":(\d+),"start":"([^"]*)"/.exec(content);
  const pid = Number(fields?.[1]);
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  return (await processStart(pid)) === fields?.[2];
}

/** Tells a process from a later one with the same number. Empty: there is no such process. */
async function processStart(pid: number): Promise<string> {
  const status = await readIfPresent(`/proc/${pid}/stat`);
  if (status !== undefined) {
    const boot = (await readIfPresent('/proc/sys/kernel/random/boot_id')) ?? '';
    // The command in parentheses may hold spaces; the state and the start time are fields 1 and 20 after it.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : `${boot.trim()}/${fields[19] ?? ''}`;
  }
  return signalReaches(pid) ? 'running' : '';
}

/** For systems without /proc. */
function signalReaches(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return ignoreMissing(error);
  }
}

function ignoreMissing(error: unknown): undefined {
  const code = errorCodeOf(error);
  if (code !== 'ENOENT' && code !== 'EEXIST' && code !== 'ESRCH') throw error;
  return undefined;
}
