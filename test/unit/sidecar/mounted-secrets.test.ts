import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { systemClock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/log.ts';
import { createMountedSecrets } from '../../../sidecar/mounted-secrets.ts';
import type { MountedSecrets } from '../../../sidecar/mounted-secrets.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const newDirectory = temporaryDirectories();
const started: MountedSecrets[] = [];
afterEach(async () => void (await Promise.all(started.splice(0).map((secrets) => secrets.stop()))));

interface Opened {
  readonly secrets: MountedSecrets;
  readonly problems: unknown[];
  /** Resolves at the next change. */
  changed(): Promise<void>;
}

async function open(directory: string): Promise<Opened> {
  const problems: unknown[] = [];
  let notify: () => void = () => undefined;
  const log = { error: (_message: string, fields: unknown) => void problems.push(fields) } as unknown as Logger;
  const secrets = createMountedSecrets({ directory, namespace: 'tools', clock: systemClock, log, onChange: () => notify() });
  started.push(secrets);
  await secrets.start();
  return { secrets, problems, changed: () => new Promise((resolve) => (notify = resolve)) };
}

/** As the kubelet does it: files below one link, which is swapped. */
function mount(directory: string, version: string, value: string): void {
  mkdirSync(join(directory, version, 'credentials/github-pat'), { recursive: true });
  writeFileSync(join(directory, version, 'credentials/github-pat/token'), value);
  symlinkSync(version, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
}

test('finds the value of a mounted Secret, in the pod\'s own namespace alone', async () => {
  const directory = newDirectory();
  mount(directory, '..1', 'ghp_one\n');
  symlinkSync('..data/credentials', join(directory, 'credentials'));
  const { secrets } = await open(directory);
  expect(secrets.lookup('tools', 'github-pat', 'token')).toBe('ghp_one');
  expect(secrets.lookup('other', 'github-pat', 'token')).toBeUndefined();
  expect(secrets.lookup('tools', 'github-pat', 'other')).toBeUndefined();
});

test('follows a change of the mount', async () => {
  const directory = newDirectory();
  mount(directory, '..1', 'ghp_one');
  symlinkSync('..data/credentials', join(directory, 'credentials'));
  const { secrets, changed } = await open(directory);
  const change = changed();
  mount(directory, '..2', 'ghp_two');
  await change;
  expect(secrets.lookup('tools', 'github-pat', 'token')).toBe('ghp_two');
});

test('has no value while the Secret is missing, and none once it is gone', async () => {
  const directory = newDirectory();
  const { secrets, changed } = await open(directory);
  expect(secrets.lookup('tools', 'github-pat', 'token')).toBeUndefined();
  const appeared = changed();
  mkdirSync(join(directory, 'credentials/github-pat'), { recursive: true });
  writeFileSync(join(directory, 'credentials/github-pat/token'), 'ghp_one');
  await appeared;
  expect(secrets.lookup('tools', 'github-pat', 'token')).toBe('ghp_one');
  const gone = changed();
  rmSync(join(directory, 'credentials'), { recursive: true });
  await gone;
  expect(secrets.lookup('tools', 'github-pat', 'token')).toBeUndefined();
});

test('says which value cannot be a header, and never what it is', async () => {
  const directory = newDirectory();
  mkdirSync(join(directory, 'credentials/github-pat'), { recursive: true });
  writeFileSync(join(directory, 'credentials/github-pat/token'), 'canary\r\nX-Evil: 1');
  const { secrets, problems } = await open(directory);
  expect(secrets.lookup('tools', 'github-pat', 'token')).toBeUndefined();
  expect(problems).toEqual([{ at: 'secrets/tools/github-pat/token', problem: 'has characters other than printable ASCII' }]);
});
