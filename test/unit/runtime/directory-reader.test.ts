import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { DirectoryReader } from '../../../runtime/directory-reader.ts';
import type { DirectoryLayout } from '../../../runtime/directory-walk.ts';
import { createDirectoryReader, SETTLE_MS } from '../../../runtime/directory-reader.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();
const LAYOUT: DirectoryLayout = {
  sizeLimitOf: (path) => (path.endsWith('.txt') ? 16 : undefined),
  isEntered: (path) => !path.startsWith('.') && path.split('/').length < 4,
  followsLinks: (path) => path.startsWith('linked'),
  maxFiles: 4,
};

interface Kit {
  readonly directory: string;
  readonly reader: DirectoryReader;
  at(name: string): string;
  pass(milliseconds: number): void;
  texts(): Promise<Record<string, string>>;
}

function aReader(directory = aDirectory()): Kit {
  let monotonicMs = 0;
  const clock = { nowMs: () => Date.now(), monotonicMs: () => monotonicMs };
  const reader = createDirectoryReader({ directory, layout: LAYOUT, clock });
  return {
    directory,
    reader,
    at: (name) => join(directory, name),
    pass: (milliseconds) => {
      monotonicMs += milliseconds;
    },
    texts: async () => Object.fromEntries((await reader.read()).files.map(({ path, text }) => [path, text])),
  };
}

describe('what is read', () => {
  test('the files of the layout, by relative path, in order', async () => {
    const { at, reader } = aReader();
    mkdirSync(at('sub'));
    mkdirSync(at('.hidden'));
    for (const name of ['b.txt', 'a.txt', 'sub/c.txt', 'other.md', '.hidden/d.txt']) writeFileSync(at(name), name);
    const listing = await reader.read();
    expect(listing.files.map(({ path }) => path)).toEqual(['a.txt', 'b.txt', 'sub/c.txt']);
    expect([...listing.directories.keys()]).toEqual([at(''), at('sub')].map((path) => path.replace(/\/$/, '')));
  });

  test('files behind links, as Kubernetes mounts them, also after all of them were swapped at once', async () => {
    const { at, texts } = aReader();
    for (const version of ['..1', '..2']) {
      mkdirSync(at(version));
      writeFileSync(at(`${version}/a.txt`), version);
    }
    symlinkSync('..1', at('..data'));
    symlinkSync('..data/a.txt', at('a.txt'));
    expect(await texts()).toEqual({ 'a.txt': '..1' });
    symlinkSync('..2', at('..new'));
    renameSync(at('..new'), at('..data'));
    expect(await texts()).toEqual({ 'a.txt': '..2' });
  });

  test('links to directories only where the layout follows them', async () => {
    const { at, texts } = aReader();
    const elsewhere = aDirectory();
    writeFileSync(join(elsewhere, 'a.txt'), 'there');
    symlinkSync(elsewhere, at('linked'));
    symlinkSync(elsewhere, at('unlinked'));
    expect(await texts()).toEqual({ 'linked/a.txt': 'there' });
  });
});

describe('what cannot be read keeps its last text and is named', () => {
  test.each<[string, (path: string) => void, string]>([
    ['one that grew too large', (path) => writeFileSync(path, 'x'.repeat(17)), 'is larger than 16 bytes'],
    ['one that is no longer text', (path) => writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00])), 'is not UTF-8 text'],
    [
      'one that became a pipe',
      (path) => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
      'is not a regular file',
    ],
    [
      'one that became a link to itself',
      (path) => {
        rmSync(path);
        symlinkSync('a.txt', path);
      },
      'cannot be read (ELOOP)',
    ],
  ])('%s', async (_title, spoil, problem) => {
    const { at, reader, texts, pass } = aReader();
    writeFileSync(at('a.txt'), 'good');
    await reader.read();
    spoil(at('a.txt'));
    pass(1000);
    expect((await reader.read()).faults).toEqual([{ path: 'a.txt', problem }]);
    expect(await texts()).toEqual({ 'a.txt': 'good' });
  });

  test('all files of a directory that can no longer be listed', async () => {
    const { at, reader, texts, pass } = aReader();
    const elsewhere = aDirectory();
    writeFileSync(join(elsewhere, 'a.txt'), 'good');
    symlinkSync(elsewhere, at('linked'));
    await reader.read();
    rmSync(at('linked'));
    symlinkSync('linked', at('linked'));
    await reader.read();
    pass(1000);
    expect((await reader.read()).faults).toEqual([{ path: 'linked', problem: 'cannot be listed (ELOOP)' }]);
    expect(await texts()).toEqual({ 'linked/a.txt': 'good' });
  });

  test('a flood of new files pushes out none that is known', async () => {
    const { at, reader } = aReader();
    writeFileSync(at('z.txt'), 'known');
    await reader.read();
    for (let i = 0; i < 6; i += 1) writeFileSync(at(`a${i}.txt`), 'new');
    const listing = await reader.read();
    expect(listing.files.map(({ path }) => path)).toEqual(['a0.txt', 'a1.txt', 'a2.txt', 'z.txt']);
    expect(listing.faults).toEqual([{ path: 'a3.txt', problem: 'is ignored with 2 others: at most 4 files are read' }]);
  });
});

describe('what vanished', () => {
  test('is still there for a moment, then gone', async () => {
    const { at, reader, pass } = aReader();
    writeFileSync(at('a.txt'), 'good');
    await reader.read();
    rmSync(at('a.txt'));
    expect(await reader.read()).toMatchObject({ isUnsettled: true, files: [{ path: 'a.txt' }] });
    pass(SETTLE_MS);
    expect(await reader.read()).toMatchObject({ isUnsettled: false, files: [] });
  });

  test('and came back within the moment was never gone', async () => {
    const { at, reader, pass, texts } = aReader();
    writeFileSync(at('a.txt'), 'good');
    await reader.read();
    renameSync(at('a.txt'), at('a.txt~'));
    await reader.read();
    writeFileSync(at('a.txt'), 'better');
    pass(SETTLE_MS);
    expect(await texts()).toEqual({ 'a.txt': 'better' });
  });

  test('with the whole directory is not deleted: the directory is reported as away', async () => {
    const { directory, at, reader, pass } = aReader();
    writeFileSync(at('a.txt'), 'good');
    await reader.read();
    rmSync(directory, { recursive: true });
    expect(await reader.read()).toMatchObject({ isPresent: true, isUnsettled: true });
    pass(SETTLE_MS);
    expect(await reader.read()).toMatchObject({ isPresent: false, isUnsettled: false, files: [{ path: 'a.txt' }] });
    mkdirSync(directory);
    expect(await reader.read()).toMatchObject({ isPresent: true, isUnsettled: true });
    pass(SETTLE_MS);
    expect(await reader.read()).toMatchObject({ isPresent: true, files: [] });
  });
});

describe('the revision', () => {
  test('stays while nothing changed, and changes with a text', async () => {
    const { at, reader } = aReader();
    writeFileSync(at('a.txt'), 'good');
    const { revision } = await reader.read();
    expect((await reader.read()).revision).toBe(revision);
    writeFileSync(at('a.txt'), 'best');
    expect((await reader.read()).revision).toBe(revision + 1);
  });

  test('changes even if a second write left size and times as they were', async () => {
    const { at, reader, texts } = aReader();
    const now = new Date();
    writeFileSync(at('a.txt'), 'one');
    utimesSync(at('a.txt'), now, now);
    await reader.read();
    truncateSync(at('a.txt'), 0);
    writeFileSync(at('a.txt'), 'two');
    utimesSync(at('a.txt'), now, now);
    expect(await texts()).toEqual({ 'a.txt': 'two' });
  });
});
