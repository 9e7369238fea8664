import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { writeFileAtomic } from '../../../runtime/atomic-file.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('replaces a file whole, with the mode asked for and nothing left beside it', async () => {
  const directory = aDirectory();
  const path = join(directory, 'file');
  writeFileSync(path, 'a longer text than the next', { mode: 0o644 });
  await writeFileAtomic(path, 'next', { mode: 0o600, replace: true });
  expect(readFileSync(path, 'utf8')).toBe('next');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(['file']);
});

test('keeps a file that must not be replaced, and leaves nothing beside it', async () => {
  const directory = aDirectory();
  const path = join(directory, 'file');
  writeFileSync(path, 'old');
  await expect(writeFileAtomic(path, 'new', { mode: 0o600, replace: false })).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(directory)).toEqual(['file']);
});

test('leaves nothing behind when the file cannot be put in place', async () => {
  const directory = aDirectory();
  mkdirSync(join(directory, 'file', 'inside'), { recursive: true });
  await expect(writeFileAtomic(join(directory, 'file'), 'new', { mode: 0o600, replace: true })).rejects.toThrow();
  expect(readdirSync(directory)).toEqual(['file']);
});
