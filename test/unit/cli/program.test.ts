import { describe, expect, test } from '@jest/globals';
import { runCommandLine } from '../../../cli/program.ts';

async function run(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    readStdin: async () => 'not a token',
    nowMs: () => 0,
    randomBytes: (length: number) => new Uint8Array(length),
    sleep: async () => {},
  };
  const code = await runCommandLine(words, io, '1.2.3');
  return { code, out, err };
}

describe('the exit status is', () => {
  test.each<[number, string, readonly string[]]>([
    [0, 'of the version', ['--version']],
    [0, 'of help', ['token', 'create', '--help']],
    [64, 'of an unknown command', ['fly']],
    [64, 'of an unknown option', ['token', 'list', '--fast']],
    [64, 'of a missing option', ['token', 'list']],
    [64, 'of a wrong output format', ['token', 'list', '--config', '.', '-o', 'xml']],
    [64, 'of a directory that is not there', ['token', 'list', '--config', '/nonexistent']],
    [1, 'of a command that failed', ['whoami', '--config', '.', '--token-stdin']],
  ])('%i %s', async (code, _title, words) => {
    expect((await run(...words)).code).toBe(code);
  });
});

test('errors name the field on standard error and leave standard output empty', async () => {
  const { out, err } = await run('whoami', '--config', '.');
  expect(out).toBe('');
  expect(err).toBe('mcpgateway: --token-file, --token-stdin: give one of the two\n');
});

test('help names serve, which runs elsewhere', async () => {
  expect((await run('--help')).out).toContain('serve');
  expect((await run('--version')).out).toBe('1.2.3\n');
});
