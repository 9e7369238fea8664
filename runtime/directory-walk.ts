/** Finds the files of a directory tree that a layout asks for. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCodeOf } from './error-code.ts';

export interface DirectoryLayout {
  /** Largest size of the file at this relative path; `undefined`: it is not read. */
  sizeLimitOf(path: string): number | undefined;
  isEntered(path: string): boolean;
  followsLinks(path: string): boolean;
  readonly maxFiles: number;
}

export interface FileFault {
  readonly path: string;
  readonly problem: string;
}

export interface Walk {
  /** Whether the directory itself is there. */
  isPresent: boolean;
  /** Relative, sorted. */
  readonly paths: string[];
  readonly faults: FileFault[];
  /** Absolute, with what tells a directory from a later one of the same name. */
  readonly directories: Map<string, string>;
  /** Relative paths of directories whose entries could not be listed. */
  readonly unreadable: string[];
}

/** Never rejects: what cannot be listed is a fault of the walk. */
export async function walkDirectory(directory: string, layout: DirectoryLayout): Promise<Walk> {
  const found: Walk = { isPresent: true, paths: [], faults: [], directories: new Map(), unreadable: [] };
  const pending = [''];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const entry of await list(directory, path, found)) {
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      if (layout.sizeLimitOf(child) !== undefined && !entry.isDirectory()) found.paths.push(child);
      else if (isEntered(entry, child, layout)) pending.push(child);
    }
  }
  found.paths.sort();
  return found;
}

function isEntered(entry: Dirent, path: string, layout: DirectoryLayout): boolean {
  const mayBeDirectory = entry.isDirectory() || (entry.isSymbolicLink() && layout.followsLinks(path));
  return mayBeDirectory && layout.isEntered(path);
}

async function list(root: string, path: string, found: Walk): Promise<readonly Dirent[]> {
  const absolute = join(root, path);
  try {
    const { dev, ino, birthtimeMs } = await stat(absolute);
    const entries = await readdir(absolute, { withFileTypes: true });
    // With the time of birth, because inode numbers are used again.
    found.directories.set(absolute, `${dev}:${ino}:${birthtimeMs}`);
    return entries;
  } catch (error) {
    noteUnlisted(path, absolute, errorCodeOf(error) ?? String(error), found);
    return [];
  }
}

function noteUnlisted(path: string, absolute: string, code: string, found: Walk): void {
  const isGone = code === 'ENOENT' || code === 'ENOTDIR';
  if (path === '') found.isPresent = !isGone;
  // A directory that went away between two steps took its files with it.
  else if (isGone) return;
  found.faults.push({ path: path === '' ? absolute : path, problem: `cannot be listed (${code})` });
  found.unreadable.push(path);
}
