import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadConfiguration, requireToken } from '../../../cli/configuration.ts';
import { setTokenField } from '../../../cli/token-file.ts';
import { aHashToken } from '../../kit/directory-source.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();

test('changes the one field, keeps mode and neighbours', async () => {
  const directory = aDirectory();
  const path = join(directory, 'tokens.yaml');
  writeFileSync(path, `# Both robots.\n${aHashToken('one')}---\n${aHashToken('two')}`, { mode: 0o640 });
  const configuration = await loadConfiguration({ config: directory });
  expect(await setTokenField(configuration, requireToken(configuration, 'tools', 'two'), ['spec', 'revoked'], true)).toBe('tokens.yaml');
  expect(readFileSync(path, 'utf8')).toBe(`# Both robots.\n${aHashToken('one')}---\n${aHashToken('two', { revoked: true })}`);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('changes the file behind a link, and the link stays one', async () => {
  const directory = aDirectory();
  mkdirSync(join(directory, '..data'));
  writeFileSync(join(directory, '..data/ci.yaml'), aHashToken('ci'));
  symlinkSync('..data/ci.yaml', join(directory, 'ci.yaml'));
  const configuration = await loadConfiguration({ config: directory });
  await setTokenField(configuration, requireToken(configuration, 'tools', 'ci'), ['spec', 'revoked'], true);
  expect(lstatSync(join(directory, 'ci.yaml')).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(directory, '..data/ci.yaml'), 'utf8')).toContain('revoked: true');
});

test('writes nothing that would not be valid', async () => {
  const directory = aDirectory();
  writeFileSync(join(directory, 'ci.yaml'), aHashToken('ci', { revoked: true }));
  const configuration = await loadConfiguration({ config: directory });
  const change = setTokenField(configuration, requireToken(configuration, 'tools', 'ci'), ['spec', 'revoked'], false);
  await expect(change).rejects.toThrow('ci.yaml: GatewayToken/tools/ci spec.revoked: cannot be set by this command; edit the file');
  expect(readFileSync(join(directory, 'ci.yaml'), 'utf8')).toBe(aHashToken('ci', { revoked: true }));
});

test('keeps what others changed in the file since the directory was read', async () => {
  const directory = aDirectory();
  const path = join(directory, 'tokens.yaml');
  writeFileSync(path, `${aHashToken('one')}---\n${aHashToken('two')}`);
  const configuration = await loadConfiguration({ config: directory });
  const revoke = (name: string): Promise<string> => setTokenField(configuration, requireToken(configuration, 'tools', name), ['spec', 'revoked'], true);
  await Promise.all([revoke('one'), revoke('two')]);
  expect(readFileSync(path, 'utf8')).toBe(`${aHashToken('one', { revoked: true })}---\n${aHashToken('two', { revoked: true })}`);
});
