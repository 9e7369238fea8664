import { format, inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { Credential } from '../../../../sidecar/authenticate/credential.ts';

const SECRET = 'mgt_secret';
const credential = new Credential('bearer', SECRET);

describe('a credential', () => {
  test('shows its value only to whoever asks for it', () => {
    expect(credential.reveal()).toBe(SECRET);
    expect(credential.method).toBe('bearer');
  });

  test.each<[string, () => string]>([
    ['a template', () => `Bearer ${credential.toString()}`],
    ['JSON', () => JSON.stringify({ credential })],
    ['inspect with everything shown', () => inspect({ credential }, { showHidden: true, depth: 9 })],
    ['a log format', () => format('%s %o %j', credential, credential, credential)],
    ['an error message', () => String(new Error(String(credential), { cause: credential }))],
    ['its own keys', () => JSON.stringify([Object.keys(credential), Object.values(credential), Object.assign({}, credential)])],
  ])('is redacted in %s', (_name, print) => {
    expect(print()).not.toContain('secret');
  });
});
