import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROTATE_REQUESTED_AT } from '../../../api/annotations.ts';
import { hashCredential } from '../../../core/credential.ts';
import { aGeneratedToken, aHashToken, aServer, GATEWAY_CONFIG, runningDirectories, tokenIn } from '../../kit/directory-source.ts';
import { temporaryDirectories } from '../../kit/temporary-directory.ts';

const aDirectory = temporaryDirectories();
const runDirectory = runningDirectories();

function aConfiguration(files: Readonly<Record<string, string>> = {}): string {
  const directory = aDirectory();
  for (const [name, text] of Object.entries({ 'gateway-config.json': GATEWAY_CONFIG, 'server.yaml': aServer(), ...files })) {
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

test('refuses to start without a good gateway-config.json, and leaves the directory unlocked', async () => {
  const directory = aConfiguration({ 'gateway-config.json': '{' });
  await expect(runDirectory(directory)).rejects.toThrow('gateway-config.json:1: is not JSON');
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  await runDirectory(directory);
});

test('serves what is valid and names what is not', async () => {
  const running = await runDirectory(aConfiguration({ 'good.yaml': aHashToken('good'), 'bad.yaml': 'kind: [' }));
  expect(tokenIn(running.state(), 'good')).toBeDefined();
  expect(running.state().problems).toEqual([expect.stringMatching(/^bad\.yaml:1/)]);
  expect(running.logged).toContainEqual({ message: 'configuration problem', fields: { problem: expect.stringContaining('bad.yaml') } });
});

test('mints, rotates on request once, and keeps both generations alive', async () => {
  const directory = aConfiguration({ 'bot.yaml': aGeneratedToken('bot') });
  const running = await runDirectory(directory);
  await running.until((state) => tokenIn(state, 'bot')?.generations.length === 1);
  running.write('bot.yaml', aGeneratedToken('bot', {}, { [ROTATE_REQUESTED_AT]: '2026-11-23T10:00:00Z' }));
  await running.until((state) => tokenIn(state, 'bot')?.generations.length === 2);
  const ledger = join(running.stateDirectory, 'ledger.json');
  await running.until(() => readFileSync(ledger, 'utf8').includes('"Previous"'));
  const secret = readFileSync(join(running.stateDirectory, 'tokens/tools/bot-token'), 'utf8').trim();
  expect(tokenIn(running.state(), 'bot')?.generations.map(({ sha256 }) => sha256)).toContain(hashCredential(secret));
  expect(readFileSync(ledger, 'utf8')).not.toContain(secret);
});

test('F13: of two tokens with one hash neither is accepted', async () => {
  const twin = aHashToken('ci').replace('name: ci', 'name: twin');
  const { state } = await runDirectory(aConfiguration({ 'ci.yaml': aHashToken('ci'), 'twin.yaml': twin }));
  expect(tokenIn(state(), 'ci')).toBeUndefined();
  expect(tokenIn(state(), 'twin')).toBeUndefined();
  expect(state().problems.join('\n')).toContain('is also that of another GatewayToken');
});

test('names the token whose Secret name is taken, and mints nothing for it', async () => {
  const taking = aGeneratedToken('z-late', { secretRef: { name: 'bot-token' } });
  const running = await runDirectory(aConfiguration({ 'bot.yaml': aGeneratedToken('bot'), 'late.yaml': taking }));
  await running.until((state) => tokenIn(state, 'bot')?.generations.length === 1);
  expect(tokenIn(running.state(), 'z-late')?.generations).toEqual([]);
  expect(running.state().problems).toEqual([expect.stringContaining('GatewayToken/tools/z-late spec.secretRef.name: SecretNameTaken')]);
});

test('a revocation outlives a restart, also when the file takes it back meanwhile', async () => {
  const directory = aConfiguration({ 'ci.yaml': aHashToken('ci', { revoked: true }) });
  await (await runDirectory(directory)).stop();
  writeFileSync(join(directory, 'ci.yaml'), aHashToken('ci'));
  // The first run had to bring the revocation to disk before it ended.
  expect(readFileSync(join(directory, '.mcpgateway/ledger.json'), 'utf8')).toContain('"revoked": true');
  const { state } = await runDirectory(directory);
  expect(tokenIn(state(), 'ci')?.revoked).toBe(true);
  expect(state().problems.join()).toContain('a revoked token stays revoked');
});

test('a file that is broken at the start keeps what the ledger knows of its tokens', async () => {
  const directory = aConfiguration({ 'bot.yaml': aGeneratedToken('bot') });
  const first = await runDirectory(directory);
  const sha256 = (await first.until((state) => tokenIn(state, 'bot')?.generations.length === 1)).bundles[0]?.tokens[0]?.generations[0]?.sha256;
  await first.stop();
  writeFileSync(join(directory, 'bot.yaml'), 'kind: [');
  const running = await runDirectory(directory);
  expect(tokenIn(running.state(), 'bot')).toBeUndefined();
  running.write('bot.yaml', aGeneratedToken('bot'));
  const again = await running.until((state) => tokenIn(state, 'bot') !== undefined);
  expect(tokenIn(again, 'bot')?.generations.map((each) => each.sha256)).toEqual([sha256]);
});

test('F7: a token that was deleted while nothing ran stays deleted, whatever else is wrong with the directory', async () => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n';
  const directory = aConfiguration({ 'bot.yaml': aGeneratedToken('bot'), 'pod.yaml': pod });
  const first = await runDirectory(directory);
  const former = tokenIn(await first.until((state) => tokenIn(state, 'bot')?.generations.length === 1), 'bot');
  await first.stop();
  rmSync(join(directory, 'bot.yaml'));
  const running = await runDirectory(directory);
  running.write('again.yaml', aGeneratedToken('bot'));
  const again = await running.until((state) => tokenIn(state, 'bot')?.generations.length === 1);
  expect(tokenIn(again, 'bot')?.uid).not.toBe(former?.uid);
  expect(tokenIn(again, 'bot')?.generations[0]?.sha256).not.toBe(former?.generations[0]?.sha256);
});

test('says which token file was removed by hand', async () => {
  const running = await runDirectory(aConfiguration({ 'bot.yaml': aGeneratedToken('bot') }));
  const path = join(running.stateDirectory, 'tokens/tools/bot-token');
  await running.until(() => existsSync(path) && running.logged.some(({ message }) => message === 'token minted'));
  rmSync(path);
  const { problems } = await running.until((state) => state.problems.length > 0);
  expect(problems).toEqual([`${path}: was removed; to get a new secret, rotate the token`]);
});

test('F15: a policy that is made shorter cuts generations that exist', async () => {
  const running = await runDirectory(aConfiguration({ 'bot.yaml': aGeneratedToken('bot') }));
  await running.until((state) => tokenIn(state, 'bot')?.generations.length === 1);
  const policy = { name: 'short', namespaceSelector: { matchLabels: {} }, maxLifetime: '1h' };
  running.write('gateway-config.json', JSON.stringify({ ...JSON.parse(GATEWAY_CONFIG), tokens: { lifetimePolicies: [policy] } }));
  await running.until((state) => (tokenIn(state, 'bot')?.generations[0]?.expiresAtMs ?? Infinity) <= Date.now() + 3_600_000);
});

test('reads a mounted credential again when it changes, and refuses to serve without', async () => {
  const credentials = [{ header: 'Authorization', prefix: 'Bearer ', secretRef: { name: 'pat', key: 'token' } }];
  const directory = aConfiguration({ 'server.yaml': aServer('github', { upstream: { port: 3000, path: '/mcp', credentials } }) });
  const running = await runDirectory(directory);
  const value = (): string | undefined => running.state().secrets('tools', 'pat', 'token');
  expect(value()).toBeUndefined();
  expect(running.state().problems.join()).toContain('the key token of Secret tools/pat is missing or unusable');
  mkdirSync(join(directory, 'secrets/tools/pat'), { recursive: true });
  for (const secret of ['one', 'two']) {
    running.write('secrets/tools/pat/token', `${secret}\n`);
    await running.until(() => value() === secret);
  }
});

test('a second process on the same directory is refused', async () => {
  const directory = aConfiguration();
  await runDirectory(directory);
  await expect(runDirectory(directory)).rejects.toThrow('another mcpgateway serves from this directory');
});

test('a state directory that others can read stops the start', async () => {
  const directory = aConfiguration();
  mkdirSync(join(directory, '.mcpgateway'));
  chmodSync(join(directory, '.mcpgateway'), 0o755);
  await expect(runDirectory(directory)).rejects.toThrow('other users can reach it');
});
