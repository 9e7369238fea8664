import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../core/config-error.ts';
import { readServeConfig, USAGE } from '../../../standalone/config.ts';

function problemsOf(args: readonly string[], nodeOptions: readonly string[] = []): readonly string[] {
  try {
    readServeConfig(args, nodeOptions);
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.problems;
    throw cause;
  }
  return [];
}

describe('the command line of serve', () => {
  test('makes paths absolute and defaults the rest', () => {
    expect(readServeConfig(['--config', 'a'], [])).toEqual({ kind: 'serve', directory: resolve('a'), stateDirectory: resolve('a/.mcpgateway'), logLevel: 'info' });
  });

  test('takes every option', () => {
    expect(readServeConfig(['--config=/a', '--state=/b', '--log-level', 'debug'], [])).toEqual({ kind: 'serve', directory: '/a', stateDirectory: '/b', logLevel: 'debug' });
  });

  test.each([['--help'], ['-h']])('shows help for %s, whatever else is missing', (option) => {
    expect(readServeConfig([option], [])).toEqual({ kind: 'help' });
  });

  test('explains every option that it takes', () => {
    expect(USAGE.match(/^ {2}--[a-z-]+/gm)).toEqual(['  --config', '  --state', '  --log-level', '  --help']);
  });

  test.each<[string, readonly string[], readonly RegExp[]]>([
    ['nothing', [], [/^--config: is required/]],
    ['an empty directory name, as an unset variable gives', ['--config='], [/^--config: is required/]],
    ['an unknown level', ['--config', 'a', '--log-level', 'loud'], [/^--log-level: must be one of error, warn, info, debug$/]],
    ['several faults', ['--log-level', 'loud'], [/^--config/, /^--log-level/]],
    ['an unknown option', ['--config', 'a', '--verbose'], [/'--verbose'/]],
    ['an argument', ['--config', 'a', 'b'], [/'b'/]],
    ['an option without its value', ['--config'], [/--config/]],
  ])('names what is wrong with %s', (_name, args, expected) => {
    expect(problemsOf(args)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  test.each(['--insecure-http-parser', '--insecure_http_parser', '--insecure-http-parser=true'])('refuses a Node that was started with %s', (option) => {
    expect(problemsOf(['--config', 'a'], ['--enable-source-maps', option])).toEqual([expect.stringMatching(/^--insecure-http-parser: lets smuggled requests through/)]);
  });
});
