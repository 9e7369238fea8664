import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError } from '../../../core/config-error.ts';
import { parseGatewayConfig } from '../../../manifest/gateway-config.ts';
import { openConfigFile } from '../../../operator/config-file.ts';
import { keepLog } from '../../kit/kube-parts.ts';
import type { KeptLog } from '../../kit/kube-parts.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();
let path: string;
let log: KeptLog;

beforeEach(() => {
  path = join(aDirectory(), 'gateway-config.json');
  log = keepLog();
});

const aConfig = (maxLifetime: string, more: object = {}): string =>
  JSON.stringify({ listener: { plainHTTP: true }, tokens: { lifetimePolicies: [{ name: 'all', namespaceSelector: { matchLabels: {} }, minLifetime: '1h', maxLifetime }] }, ...more });
const write = (text: string) => writeFile(path, text);
const open = () => openConfigFile(path, parseGatewayConfig, log);
const limitOf = ({ current }: Awaited<ReturnType<typeof open>>) => current().tokens.lifetimePolicies[0]?.maxLifetime;

describe('at the start', () => {
  test('a good file is in force', async () => {
    await write(aConfig('24h'));
    expect(limitOf(await open())).toBe('24h');
    expect(log.entries).toEqual([]);
  });

  test.each([
    ['no JSON', '{canary'],
    ['empty', ''],
    ['against the schema', aConfig('24h', { canary: true })],
  ])('a file that is %s is refused', async (_what, text) => {
    await write(text);
    await expect(open()).rejects.toThrow(ConfigError);
  });

  test('a file that cannot be read is refused, with its path', async () => {
    await expect(open()).rejects.toMatchObject({ name: 'ConfigError', problems: [`${path}: cannot be read`] });
  });
});

describe('later', () => {
  test('the same file changes nothing', async () => {
    await write(aConfig('24h'));
    const file = await open();
    const before = file.current();
    expect(await file.refresh()).toBe(false);
    expect(file.current()).toBe(before);
    expect(log.entries).toEqual([]);
  });

  test('another good file is in force', async () => {
    await write(aConfig('24h'));
    const file = await open();
    await write(aConfig('48h'));
    expect(await file.refresh()).toBe(true);
    expect(limitOf(file)).toBe('48h');
    expect(await file.refresh()).toBe(false);
    expect(log.entries).toEqual([{ level: 'info', message: 'configuration in force', fields: { path } }]);
  });

  test('a wrong file is reported once with all its problems, and the last good one stays', async () => {
    await write(aConfig('24h'));
    const file = await open();
    await write(aConfig('a day', { canary: 1, listener: {} }));
    expect(await file.refresh()).toBe(false);
    expect(await file.refresh()).toBe(false);
    expect(limitOf(file)).toBe('24h');
    expect(log.entries).toMatchObject([{ level: 'error', message: 'configuration refused, the last good one stays' }]);
    const problems = log.entries[0]?.fields['problems'] as readonly string[];
    expect(problems.length).toBeGreaterThan(1);
    expect(problems.every((problem) => problem.startsWith(`${path}:`))).toBe(true);
  });

  test('another fault is reported too', async () => {
    await write(aConfig('24h'));
    const file = await open();
    await write('{');
    await file.refresh();
    await write(aConfig('1m'));
    await file.refresh();
    expect(log.entries.map(({ level }) => level)).toEqual(['error', 'error']);
    expect(log.entries[1]?.fields['problems']).toEqual([expect.stringContaining('must not exceed maxLifetime')]);
  });

  test('a file that is gone is reported once, and the last good one stays', async () => {
    await write(aConfig('24h'));
    const file = await open();
    await rm(path);
    expect([await file.refresh(), await file.refresh(), limitOf(file)]).toEqual([false, false, '24h']);
    expect(log.entries).toMatchObject([{ level: 'error', fields: { problems: [`${path}: cannot be read`] } }]);
  });

  test('a good file after a wrong one is in force, and the same fault is reported again after that', async () => {
    await write(aConfig('24h'));
    const file = await open();
    await write('{');
    await file.refresh();
    await write(aConfig('48h'));
    expect([await file.refresh(), limitOf(file)]).toEqual([true, '48h']);
    await write('{');
    expect([await file.refresh(), limitOf(file)]).toEqual([false, '48h']);
    expect(log.entries.map(({ level }) => level)).toEqual(['error', 'info', 'error']);
  });

  test('the same fault is reported again when the file in force came back in between', async () => {
    await write(aConfig('24h'));
    const file = await open();
    await write('{');
    await file.refresh();
    await write(aConfig('24h'));
    await file.refresh();
    await write('{');
    await file.refresh();
    expect(log.entries.map(({ level }) => level)).toEqual(['error', 'error']);
  });

  test('an error of another kind is not taken for a wrong file', async () => {
    await write(aConfig('24h'));
    let isBroken = false;
    const parse: typeof parseGatewayConfig = (text, at) => {
      if (isBroken) throw new RangeError('broken');
      return parseGatewayConfig(text, at);
    };
    const file = await openConfigFile(path, parse, log);
    isBroken = true;
    await write(aConfig('48h'));
    await expect(file.refresh()).rejects.toThrow(RangeError);
    expect(limitOf(file)).toBe('24h');
  });
});
