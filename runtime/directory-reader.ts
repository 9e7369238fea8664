/**
 * Reads the text files of a directory tree again and again, opening only those that may have changed. A file that
 * cannot be read keeps its last text; one that vanished for a moment, as when an editor replaces it, is not yet gone.
 */
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import type { DirectoryLayout, FileFault, Walk } from './directory-walk.ts';
import { walkDirectory } from './directory-walk.ts';
import { errorCodeOf } from './error-code.ts';

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface DirectoryListing {
  /** False while the directory itself is away; its files are then the last known ones. */
  readonly isPresent: boolean;
  readonly files: readonly TextFile[];
  readonly faults: readonly FileFault[];
  /** Directories to watch, with what tells one from a later one of the same name. */
  readonly directories: ReadonlyMap<string, string>;
  /** Something vanished just now: read again after `SETTLE_MS` to learn whether for good. */
  readonly isUnsettled: boolean;
  /** Differs when anything above but `directories` does. */
  readonly revision: number;
}

export interface DirectoryReader {
  /** Not to be called again before the former call ended. */
  read(): Promise<DirectoryListing>;
}

/** For how long a vanished file counts as being replaced. */
export const SETTLE_MS = 8;
/** Within this time of a change a second one may leave size and times as they are (the clock of a file system ticks coarsely). */
const COARSE_CLOCK_MS = 1000;
/** Bounds the file descriptors in use. */
const OPEN_AT_ONCE = 64;

interface KnownFile {
  readonly text: string | undefined;
  readonly signature: string;
  readonly isSuspect: boolean;
  readonly fault?: string;
  readonly missingSinceMs?: number;
}

export function createDirectoryReader(deps: {
  readonly directory: string;
  readonly layout: DirectoryLayout;
  readonly clock: Clock;
}): DirectoryReader {
  const { directory, layout, clock } = deps;
  let known: ReadonlyMap<string, KnownFile> = new Map();
  let last: DirectoryListing | undefined;
  let awaySinceMs: number | undefined;

  async function read(): Promise<DirectoryListing> {
    const found = await walkDirectory(directory, layout);
    awaySinceMs = found.isPresent ? undefined : (awaySinceMs ?? clock.monotonicMs());
    const isAway = awaySinceMs !== undefined && clock.monotonicMs() - awaySinceMs >= SETTLE_MS;
    const overflow = limitFiles(found.paths, known, layout.maxFiles);
    known = await readAll(found);
    const isUnsettled = found.isPresent !== !isAway || [...known.values()].some(({ missingSinceMs }) => missingSinceMs !== undefined);
    const content = { isPresent: !isAway, files: textsOf(known), faults: [...found.faults, ...overflow, ...faultsOf(known)] };
    const revision = last !== undefined && sameContent(last, content) ? last.revision : (last?.revision ?? 0) + 1;
    last = { ...content, directories: found.directories, isUnsettled, revision };
    return last;
  }

  async function readAll(found: Walk): Promise<ReadonlyMap<string, KnownFile>> {
    const next = new Map<string, KnownFile>();
    for (let start = 0; start < found.paths.length; start += OPEN_AT_ONCE) {
      const batch = found.paths.slice(start, start + OPEN_AT_ONCE);
      const read = await Promise.all(batch.map(async (path) => [path, await readKnown(path)] as const));
      for (const [path, file] of read) if (file !== undefined) next.set(path, file);
    }
    for (const [path, file] of known) if (!next.has(path)) keepMissing(next, path, file, found);
    return next;
  }

  async function readKnown(path: string): Promise<KnownFile | undefined> {
    const before = known.get(path);
    try {
      return await readChanged(join(directory, path), layout.sizeLimitOf(path) ?? 0, before, clock.nowMs());
    } catch (error) {
      const code = errorCodeOf(error);
      if (code === 'ENOENT') return undefined;
      return { text: before?.text, signature: '', isSuspect: true, fault: `cannot be read (${code ?? String(error)})` };
    }
  }

  function keepMissing(next: Map<string, KnownFile>, path: string, file: KnownFile, found: Walk): void {
    const missingSinceMs = file.missingSinceMs ?? clock.monotonicMs();
    const isHidden = !found.isPresent || found.unreadable.some((parent) => parent === '' || path.startsWith(`${parent}/`));
    if (isHidden) next.set(path, file);
    else if (clock.monotonicMs() - missingSinceMs < SETTLE_MS) next.set(path, { ...file, signature: '', missingSinceMs });
  }

  return { read };
}

/** Known files first: a flood of new ones must not push out one that holds a revocation. */
function limitFiles(paths: string[], known: ReadonlyMap<string, KnownFile>, maxFiles: number): readonly FileFault[] {
  if (paths.length <= maxFiles) return [];
  paths.sort((a, b) => Number(known.has(b)) - Number(known.has(a)) || (a < b ? -1 : 1));
  const ignored = paths.splice(maxFiles);
  return [{ path: ignored[0] ?? '', problem: `is ignored with ${ignored.length - 1} others: at most ${maxFiles} files are read` }];
}

async function readChanged(path: string, limitBytes: number, before: KnownFile | undefined, nowMs: number): Promise<KnownFile> {
  const status = await stat(path, { bigint: true });
  const signature = `${status.dev}:${status.ino}:${status.size}:${status.mtimeNs}:${status.ctimeNs}`;
  if (before !== undefined && before.signature === signature && !before.isSuspect) return before;
  const isSuspect = Math.abs(nowMs - Number(status.ctimeMs)) < COARSE_CLOCK_MS;
  const kept = { text: before?.text, signature, isSuspect };
  if (!status.isFile()) return { ...kept, fault: 'is not a regular file' };
  const bytes = await readBounded(path, limitBytes);
  if (bytes === undefined) return { ...kept, fault: `is larger than ${limitBytes} bytes` };
  const text = decode(bytes);
  return text === undefined ? { ...kept, fault: 'is not UTF-8 text' } : { text, signature, isSuspect };
}

async function readBounded(path: string, limitBytes: number): Promise<Uint8Array | undefined> {
  // Without O_NONBLOCK the opening of a pipe would wait for a writer, for ever.
  const handle: FileHandle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(Math.min(limitBytes, (await handle.stat()).size) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    // It grew while it was being read, so there is a later look at it; or it is too large.
    return length > limitBytes ? undefined : buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function textsOf(files: ReadonlyMap<string, KnownFile>): readonly TextFile[] {
  return [...files].flatMap(([path, { text }]) => (text === undefined ? [] : [{ path, text }])).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function faultsOf(files: ReadonlyMap<string, KnownFile>): readonly FileFault[] {
  return [...files].flatMap(([path, { fault }]) => (fault === undefined ? [] : [{ path, problem: fault }]));
}

type Content = Pick<DirectoryListing, 'isPresent' | 'files' | 'faults'>;

function sameContent(a: Content, b: Content): boolean {
  return a.isPresent === b.isPresent && sameFiles(a.files, b.files) && sameFaults(a.faults, b.faults);
}

function sameFiles(a: readonly TextFile[], b: readonly TextFile[]): boolean {
  return a.length === b.length && a.every((file, i) => file.path === b[i]?.path && file.text === b[i].text);
}

function sameFaults(a: readonly FileFault[], b: readonly FileFault[]): boolean {
  return a.length === b.length && a.every((fault, i) => fault.path === b[i]?.path && fault.problem === b[i].problem);
}
