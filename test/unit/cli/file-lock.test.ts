import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { withFileLock } from '../../../cli/file-lock.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('lets one at a time change a file, so that no change is lost', async () => {
  const file = join(aDirectory(), 'count');
  writeFileSync(file, '0');
  const increment = async (): Promise<void> => {
    const before = Number(readFileSync(file, 'utf8'));
    await sleep(2);
    writeFileSync(file, String(before + 1));
  };
  await Promise.all(Array.from({ length: 8 }, () => withFileLock(file, increment)));
  expect(readFileSync(file, 'utf8')).toBe('8');
});

test('goes with its work, also when that fails, and hands its outcome on', async () => {
  const directory = aDirectory();
  const file = join(directory, 'tokens.yaml');
  expect(await withFileLock(file, () => Promise.resolve('done'))).toBe('done');
  await expect(withFileLock(file, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(readdirSync(directory)).toEqual([]);
});

test('of a killed process is taken over by exactly one of those that wait', async () => {
  const directory = aDirectory();
  const file = join(directory, 'tokens.yaml');
  writeFileSync(join(directory, '.tokens.yaml.lock'), 'killed');
  let inside = 0;
  const work = async (): Promise<number> => {
    inside += 1;
    const together = inside;
    await sleep(10);
    inside -= 1;
    return together;
  };
  expect(await Promise.all([1, 2, 3].map(() => withFileLock(file, work, 60)))).toEqual([1, 1, 1]);
  expect(readdirSync(directory)).toEqual([]);
});

test('that cannot be written says so', async () => {
  await expect(withFileLock(join(aDirectory(), 'missing/tokens.yaml'), () => Promise.resolve())).rejects.toThrow('ENOENT');
});
