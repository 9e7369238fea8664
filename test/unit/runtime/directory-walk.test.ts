import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { walkDirectory } from '../../../runtime/directory-walk.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();
const LAYOUT = {
  sizeLimitOf: (path: string): number | undefined => (path.endsWith('.txt') ? 16 : undefined),
  isEntered: (path: string): boolean => path.split('/').length < 3,
  followsLinks: (path: string): boolean => path.startsWith('linked'),
  maxFiles: 10,
};

test('finds the files of the layout, sorted, and the directories they may come to be in', async () => {
  const directory = aDirectory();
  mkdirSync(join(directory, 'b/c/d'), { recursive: true });
  for (const name of ['z.txt', 'b/a.txt', 'b/c/a.txt', 'b/c/d/too-deep.txt', 'a.md']) writeFileSync(join(directory, name), '');
  const { paths, directories, faults, isPresent } = await walkDirectory(directory, LAYOUT);
  expect({ paths, faults, isPresent }).toEqual({ paths: ['b/a.txt', 'b/c/a.txt', 'z.txt'], faults: [], isPresent: true });
  expect([...directories.keys()].sort()).toEqual([directory, join(directory, 'b'), join(directory, 'b/c')]);
});

test('tells a directory from another that took its name', async () => {
  const directory = aDirectory();
  const path = join(directory, 'b');
  mkdirSync(path);
  const before = (await walkDirectory(directory, LAYOUT)).directories.get(path);
  mkdirSync(`${path}2`);
  rmSync(path, { recursive: true });
  mkdirSync(path);
  expect((await walkDirectory(directory, LAYOUT)).directories.get(path)).not.toBe(before);
});

test('names what cannot be listed, and says when the directory itself is away', async () => {
  const directory = aDirectory();
  symlinkSync('linked', join(directory, 'linked'));
  expect(await walkDirectory(directory, LAYOUT)).toMatchObject({ isPresent: true, unreadable: ['linked'], faults: [{ path: 'linked', problem: 'cannot be listed (ELOOP)' }] });
  const missing = join(directory, 'missing');
  expect(await walkDirectory(missing, LAYOUT)).toMatchObject({ isPresent: false, faults: [{ path: missing, problem: 'cannot be listed (ENOENT)' }] });
});
