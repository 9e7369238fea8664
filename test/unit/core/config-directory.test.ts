import { expect, test } from '@jest/globals';
import {
  followsLinks,
  isConfigDirectory,
  isConfigName,
  MAX_MANIFEST_BYTES,
  MAX_SECRET_BYTES,
  sizeLimitOf,
} from '../../../core/config-directory.ts';

test.each<[string, number | undefined]>([
  ['tokens.yaml', MAX_MANIFEST_BYTES],
  ['tokens.yml', MAX_MANIFEST_BYTES],
  ['team/tokens.yaml', MAX_MANIFEST_BYTES],
  ['gateway-config.json', MAX_MANIFEST_BYTES],
  ['team/gateway-config.json', undefined],
  ['notes.txt', undefined],
  ['tokens.yaml~', undefined],
  ['.tokens.yaml.swp', undefined],
  ['.tokens.yaml', undefined],
  ['#tokens.yaml', undefined],
  ['tokens.yaml.tmp', undefined],
  ['.mcpgateway/ledger.yaml', undefined],
  ['..2026_11_23/tokens.yaml', undefined],
  ['secrets/tools/github/token', MAX_SECRET_BYTES],
  ['secrets/tools/github/token.yaml', MAX_SECRET_BYTES],
  ['secrets/tools/github', undefined],
  ['secrets/tools/github/nested/token', undefined],
  ['secrets/tokens.yaml', undefined],
])('%s may have %s bytes', (path, bytes) => {
  expect(sizeLimitOf(path)).toBe(bytes);
});

test('directories are entered to a fixed depth, hidden ones never', () => {
  expect(isConfigDirectory('a/b')).toBe(true);
  expect(isConfigDirectory('a/b/c/d/e/f/g/h/i')).toBe(false);
  expect(isConfigDirectory('secrets/tools/github')).toBe(true);
  expect(isConfigDirectory('secrets/tools/github/more')).toBe(false);
  expect(isConfigDirectory('.mcpgateway')).toBe(false);
});

test('links to directories are followed in mounts of Secrets only', () => {
  expect(followsLinks('secrets/tools/github')).toBe(true);
  expect(followsLinks('secretsx/tools')).toBe(false);
  expect(followsLinks('team')).toBe(false);
});

test('a name that an editor leaves behind is no news', () => {
  expect(['a.yaml', '4913', 'key'].every(isConfigName)).toBe(true);
  expect(['.a', 'a~', '#a#', 'a.tmp', 'a.swp'].some(isConfigName)).toBe(false);
});
