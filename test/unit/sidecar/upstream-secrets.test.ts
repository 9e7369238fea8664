import { describe, expect, test } from '@jest/globals';
import { readSecrets } from '../../../sidecar/upstream-secrets.ts';

const MOUNTED = 'secrets/tools/github/token';

function aSecret(value: string): { namespace: string; name: string; values: ReadonlyMap<string, string> } {
  return { namespace: 'tools', name: 'github', values: new Map([['token', value]]) };
}

describe('a value', () => {
  test.each<[string, string, string]>([
    ['as it is', 'ghp_abc', 'ghp_abc'],
    ['without its last newline', 'ghp_abc\n', 'ghp_abc'],
    ['without its last newline of two characters', 'ghp_abc\r\n', 'ghp_abc'],
    ['with its spaces', ' ghp abc ', ' ghp abc '],
  ])('is taken %s', (_title, text, value) => {
    expect(readSecrets([{ path: MOUNTED, text }], []).lookup('tools', 'github', 'token')).toBe(value);
    expect(readSecrets([], [aSecret(text)]).lookup('tools', 'github', 'token')).toBe(value);
  });

  test.each<[string, string, string]>([
    ['nothing', '', 'is empty'],
    ['a newline only', '\n', 'is empty'],
    ['two newlines', 'ghp_abc\n\n', 'has characters other than printable ASCII'],
    ['a header of its own', 'ghp_abc\r\nX-Evil: 1', 'has characters other than printable ASCII'],
    ['a NUL', 'ghp\0abc', 'has characters other than printable ASCII'],
    ['a letter beyond ASCII', 'ghp_äbc', 'has characters other than printable ASCII'],
  ])('is missing when it is %s, and the problem does not tell it', (_title, text, problem) => {
    const mounted = readSecrets([{ path: MOUNTED, text }], []);
    expect(mounted.lookup('tools', 'github', 'token')).toBeUndefined();
    expect(mounted.problems).toEqual([{ at: MOUNTED, problem }]);
    const inObject = readSecrets([], [aSecret(text)]);
    expect(inObject.lookup('tools', 'github', 'token')).toBeUndefined();
    expect(inObject.problems).toEqual([{ at: 'Secret/tools/github token', problem }]);
  });
});

test('a mounted file wins over an object, also when it is broken', () => {
  expect(readSecrets([{ path: MOUNTED, text: 'mounted' }], [aSecret('object')]).lookup('tools', 'github', 'token')).toBe('mounted');
  expect(readSecrets([{ path: MOUNTED, text: '' }], [aSecret('object')]).lookup('tools', 'github', 'token')).toBeUndefined();
});

test('a Secret of another namespace or key is another Secret', () => {
  const { lookup } = readSecrets([{ path: MOUNTED, text: 'mounted' }], []);
  expect(lookup('other', 'github', 'token')).toBeUndefined();
  expect(lookup('tools', 'github', 'other')).toBeUndefined();
});
