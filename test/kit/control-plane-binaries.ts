/**
 * Where the programs of the control plane are: in KUBEBUILDER_ASSETS, or built once from test/control-plane/go.mod into
 * a cache outside the tree. No program is downloaded; Go verifies each source module against go.sum.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createOrphanGuard, type GuardedProcess } from './orphan-guard.ts';

const MODULE = join(import.meta.dirname, '../control-plane');
const PROGRAMS = { etcd: 'etcd', apiserver: 'kube-apiserver', controllerManager: 'kube-controller-manager', kubectl: 'kubectl' } as const;
const NEEDED_GO = { major: 1, minor: 26 } as const;
const PROGRESS_MS = 5_000;
const LOCK_PAUSE_MS = 250;
/** SQLITE_BUSY: another process holds the lock. */
const BUSY = 5;

/** Absolute paths. */
export interface ControlPlaneBinaries {
  readonly etcd: string;
  readonly apiserver: string;
  readonly controllerManager: string;
  readonly kubectl: string;
}

/** Builds what is not there yet: minutes the first time, milliseconds afterwards. */
export async function controlPlaneBinaries(): Promise<ControlPlaneBinaries> {
  return binariesIn(await controlPlaneDirectory());
}

/** The directory that holds all four programs. */
export async function controlPlaneDirectory(): Promise<string> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') {
    const missing = await missingIn(assets);
    if (missing.length > 0) throw new Error(`KUBEBUILDER_ASSETS is ${assets}, and there is no executable ${missing.join(', no ')} in it`);
    return assets;
  }
  const version = await kubernetesVersion();
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'mcpgateway/control-plane');
  const directory = join(cache, `${version}-${await moduleHash()}`);
  if ((await missingIn(directory)).length === 0) return directory;
  await requireGo();
  await mkdir(cache, { recursive: true });
  await withLock(join(cache, 'build.lock'), async () => {
    // Somebody else may have built it meanwhile.
    if ((await missingIn(directory)).length > 0) await build({ cache, directory, version });
  });
  return directory;
}

function binariesIn(directory: string): ControlPlaneBinaries {
  const path = (name: keyof typeof PROGRAMS): string => join(directory, PROGRAMS[name]);
  return { etcd: path('etcd'), apiserver: path('apiserver'), controllerManager: path('controllerManager'), kubectl: path('kubectl') };
}

async function missingIn(directory: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const name of Object.values(PROGRAMS)) {
    await access(join(directory, name), constants.X_OK).catch(() => missing.push(name));
  }
  return missing;
}

async function kubernetesVersion(): Promise<string> {
  const version = /^\tk8s\.io\/kubernetes (v\d+\.\d+\.\d+)/m.exec(await readFile(join(MODULE, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new Error('test/control-plane/go.mod names no version of k8s.io/kubernetes');
  return version;
}

async function moduleHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum']) hash.update(await readFile(join(MODULE, name)));
  return hash.digest('hex').slice(0, 12);
}

async function requireGo(): Promise<void> {
  const wanted = `${String(NEEDED_GO.major)}.${String(NEEDED_GO.minor)}`;
  const advice = `Install Go ${wanted} or newer, or set KUBEBUILDER_ASSETS to a directory with ${Object.values(PROGRAMS).join(', ')}.`;
  const answer = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd: MODULE, env: goEnvironment() }).catch(() => undefined);
  if (answer === undefined) throw new Error(`The control plane of the tests is built with Go, and there is no go command. ${advice}`);
  const [, major, minor] = (/go(\d+)\.(\d+)/.exec(answer.stdout) ?? []).map(Number);
  if (major !== NEEDED_GO.major || minor === undefined || minor < NEEDED_GO.minor) {
    throw new Error(`The control plane of the tests is built with Go ${wanted}, and this is ${answer.stdout.trim()}. ${advice}`);
  }
}

function goEnvironment(): NodeJS.ProcessEnv {
  // An older Go would download another by itself; a workspace or flags around us would change what is built.
  return { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '' };
}

/** The lock is one of the kernel, held through SQLite: when its holder dies, however it dies, it is free. */
async function withLock(path: string, work: () => Promise<void>): Promise<void> {
  const lock = new DatabaseSync(path);
  try {
    for (let waitedMs = 0; !tryLock(lock); waitedMs += LOCK_PAUSE_MS) {
      if (waitedMs % PROGRESS_MS === 0) say(`another process is building, waited ${String(waitedMs / 1_000)} s`);
      await pause(LOCK_PAUSE_MS);
    }
    await work();
  } finally {
    lock.close();
  }
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return false;
    throw error;
  }
}

interface Build {
  readonly cache: string;
  readonly directory: string;
  readonly version: string;
}

/** Built beside its place and renamed at the end: what is in place is whole. Asks for the lock to be held. */
async function build({ cache, directory, version }: Build): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name.endsWith('.building')) await rm(join(cache, name), { recursive: true, force: true });
  }
  const building = `${directory}.${String(process.pid)}.building`;
  await mkdir(building);
  const guard = createOrphanGuard(building);
  try {
    const logFile = join(building, 'build.log');
    const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-v', '-ldflags', linkerFlags(version), '-o', `${building}/`, 'tool'];
    await finished(await guard.start({ command: 'go', args, env: goEnvironment(), cwd: MODULE, logFile }), logFile);
    // Go names a program after the last element of its path that is no version.
    await rename(join(building, 'server'), join(building, PROGRAMS.etcd));
    const missing = await missingIn(building);
    if (missing.length > 0) throw new Error(`go build made no ${missing.join(', no ')}`);
    await rm(directory, { recursive: true, force: true });
    await rename(building, directory);
  } finally {
    await guard.release();
  }
}

/** Without a version the server says v0.0.0, and whoever asks for native sidecars or a minimum version is misled. */
function linkerFlags(version: string): string {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  return ['-s -w', ...Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)].join(' ');
}

async function finished(go: GuardedProcess, logFile: string): Promise<void> {
  const startMs = performance.now();
  say('building etcd, kube-apiserver, kube-controller-manager and kubectl; some minutes, once');
  const progress = setInterval(() => void tell(), PROGRESS_MS);
  const tell = async (): Promise<void> => {
    const packages = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').filter((line) => /^[\w.-]+(\/[\w.~-]+)*$/.test(line));
    say(`${String(Math.round((performance.now() - startMs) / 1_000))} s, ${String(packages.length)} packages compiled`);
  };
  const { code, signal } = await go.exited.finally(() => clearInterval(progress));
  if (code !== 0) throw new Error(`go build ended with ${String(code ?? signal)}:\n${await go.tail()}`);
}

function say(text: string): void {
  process.stderr.write(`control plane: ${text}\n`);
}
