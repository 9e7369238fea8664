import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { hashCredential } from '../../../core/credential.ts';
import { createTokenFiles } from '../../../standalone/token-files.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('writes a file that its owner alone can reach, and knows the hash of what is in it', async () => {
  const directory = aDirectory();
  const files = createTokenFiles(directory);
  await files.write('tools', 'ci-token', 'first');
  await files.write('tools', 'ci-token', 'second');
  const path = files.pathOf('tools', 'ci-token');
  expect(path).toBe(join(directory, 'tokens/tools/ci-token'));
  expect(readFileSync(path, 'utf8')).toBe('second\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory, 'tokens/tools')).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(directory, 'tokens/tools'))).toEqual(['ci-token']);
  expect(await files.hashOf('tools', 'ci-token')).toBe(hashCredential('second'));
  expect(await files.hashOf('tools', 'other')).toBeUndefined();
});

test('removes a file, and does not mind one that is gone', async () => {
  const files = createTokenFiles(aDirectory());
  await files.write('tools', 'ci-token', 'first');
  await files.remove('tools', 'ci-token');
  await files.remove('tools', 'ci-token');
  await files.remove('other', 'ci-token');
  expect(await files.hashOf('tools', 'ci-token')).toBeUndefined();
});

test('sweeps what nobody owns, also a file that was never finished', async () => {
  const directory = aDirectory();
  const files = createTokenFiles(directory);
  await files.sweep(() => false);
  await files.write('tools', 'kept', 'first');
  await files.write('tools', 'orphan', 'second');
  mkdirSync(join(directory, 'tokens/other'));
  writeFileSync(join(directory, 'tokens/tools/.kept.0a0b0c.tmp'), 'thi');
  await files.sweep((namespace, name) => namespace === 'tools' && name === 'kept');
  expect(readdirSync(join(directory, 'tokens/tools'))).toEqual(['kept']);
});

test.each(['..', '../up', 'a/b', '', '.hidden', 'A'])('never makes a path of the name %j', (name) => {
  const files = createTokenFiles('/state');
  expect(() => files.pathOf('tools', name)).toThrow(TypeError);
  expect(() => files.pathOf(name, 'ci-token')).toThrow(TypeError);
});
