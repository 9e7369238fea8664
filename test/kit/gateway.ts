/** Starts the real gateway as a process over a directory of its own, with tokens whose secrets the test knows. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatCredential, hashCredential } from '../../core/credential.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 10_000;

export interface GatewayServer {
  readonly name: string;
  /** Port of the upstream on loopback. */
  readonly port: number;
  readonly path?: string;
  /** Merged over the default spec, member by member. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface GatewayTokenOptions {
  readonly name: string;
  readonly type?: 'Bearer' | 'APIKey';
  readonly identity?: Readonly<Record<string, unknown>>;
  readonly permissions?: readonly unknown[];
  readonly expiresAt?: string;
}

export interface GatewayOptions {
  readonly servers: readonly GatewayServer[];
  readonly tokens?: readonly GatewayTokenOptions[];
  /** Merged over the default gateway-config.json, member by member. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `serve`. */
  readonly args?: readonly string[];
  /** Further files of the directory, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface Gateway {
  readonly dir: string;
  readonly port: number;
  readonly pid: number;
  readonly adminUrl: string;
  /** Secrets by token name. */
  readonly tokens: Readonly<Record<string, string>>;
  url(serverName: string): string;
  path(serverName: string): string;
  /** Everything written to standard error so far, by line. */
  readonly logLines: readonly string[];
  auditLines(): readonly Record<string, unknown>[];
  /** The first audit record, past or future, that `wanted` accepts. */
  audited(wanted: (record: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Writes one object to `<Kind>-<name>.yaml` of the directory. */
  write(object: { kind: string; metadata: { name: string } }): Promise<void>;
  tokenObject(name: string, overrides?: Readonly<Record<string, unknown>>): { kind: string; metadata: { name: string } };
  stop(): Promise<{ code: number | null }>;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const dir = await mkdtemp(join(tmpdir(), 'mcpgateway-test-'));
  await mkdir(dir, { recursive: true });
  const config = {
    listener: { address: '127.0.0.1', port: 0, plainHTTP: true },
    admin: { address: '127.0.0.1', port: 0 },
    ...options.config,
  };
  await writeFile(join(dir, 'gateway-config.json'), JSON.stringify(config));
  const write = async (object: { kind: string; metadata: { name: string } }): Promise<void> => {
    await writeFile(join(dir, `${object.kind.toLowerCase()}-${object.metadata.name}.yaml`), JSON.stringify(object, undefined, 2));
  };
  const secrets: Record<string, string> = {};
  const tokenObjects = new Map<string, TokenObject>();
  for (const token of options.tokens ?? []) {
    const { text, generation } = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) });
    secrets[token.name] = text;
    const object = aTokenObject(token, { type: 'Hash', id: generation, sha256: hashCredential(text) });
    tokenObjects.set(token.name, object);
    await write(object);
  }
  for (const server of options.servers) await write(aServerObject(server));
  for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(join(dir, name), text);
  const child = spawn(join(ROOT, 'bin/mcpgateway'), ['serve', '--config', dir, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const logLines: string[] = [];
  const records: Record<string, unknown>[] = [];
  const waiting = new Set<{ wanted: (record: Record<string, unknown>) => boolean; resolve: (record: Record<string, unknown>) => void }>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const record = JSON.parse(line) as Record<string, unknown>;
    records.push(record);
    for (const waiter of waiting) {
      if (!waiter.wanted(record)) continue;
      waiting.delete(waiter);
      waiter.resolve(record);
    }
  });
  const listening = await untilListening(child, logLines);
  const path = (name: string): string => {
    const server = options.servers.find((each) => each.name === name);
    return `/default/${name}${server?.path ?? '/mcp'}`;
  };
  return {
    dir,
    port: listening.port,
    pid: child.pid ?? 0,
    adminUrl: listening.admin,
    tokens: secrets,
    url: (name) => `http://127.0.0.1:${listening.port}${path(name)}`,
    path,
    logLines,
    auditLines: () => records,
    audited: (wanted) => {
      const known = records.find(wanted);
      return known === undefined ? new Promise((resolve) => waiting.add({ wanted, resolve })) : Promise.resolve(known);
    },
    write,
    tokenObject(name, overrides = {}) {
      const object = tokenObjects.get(name);
      if (object === undefined) throw new Error(`no token ${name}`);
      return { ...object, spec: { ...object.spec, ...overrides } };
    },
    async stop() {
      const code = await stopped(child);
      await rm(dir, { recursive: true, force: true });
      return { code };
    },
  };
}

interface TokenObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

function aTokenObject(token: GatewayTokenOptions, source: Readonly<Record<string, string>>): TokenObject {
  return {
    ...{ apiVersion: 'mcpgateway.dev/v1alpha1' },
    kind: 'GatewayToken',
    metadata: { name: token.name },
    spec: {
      type: token.type ?? 'Bearer',
      lifetime: '24h',
      source,
      identity: token.identity ?? { user: token.name },
      permissions: token.permissions ?? [],
      expiresAt: token.expiresAt ?? new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z'),
    },
  };
}

function aServerObject(server: GatewayServer): { kind: string; metadata: { name: string } } {
  return {
    ...{ apiVersion: 'mcpgateway.dev/v1alpha1' },
    kind: 'MCPServer',
    metadata: { name: server.name },
    ...{
      spec: {
        upstream: { port: server.port, path: server.path ?? '/mcp' },
        authentication: { gatewayTokens: { bearer: true, apiKeyHeader: 'X-API-Key' } },
        ...server.spec,
      },
    },
  };
}

function untilListening(child: ChildProcess, logLines: string[]): Promise<{ port: number; admin: string }> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the gateway did not listen in time:\n${logLines.join('\n')}`));
    }, START_DEADLINE_MS);
    child.once('exit', (code) => {
      clearTimeout(deadline);
      reject(new Error(`the gateway exited with ${code}:\n${logLines.join('\n')}`));
    });
    if (child.stderr === null) throw new Error('standard error is not piped');
    createInterface({ input: child.stderr }).on('line', (line) => {
      logLines.push(line);
      if (!line.includes('"listening"')) return;
      clearTimeout(deadline);
      const { port, admin } = JSON.parse(line) as { port: number; admin: string };
      resolve({ port, admin });
    });
  });
}

function stopped(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    child.once('exit', (code) => {
      clearTimeout(deadline);
      resolve(code);
    });
    child.kill('SIGTERM');
  });
}
