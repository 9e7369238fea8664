/** The command line as a process: help, answers, exit codes, and where a secret shows. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hashCredential, parseCredential } from '../../core/credential.ts';
import { aGeneratedToken, aHashToken, aServer, GATEWAY_CONFIG, runningDirectories, tokenIn } from '../kit/directory-source.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';

const BIN = join(new URL('../..', import.meta.url).pathname, 'bin/mcpgateway');
const aDirectory = temporaryDirectories();
const runDirectory = runningDirectories();

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function mcpgateway(words: readonly string[], input = ''): Promise<Outcome> {
  const child = spawn(BIN, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, out, err };
}

function aConfiguration(): string {
  const directory = aDirectory();
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  const access = [{ name: 'nobody-deletes', effect: 'Deny', principals: [{ everyone: true }], tools: ['get_secret*'] }];
  writeFileSync(join(directory, 'server.yaml'), aServer('github', { access }));
  writeFileSync(join(directory, 'ci.yaml'), `# The robot.\n${aHashToken('ci')}`);
  return directory;
}

const at = (directory: string): readonly string[] => ['--config', directory, '-n', 'tools'];
const CREATE = ['--user', 'alice', '--group', 'staff', '--server', 'github', '--tool', 'get_*'];

describe('help', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['names every command', ['--help'], ['serve', 'token', 'can-i', 'whoami', 'Exit status']],
    ['of token names its verbs', ['token', '--help'], ['create', 'list', 'rotate', 'revoke']],
    ['of token create names its options', ['token', 'create', '--help'], ['--user', '--expires-in', '-o, --output', '"24h"']],
    ['of token list', ['token', 'list', '--help'], ['--config', '-o, --output']],
    ['of token rotate', ['token', 'rotate', '--help'], ['--wait', '-o, --output']],
    ['of token revoke', ['token', 'revoke', '--help'], ['<name...>', '-o, --output']],
    ['of can-i tells its exit status', ['can-i', '--help'], ['2 no', '-o, --output']],
    ['of whoami', ['whoami', '--help'], ['--token-stdin', '-o, --output']],
  ])('%s', async (_title, words, parts) => {
    const { code, out } = await mcpgateway(words);
    expect(code).toBe(0);
    for (const part of parts) expect(out).toContain(part);
  });

  test('the version is that of the package', async () => {
    expect(await mcpgateway(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe('token create', () => {
  test('shows the secret once, on standard output alone, and leaves only its hash behind', async () => {
    const directory = aConfiguration();
    const { code, out, err } = await mcpgateway(['token', 'create', 'alice', ...at(directory), ...CREATE]);
    expect(code).toBe(0);
    const secret = out.trim();
    expect(parseCredential(secret)).toBeDefined();
    expect(err).not.toContain(secret);
    const files = readdirSync(directory);
    expect(files).toContain('token-tools-alice.yaml');
    const texts = files.map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(texts.filter((text) => text.includes(secret.split('_')[2] ?? ''))).toEqual([]);
    expect(texts.filter((text) => text.includes(hashCredential(secret)))).toHaveLength(1);
    const running = await runDirectory(directory);
    expect(running.state().problems).toEqual([]);
    expect(tokenIn(running.state(), 'alice')?.generations[0]?.sha256).toBe(hashCredential(secret));
    for (const words of [['token', 'list'], ['token', 'list', '-o', 'json'], ['token', 'revoke', 'alice']]) {
      const later = await mcpgateway([...words, ...at(directory)]);
      expect(`${later.out}${later.err}`).not.toContain(secret);
    }
  });

  test('answers in JSON', async () => {
    const directory = aConfiguration();
    const { out } = await mcpgateway(['token', 'create', 'alice', ...at(directory), ...CREATE, '-o', 'json']);
    expect(JSON.parse(out)).toMatchObject({ namespace: 'tools', name: 'alice', file: join(directory, 'token-tools-alice.yaml'), token: expect.stringMatching(/^mgt_/) });
  });

  test.each<[string, readonly string[], string]>([
    ['a name that is taken', ['ci', ...CREATE], 'ci.yaml:2 GatewayToken/tools/ci: exists already'],
    ['a name that is none', ['Not_A_Name', ...CREATE], 'metadata.name'],
    ['no pattern at all', ['bob', '--user', 'bob', '--server', 'github'], 'give at least one pattern'],
    ['no server', ['bob', '--user', 'bob', '--tool', '*'], '--server: name at least one server'],
    ['a duration that is none', ['bob', ...CREATE, '--expires-in', 'soon'], '--expires-in: must be a duration'],
    ['a user with a line break', ['bob', ...CREATE, '--user', 'bob\nadmin'], 'spec.identity.user'],
    ['a generated token without a Secret', ['bob', ...CREATE, '--generated'], '--secret: is required with --generated'],
  ])('refuses %s with exit status 64 and writes nothing', async (_title, words, problem) => {
    const directory = aConfiguration();
    const before = readdirSync(directory);
    const { code, out, err } = await mcpgateway(['token', 'create', ...words, ...at(directory)]);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toContain(problem);
    expect(readdirSync(directory)).toEqual(before);
  });
});

describe('token revoke', () => {
  test('keeps comments, is in force at once, and may be repeated', async () => {
    const directory = aConfiguration();
    const running = await runDirectory(directory);
    const first = await mcpgateway(['token', 'revoke', 'ci', ...at(directory)]);
    expect(first).toMatchObject({ code: 0, out: 'tools/ci revoked in ci.yaml\n' });
    await running.until((state) => tokenIn(state, 'ci')?.revoked === true);
    expect(readFileSync(join(directory, 'ci.yaml'), 'utf8')).toBe(`# The robot.\n${aHashToken('ci', { revoked: true })}`);
    expect(await mcpgateway(['token', 'revoke', 'ci', ...at(directory)])).toMatchObject({ code: 0, out: 'tools/ci was revoked already in ci.yaml\n' });
  });

  test('revokes none of several when one is unknown', async () => {
    const directory = aConfiguration();
    const { code, err } = await mcpgateway(['token', 'revoke', 'ci', 'nobody', ...at(directory)]);
    expect(code).toBe(64);
    expect(err).toContain('no valid GatewayToken tools/nobody');
    expect(readFileSync(join(directory, 'ci.yaml'), 'utf8')).toContain('revoked: false');
  });
});

describe('token rotate', () => {
  test('waits until serve has written the new secret, and both generations are alive', async () => {
    const directory = aConfiguration();
    writeFileSync(join(directory, 'bot.yaml'), aGeneratedToken('bot'));
    const running = await runDirectory(directory);
    await running.until((state) => tokenIn(state, 'bot')?.generations.length === 1);
    const secretFile = join(directory, '.mcpgateway/tokens/tools/bot-token');
    await running.until(() => statSync(secretFile, { throwIfNoEntry: false }) !== undefined);
    const before = readFileSync(secretFile, 'utf8');
    const { code, out } = await mcpgateway(['token', 'rotate', 'bot', ...at(directory), '--wait', '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ observed: true, secretFile });
    const after = readFileSync(secretFile, 'utf8');
    expect(after).not.toBe(before);
    const hashes = tokenIn(running.state(), 'bot')?.generations.map(({ sha256 }) => sha256);
    expect(hashes?.toSorted()).toEqual([before, after].map((text) => hashCredential(text.trim())).toSorted());
    const listed = await mcpgateway(['token', 'list', ...at(directory), '-o', 'json']);
    expect(JSON.parse(listed.out)).toContainEqual(expect.objectContaining({ name: 'bot', state: 'Active' }));
    expect(await mcpgateway(['whoami', '--config', directory, '--token-file', secretFile])).toMatchObject({ code: 0, out: expect.stringContaining('tools/bot') });
  });

  test('refuses a token made elsewhere, and gives the two commands to run instead', async () => {
    const directory = aConfiguration();
    const { code, err } = await mcpgateway(['token', 'rotate', 'ci', ...at(directory)]);
    expect(code).toBe(64);
    expect(err).toContain(`mcpgateway token create ci-2 --config ${directory} -n tools --type Bearer --user ci --server github --tool 'get_*' --expires-in 720h`);
    expect(err).toContain(`mcpgateway token revoke ci --config ${directory} -n tools`);
  });

  test('gives up with exit status 1 when nothing serves', async () => {
    const directory = aConfiguration();
    writeFileSync(join(directory, 'bot.yaml'), aGeneratedToken('bot'));
    const { code, err } = await mcpgateway(['token', 'rotate', 'bot', ...at(directory), '--wait', '--timeout', '200ms']);
    expect(code).toBe(1);
    expect(err).toContain('is it running on');
  });
});

describe('can-i', () => {
  test.each<[string, readonly string[], number, string]>([
    ['yes with the permission', ['call', 'tool', 'get_issue'], 0, 'yes: GatewayToken/tools/ci#permissions[0]'],
    ['no by default', ['call', 'tool', 'delete_repo'], 2, 'no: default-deny'],
    ['no with the rule of the server', ['tools/call', 'get_secret_key'], 2, 'no: MCPServer/tools/github#access[nobody-deletes]'],
    ['yes to listing', ['list', 'tools'], 0, 'yes: granted-on-server'],
  ])('answers %s', async (_title, words, code, out) => {
    const directory = aConfiguration();
    const asked = ['can-i', ...words, '--server', 'github', '--token-name', 'ci', ...at(directory)];
    expect(await mcpgateway(asked)).toMatchObject({ code, out: `${out}\n` });
    const json = await mcpgateway([...asked, '-o', 'json']);
    expect(json.code).toBe(code);
    expect(JSON.parse(json.out)).toMatchObject({ allowed: code === 0, considered: expect.anything() });
  });

  test('answers no for a revoked token', async () => {
    const directory = aConfiguration();
    await mcpgateway(['token', 'revoke', 'ci', ...at(directory)]);
    const { code, out } = await mcpgateway(['can-i', 'call', 'tool', 'get_issue', '--server', 'github', '--token-name', 'ci', ...at(directory)]);
    expect({ code, out }).toEqual({ code: 2, out: 'no: token-revoked\n' });
  });

  test('lists what a token may do', async () => {
    const { code, out } = await mcpgateway(['can-i', '--list', '--token-name', 'ci', ...at(aConfiguration())]);
    expect(code).toBe(0);
    expect(out).toMatch(/tools\/github +get_\* +- +- +GatewayToken\/tools\/ci#permissions\[0\] +MCPServer\/tools\/github#access\[nobody-deletes\]/);
  });

  test.each<[string, readonly string[], string]>([
    ['a question it does not know', ['fly', 'tool', 'x', '--server', 'github'], 'ask one of call tool NAME'],
    ['a server it does not know', ['call', 'tool', 'x', '--server', 'nowhere'], 'no valid MCPServer tools/nowhere'],
    ['no server', ['call', 'tool', 'x'], '--server: is required'],
  ])('refuses %s with exit status 64', async (_title, words, problem) => {
    const { code, err } = await mcpgateway(['can-i', ...words, '--token-name', 'ci', ...at(aConfiguration())]);
    expect(code).toBe(64);
    expect(err).toContain(problem);
  });
});

describe('whoami', () => {
  test('tells the principal of a token from standard input and never repeats it', async () => {
    const directory = aConfiguration();
    const { out: secret } = await mcpgateway(['token', 'create', 'alice', ...at(directory), ...CREATE]);
    const { code, out, err } = await mcpgateway(['whoami', '--config', directory, '--token-stdin', '-o', 'json'], secret);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ issuer: 'gateway-tokens/tools', subject: 'alice', identity: { groups: ['staff'] }, state: 'Active', servers: ['tools/github'] });
    expect(`${out}${err}`).not.toContain(secret.trim());
  });

  test.each<[string, string, number, string]>([
    ['what is not a token', 'hello', 1, 'not a token of the gateway'],
    ['a token with a wrong checksum', `mgt_${'a'.repeat(8)}_${'b'.repeat(43)}_cccccc`, 1, 'not a token of the gateway'],
    ['far too much', 'x'.repeat(5000), 1, 'too long to be a token'],
  ])('refuses %s', async (_title, input, code, problem) => {
    const outcome = await mcpgateway(['whoami', '--config', aConfiguration(), '--token-stdin'], input);
    expect(outcome.code).toBe(code);
    expect(outcome.err).toContain(problem);
    expect(outcome.err).not.toContain(input);
  });

  test('takes no token as an argument', async () => {
    expect((await mcpgateway(['whoami', '--config', aConfiguration(), 'mgt_x'])).code).toBe(64);
  });
});

test('a directory that is not there is named, with exit status 64', async () => {
  const missing = join(aDirectory(), 'missing');
  const { code, err } = await mcpgateway(['token', 'list', '--config', missing]);
  expect(code).toBe(64);
  expect(err).toContain(`${missing}: cannot be listed (ENOENT); give the directory that \`serve\` uses`);
});
