import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { openStateDirectory } from '../../../standalone/state-directory.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('makes the directory for its owner alone, and leaves it empty when released', async () => {
  const path = join(aDirectory(), 'state');
  const state = await openStateDirectory(path);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(statSync(join(path, 'lock')).mode & 0o777).toBe(0o600);
  await state.release();
  expect(readdirSync(path)).toEqual([]);
});

describe('refuses to start', () => {
  test.each<[string, (path: string) => string, string]>([
    [
      'from a directory that others can read',
      (path) => {
        chmodSync(path, 0o750);
        return path;
      },
      "other users can reach it; run: chmod go= '",
    ],
    [
      'with a file that others can read',
      (path) => {
        writeFileSync(join(path, 'ledger.json'), '{}');
        chmodSync(join(path, 'ledger.json'), 0o640);
        return path;
      },
      "ledger.json: other users can reach it; run: chmod go= '",
    ],
    [
      'with a token file that is a link',
      (path) => {
        mkdirSync(join(path, 'tokens'), { mode: 0o700 });
        symlinkSync('/dev/null', join(path, 'tokens/ci'));
        return path;
      },
      'tokens/ci: is a symbolic link; replace it by the real file or directory',
    ],
  ])('%s', async (_title, spoil, problem) => {
    const path = spoil(aDirectory());
    await expect(openStateDirectory(path)).rejects.toThrow(problem);
  });

  test('while another process serves from it', async () => {
    const path = aDirectory();
    const state = await openStateDirectory(path);
    await expect(openStateDirectory(path)).rejects.toThrow('another mcpgateway serves from this directory; stop it');
    expect(await state.holdsLock()).toBe(true);
  });
});

test('takes over the lock of a process that was killed', async () => {
  const path = aDirectory();
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  const content = `{"pid":${child.pid},"start":"boot/1","nonce":""}\n`;
  await once(child, 'exit');
  writeFileSync(join(path, 'lock'), content, { mode: 0o600 });
  const state = await openStateDirectory(path);
  expect(await state.holdsLock()).toBe(true);
  expect(readdirSync(path)).toEqual(['lock']);
});

test('takes over the lock of a killed process whose number another process has now', async () => {
  const path = aDirectory();
  writeFileSync(join(path, 'lock'), `{"pid":${process.ppid},"start":"boot/1","nonce":""}\n`, { mode: 0o600 });
  expect(await (await openStateDirectory(path)).holdsLock()).toBe(true);
});

test('of several that start at once exactly one gets it', async () => {
  const path = aDirectory();
  writeFileSync(join(path, 'lock'), 'damaged', { mode: 0o600 });
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => openStateDirectory(path)));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('of several that meet a killed process and one that was killed while it took over, one gets it, each time', async () => {
  const killed = `{"pid":${String(process.ppid)},"start":"boot/1","nonce":""}\n`;
  for (let round = 0; round < 30; round += 1) {
    const path = aDirectory();
    for (const name of ['lock', 'lock.turn']) writeFileSync(join(path, name), killed, { mode: 0o600 });
    await openStateDirectory(path);
    expect(readdirSync(path)).toEqual(['lock']);
    writeFileSync(join(path, 'lock'), killed, { mode: 0o600 });
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => openStateDirectory(path)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  }
});

test('does not remove a lock that is no longer its own', async () => {
  const path = aDirectory();
  const state = await openStateDirectory(path);
  writeFileSync(join(path, 'lock'), 'of another', { mode: 0o600 });
  expect(await state.holdsLock()).toBe(false);
  await state.release();
  expect(readdirSync(path)).toEqual(['lock']);
});
