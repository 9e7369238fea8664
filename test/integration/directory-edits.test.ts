/** A directory under random damage: nothing ends the watching, every fault is named, and revocations hold. */
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { aHashToken, aServer, GATEWAY_CONFIG, runningDirectories, tokenIn } from '../kit/directory-source.ts';
import type { RunningDirectory } from '../kit/directory-source.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';

const EDITS = Number(process.env['MCPGATEWAY_DIRECTORY_EDITS'] ?? 1000);
const SEED = Number(process.env['MCPGATEWAY_SEED'] ?? 1);
/** Where no watch tells of a change, the periodic look finds it. */
const REVOCATION_BOUND_MS = 1000 + 500;
const FILES = 12;

const aDirectory = temporaryDirectories();
const runDirectory = runningDirectories();

/** Mulberry32: the same seed gives the same edits. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Edit {
  readonly title: string;
  readonly apply: (path: string, random: (below: number) => number) => void;
  /** The file is at fault whatever it held before. */
  readonly isFault: boolean;
}

const good = (path: string): string => aHashToken(path.replace(/^.*\/|\.yaml$/g, ''));

const EDITS_OF_A_FILE: readonly Edit[] = [
  { title: 'cut off', isFault: false, apply: (path, random) => truncateSync(path, random(readFileSync(path).length + 1)) },
  { title: 'emptied', isFault: true, apply: (path) => writeFileSync(path, '') },
  { title: 'random bytes', isFault: true, apply: (path, random) => writeFileSync(path, Buffer.from(Array.from({ length: 64 }, () => 0x80 + random(0x40)))) },
  { title: 'bytes overwritten in the middle', isFault: false, apply: (path, random) => writeFileSync(path, overwritten(good(path), random)) },
  { title: 'half a document', isFault: true, apply: (path) => writeFileSync(path, 'kind: GatewayToken\nmetadata: {name: ') },
  { title: 'a wrong type', isFault: true, apply: (path) => writeFileSync(path, good(path).replace('type: Bearer', 'type: [7]')) },
  { title: 'an unknown field', isFault: true, apply: (path) => writeFileSync(path, good(path).replace('spec:', 'spec:\n  admin: true')) },
  { title: 'a key twice', isFault: true, apply: (path) => writeFileSync(path, `${good(path)}\nkind: GatewayToken\n`) },
  { title: 'another kind', isFault: true, apply: (path) => writeFileSync(path, 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n') },
  { title: 'too large', isFault: true, apply: (path) => writeFileSync(path, `# ${'x'.repeat(1_100_000)}\n`) },
  { title: 'nested too deeply', isFault: true, apply: (path) => writeFileSync(path, '['.repeat(5000)) },
  { title: 'tabs', isFault: true, apply: (path) => writeFileSync(path, good(path).replaceAll('  ', '\t')) },
  { title: 'a good second document', isFault: false, apply: (path) => writeFileSync(path, `${good(path)}---\n${aServer('other')}\n`) },
  { title: 'a link to itself', isFault: true, apply: (path) => { rmSync(path); symlinkSync(path.replace(/^.*\//, ''), path); } },
  { title: 'replaced by renaming', isFault: false, apply: (path) => { writeFileSync(`${path}.tmp`, good(path)); renameSync(`${path}.tmp`, path); } },
  { title: 'moved aside and written anew', isFault: false, apply: (path) => { renameSync(path, `${path}~`); writeFileSync(path, good(path)); } },
  { title: 'removed', isFault: false, apply: (path) => rmSync(path) },
  { title: 'made a directory', isFault: false, apply: (path) => { rmSync(path); mkdirSync(path); } },
];

function overwritten(text: string, random: (below: number) => number): Uint8Array {
  const bytes = Buffer.from(text);
  for (let i = 0; i < 4; i += 1) bytes[random(bytes.length)] = random(256);
  return bytes;
}

function restore(path: string): void {
  rmSync(path, { recursive: true, force: true });
  writeFileSync(path, good(path));
}

/** No token whose revocation was in force is ever accepted again. */
function watchRevocations(running: RunningDirectory): { readonly revived: readonly string[] } {
  const revoked = new Set<string>();
  const revived: string[] = [];
  running.onState(({ bundles }) => {
    for (const token of bundles.flatMap(({ tokens }) => tokens)) {
      if (token.revoked) revoked.add(token.uid);
      else if (revoked.has(token.uid)) revived.push(token.name);
    }
  });
  return { revived };
}

async function revoke(running: RunningDirectory, name: string): Promise<number> {
  running.write(`${name}.yaml`, aHashToken(name));
  await running.until((state) => tokenIn(state, name) !== undefined);
  const startMs = performance.now();
  running.write(`${name}.yaml`, aHashToken(name, { revoked: true }));
  await running.until((state) => tokenIn(state, name)?.revoked === true, REVOCATION_BOUND_MS);
  return performance.now() - startMs;
}

test(`survives ${EDITS} random malformed edits, names each fault, and lets no revocation wait (seed ${SEED})`, async () => {
  const directory = aDirectory();
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  writeFileSync(join(directory, 'server.yaml'), aServer());
  const running = await runDirectory(directory);
  const { revived } = watchRevocations(running);
  const random = randomFrom(SEED);
  const delaysMs: number[] = [];
  for (let count = 0; count < EDITS; count += 1) {
    const file = `victim-${random(FILES)}.yaml`;
    const path = join(directory, file);
    const edit = EDITS_OF_A_FILE[random(EDITS_OF_A_FILE.length)];
    if (edit === undefined) throw new Error('no edit');
    restore(path);
    edit.apply(path, random);
    if (edit.isFault) {
      await running.until(({ problems }) => problems.some((problem) => problem.startsWith(file))).catch((error: unknown) => {
        throw new Error(`edit ${count}, ${edit.title}, of ${file} was not named: ${String(error)}`);
      });
    }
    if (count % 20 === 0) delaysMs.push(await revoke(running, `revoked-${count / 20}`));
    // Bounded, so that each look stays as quick as in a directory of ordinary size.
    if (count % 400 === 399) for (let i = 0; i <= count / 20; i += 1) rmSync(join(directory, `revoked-${i}.yaml`), { force: true });
  }
  for (let i = 0; i < FILES; i += 1) restore(join(directory, `victim-${i}.yaml`));
  await running.until(({ problems, bundles }) => problems.length === 0 && bundles.some(({ tokens }) => tokens.filter(({ name }) => name.startsWith('victim-')).length === FILES));
  expect(revived).toEqual([]);
  expect(running.logged.filter(({ message }) => message === 'directory not read')).toEqual([]);
  expect(Math.max(...delaysMs)).toBeLessThan(REVOCATION_BOUND_MS);
  expect(delaysMs.toSorted((a, b) => a - b)[Math.floor(delaysMs.length / 2)]).toBeLessThan(100);
}, 60_000 + EDITS * 60);

test('is back in force, with the same tokens, when the directory was away', async () => {
  const parent = aDirectory();
  const directory = join(parent, 'config');
  mkdirSync(directory);
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  writeFileSync(join(directory, 'server.yaml'), aServer());
  writeFileSync(join(directory, 'ci.yaml'), aHashToken('ci'));
  const running = await runDirectory(directory);
  const uid = tokenIn(running.state(), 'ci')?.uid;
  renameSync(directory, `${directory}.aside`);
  await running.until(({ bundles, problems }) => bundles.length === 0 && problems.some((problem) => problem.includes('cannot be listed (ENOENT)')));
  renameSync(`${directory}.aside`, directory);
  await running.until((state) => tokenIn(state, 'ci')?.uid === uid);
  // The watches follow the new directory: no period passes before a change in it is seen.
  expect(await revoke(running, 'ci-2')).toBeLessThan(1000);
});

test('follows a Kubernetes mount, whose files change all at once behind one link', async () => {
  const directory = aDirectory();
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  for (const [version, revoked] of [['..1', false], ['..2', true]] as const) {
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, 'server.yaml'), aServer());
    writeFileSync(join(directory, version, 'ci.yaml'), aHashToken('ci', { revoked }));
  }
  symlinkSync('..1', join(directory, '..data'));
  for (const name of ['server.yaml', 'ci.yaml']) symlinkSync(`..data/${name}`, join(directory, name));
  const running = await runDirectory(directory);
  expect(tokenIn(running.state(), 'ci')?.revoked).toBe(false);
  symlinkSync('..2', join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  await running.until((state) => tokenIn(state, 'ci')?.revoked === true, 500);
});

test('a deleted token is dead, and one made again under its name is another', async () => {
  const directory = aDirectory();
  writeFileSync(join(directory, 'gateway-config.json'), GATEWAY_CONFIG);
  writeFileSync(join(directory, 'server.yaml'), aServer());
  writeFileSync(join(directory, 'ci.yaml'), aHashToken('ci'));
  const running = await runDirectory(directory);
  const uid = tokenIn(running.state(), 'ci')?.uid;
  const startMs = performance.now();
  rmSync(join(directory, 'ci.yaml'));
  await running.until((state) => tokenIn(state, 'ci') === undefined);
  expect(performance.now() - startMs).toBeLessThan(1000);
  running.write('ci.yaml', aHashToken('ci'));
  const again = await running.until((state) => tokenIn(state, 'ci') !== undefined);
  expect(tokenIn(again, 'ci')?.uid).not.toBe(uid);
});
