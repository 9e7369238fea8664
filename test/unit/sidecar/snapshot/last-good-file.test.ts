import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Held } from '../../../../sidecar/snapshot/bundle-admission.ts';
import { createLastGoodFile } from '../../../../sidecar/snapshot/last-good-file.ts';
import { aRevision } from '../../../kit/bundle-changes.ts';
import { temporaryDirectories } from '../../../kit/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const bundle = aRevision(['alice']);
const held: Held = { epoch: 2, bundle, tombstones: new Map([['u', { uid: 'u', kind: 'gone', untilMs: 9, position: '7', witnesses: ['A#1'] }]]) };
const freshness = { evidenceAtMs: 1_000, clockOffsetMs: -5 };

function aFile() {
  const directory = newDirectory();
  const problems: Error[] = [];
  const file = createLastGoodFile(directory, new WeakMap());
  return { directory, problems, file, read: () => file.read((cause) => problems.push(cause)) };
}

test('gives back what was written, without the witnesses, whose streams are over', async () => {
  const { directory, file, read } = aFile();
  await file.write({ held, freshness });
  expect(await read()).toEqual({ held: { ...held, tombstones: new Map([['u', { uid: 'u', kind: 'gone', untilMs: 9, position: '7', witnesses: [] }]]) }, freshness });
  expect(statSync(join(directory, 'bundle.json')).mode & 0o777).toBe(0o600);
});

test('no file is no state and no problem', async () => {
  const { problems, read } = aFile();
  expect([await read(), problems]).toEqual([undefined, []]);
});

test('a newer freshness counts for the bundle it was written for, and for no other', async () => {
  const { file, read } = aFile();
  await file.write({ held, freshness });
  await file.writeFreshness(bundle.revision, { evidenceAtMs: 2_000, clockOffsetMs: 3 });
  expect((await read())?.freshness).toEqual({ evidenceAtMs: 2_000, clockOffsetMs: 3 });
  await file.writeFreshness('f'.repeat(64), { evidenceAtMs: 3_000, clockOffsetMs: 3 });
  expect((await read())?.freshness).toEqual(freshness);
});

test('whatever part of the file is there, half of it is nothing', async () => {
  const { directory, file, read, problems } = aFile();
  await file.write({ held, freshness });
  const whole = readFileSync(join(directory, 'bundle.json'), 'utf8');
  for (const length of [0, 1, Math.floor(whole.length / 2), whole.length - 1]) {
    writeFileSync(join(directory, 'bundle.json'), whole.slice(0, length));
    expect(await read()).toBeUndefined();
  }
  expect(problems).toHaveLength(4);
});

test('a bundle that is not what its revision says is not taken', async () => {
  const { file, read, problems } = aFile();
  await file.write({ held: { ...held, bundle: { ...bundle, forwardedAttributes: ['x'] } }, freshness });
  expect(await read()).toBeUndefined();
  expect(problems.map(({ message }) => message)).toEqual(['bundle.revision: is not that of the bundle']);
});

test('a write that fails rejects and leaves nothing half-written', async () => {
  const { directory, file } = aFile();
  rmSync(directory, { recursive: true });
  await expect(file.write({ held, freshness })).rejects.toThrow('ENOENT');
  expect(() => readdirSync(directory)).toThrow('ENOENT');
});
