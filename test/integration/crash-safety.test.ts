/**
 * `kill -9` at random moments: every secret that anybody may have read is on record, no file is half written, and the
 * next start goes on. The moments are spread over the whole life of a command by its own measured duration.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parseLedger } from '../../api/ledger.ts';
import { hashCredential } from '../../core/credential.ts';
import { createManifestLoader, EMPTY_STATE, objectsOfKind } from '../../manifest/load.ts';
import { aGeneratedToken, aHashToken, aServer, GATEWAY_CONFIG } from '../kit/directory-source.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const CLI = [join(ROOT, 'cli/main.ts')];
const MINTING = [join(ROOT, 'test/kit/crash-driver.ts')];
const TRIALS = 16;
const CREDENTIAL = /mgt_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}/g;

const aDirectory = temporaryDirectories();
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** From the first sign of life of the command itself to its end. */
  readonly ended: Promise<number>;
}

function start(words: readonly string[]): Run {
  const startMs = performance.now();
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.resume();
  const ended = once(child, 'close').then(() => {
    running.delete(child);
    return performance.now() - startMs;
  });
  return { child, output: () => output, ended };
}

/** Kills the run at one of the moments between the start of its own work and its end. */
async function killed(words: readonly string[], usualMs: number, trial: number): Promise<Run> {
  const run = start(words);
  // The first half of a command is the loading of its code.
  const timer = setTimeout(() => run.child.kill('SIGKILL'), usualMs * (0.5 + (0.6 * trial) / TRIALS));
  await run.ended;
  clearTimeout(timer);
  return run;
}

function aConfiguration(): string {
  const directory = aDirectory();
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  writeFileSync(join(directory, 'server.yaml'), aServer());
  return directory;
}

interface Recorded {
  readonly hashes: ReadonlySet<string>;
  readonly revoked: readonly string[];
}

/** Every file parses; the hashes that YAML and ledger hold. */
function requireSound(directory: string): Recorded {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    .map((path) => ({ path, text: readFileSync(join(directory, path), 'utf8') }));
  const manifest = createManifestLoader().load(files, EMPTY_STATE);
  expect(manifest.problems).toEqual([]);
  const tokens = objectsOfKind(manifest, 'GatewayToken');
  const ledgerPath = join(directory, '.mcpgateway/ledger.json');
  const ledger = existsSync(ledgerPath) ? parseLedger(readFileSync(ledgerPath, 'utf8')).tokens : [];
  const hashes = [...tokens.map(({ spec }) => spec.source.sha256 ?? ''), ...ledger.flatMap(({ generations }) => generations.map(({ sha256 }) => sha256))];
  return { hashes: new Set(hashes), revoked: tokens.filter(({ spec }) => spec.revoked).map(({ metadata }) => metadata.name) };
}

function secretsInTokenFiles(directory: string): readonly string[] {
  const root = join(directory, '.mcpgateway/tokens');
  const entries = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .flatMap((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8').match(CREDENTIAL) ?? ['half a file']);
}

describe('kill -9', () => {
  test(`of token create, ${TRIALS} times, shows no secret without a record`, async () => {
    const directory = aConfiguration();
    const create = (name: string): readonly string[] => [
      ...CLI,
      ...['token', 'create', name, '--config', directory, '-n', 'tools', '--user', name, '--server', 'github', '--tool', 'get_*'],
    ];
    const usualMs = await start(create('first')).ended;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const run = await killed(create(`t${trial}`), usualMs, trial);
      const { hashes } = requireSound(directory);
      for (const secret of run.output().match(CREDENTIAL) ?? []) expect(hashes).toContain(hashCredential(secret));
    }
  });

  test(`of token revoke, ${TRIALS} times, leaves the token as it was or revoked`, async () => {
    const directory = aConfiguration();
    const revoke = (name: string): readonly string[] => [...CLI, 'token', 'revoke', name, '--config', directory, '-n', 'tools'];
    for (let trial = -1; trial < TRIALS; trial += 1) writeFileSync(join(directory, `t${trial}.yaml`), aHashToken(`t${trial}`).replace('t-1', 'first'));
    const usualMs = await start(revoke('first')).ended;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const run = await killed(revoke(`t${trial}`), usualMs, trial);
      const { revoked } = requireSound(directory);
      if (run.output().includes('revoked')) expect(revoked).toContain(`t${trial}`);
    }
  });

  test(`of token rotate, ${TRIALS} times, leaves the request there or not`, async () => {
    const directory = aConfiguration();
    writeFileSync(join(directory, 'bot.yaml'), aGeneratedToken('bot'));
    const rotate = [...CLI, 'token', 'rotate', 'bot', '--config', directory, '-n', 'tools'];
    const usualMs = await start(rotate).ended;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      await killed(rotate, usualMs, trial);
      requireSound(directory);
    }
  });

  test(`of the process that mints, ${TRIALS} times, leaves no secret in a file without a record, and the next start goes on`, async () => {
    const directory = aConfiguration();
    for (let i = 0; i < 4; i += 1) {
      writeFileSync(join(directory, `bot-${i}.yaml`), aGeneratedToken(`bot-${i}`, { lifetime: '1h', rotation: { every: '30ms', overlap: '1m' } }));
    }
    const usualMs = 700;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      await killed([...MINTING, directory], usualMs, trial);
      const { hashes } = requireSound(directory);
      for (const secret of secretsInTokenFiles(directory)) expect(hashes).toContain(hashCredential(secret));
    }
    const last = start([...MINTING, directory, '--until-minted']);
    await last.ended;
    expect(last.child.exitCode).toBe(0);
    const { hashes } = requireSound(directory);
    const secrets = secretsInTokenFiles(directory);
    expect(secrets).toHaveLength(4);
    for (const secret of secrets) expect(hashes).toContain(hashCredential(secret));
    expect(readdirSync(join(directory, '.mcpgateway/tokens/tools')).toSorted()).toEqual(['bot-0-token', 'bot-1-token', 'bot-2-token', 'bot-3-token']);
  });
});
