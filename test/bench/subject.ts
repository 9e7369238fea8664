/** What is measured: how each subject is started, reached and stopped. Servers listen on loopback, on free ports. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { formatCredential, hashCredential } from '../../core/credential.ts';
import { bundleOptions } from '../../tools/build.ts';
import type { CallTarget } from './call.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const START_DEADLINE_MS = 15_000;

export interface Running {
  readonly pid: number;
  readonly target: CallTarget;
  /** Just before exec, on the clock of `performance.now()`. */
  readonly startedAtMs: number;
  /** Lines on standard output since the start; the gateway writes one per decision. */
  outputLines(): number;
  stop(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  readonly does: string;
  /** `undefined`: it is not on this machine. */
  readonly start: (() => Promise<Running>) | undefined;
}

export const BARE = 'bare node:http';
export const GATEWAY = 'gateway';

export async function startUpstream(): Promise<Running> {
  return startServer(process.execPath, [await answeringServer(), 'upstream'], { path: '/mcp' });
}

/** Built, because what strips types at run time stays in memory. */
async function answeringServer(): Promise<string> {
  const outfile = join(ROOT, 'results/bench/answering-server.mjs');
  await build(bundleOptions('test/bench/answering-server.ts', outfile));
  return outfile;
}

export function subjects(upstreamPort: number): readonly Subject[] {
  const bare = (method: 'POST' | 'GET') => async () =>
    startServer(process.execPath, [await answeringServer(), 'bare'], { path: '/mcp', method });
  return [
    { name: BARE, does: 'answers the same request with 900 bytes', start: bare('POST') },
    { name: 'bare node:http, GET', does: 'answers a GET without a body with 900 bytes', start: bare('GET') },
    { name: GATEWAY, does: 'bearer token, strict parsing, per-tool decision, identity headers, audit line, metrics; forwards', start: () => startGateway(upstreamPort) },
    { name: 'nginx', does: 'token by a map, forwards; no body is read', start: nginxVersion() === undefined ? undefined : () => startNginx(upstreamPort) },
  ];
}

export function nginxVersion(): string | undefined {
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  return /nginx\/(\S+)/.exec(stderr ?? '')?.[1];
}

/** The production bundle, over a directory as a user would write it; the token's secret is made here. */
export function startGateway(upstreamPort: number): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'mcpgateway-bench-'));
  const { text, generation } = formatCredential({ generation: randomBytes(8), secret: randomBytes(32) });
  const write = (name: string, content: unknown): void => writeFileSync(join(directory, name), JSON.stringify(content, undefined, 2));
  write('gateway-config.json', { listener: { address: '127.0.0.1', port: 0, plainHTTP: true }, admin: { address: '127.0.0.1', port: 0 } });
  write('server.yaml', {
    apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', metadata: { name: 'reports', namespace: 'bench' },
    spec: { upstream: { port: upstreamPort, path: '/mcp' }, authentication: { gatewayTokens: { bearer: true } } },
  });
  write('token.yaml', {
    apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'GatewayToken', metadata: { name: 'reader', namespace: 'bench' },
    spec: {
      type: 'Bearer', source: { type: 'Hash', id: generation, sha256: hashCredential(text) }, lifetime: '24h', expiresAt: tomorrow(),
      identity: { user: 'reader', email: 'reader@example.com', displayName: 'Reader', team: 'platform', organization: 'example', groups: ['readers', 'staff'], roles: ['viewer'] },
      permissions: [{ serverRefs: [{ name: 'reports' }], tools: ['list_*', 'get_*'] }],
    },
  });
  return startServer(join(ROOT, 'bin/mcpgateway'), ['serve', '--config', directory], {
    path: '/bench/reports/mcp', token: text, env: { MCPGATEWAY_BUNDLE: '1' }, directory,
  });
}

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString();
}

async function startNginx(upstreamPort: number): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'mcpgateway-bench-'));
  mkdirSync(join(directory, 'logs'));
  const token = randomBytes(32).toString('hex');
  const port = await freePort();
  writeFileSync(join(directory, 'nginx.conf'), nginxConfiguration(port, upstreamPort, token));
  // One process, so that its times are all there is; it says nothing when it is ready, so its port is asked.
  return startServer('nginx', ['-p', directory, '-c', 'nginx.conf', '-e', 'logs/error.log'], { path: '/mcp', token, directory, listensOn: port });
}

function nginxConfiguration(port: number, upstreamPort: number, token: string): string {
  return `daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log logs/error.log;
events { worker_connections 256; }
http {
  access_log logs/access.log;
  map_hash_bucket_size 256;
  map $http_authorization $principal { default ""; "Bearer ${token}" "reader"; }
  upstream mcp { server 127.0.0.1:${String(upstreamPort)}; keepalive 64; keepalive_requests 10000000; }
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_requests 10000000;
  server {
    listen 127.0.0.1:${String(port)};
    location = /mcp {
      if ($principal = "") { return 401; }
      proxy_pass http://mcp; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Authorization ""; proxy_set_header X-Forwarded-User $principal;
    }
  }
}
`;
}

interface Start {
  readonly path: string;
  readonly method?: 'POST' | 'GET';
  readonly token?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Removed with the subject. */
  readonly directory?: string;
  /** For a server that does not say which port it took. */
  readonly listensOn?: number;
}

async function startServer(command: string, args: readonly string[], start: Start): Promise<Running> {
  const startedAtMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...start.env } });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
  });
  const said: string[] = [];
  const listening = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${String(code)}:\n${said.join('\n')}`)));
    setTimeout(() => reject(new Error(`${command} did not listen in time:\n${said.join('\n')}`)), START_DEADLINE_MS).unref();
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      const port = portIn(line);
      if (port !== undefined) resolve(port);
    });
    if (start.listensOn !== undefined) resolve(start.listensOn);
  });
  const port = await listening.catch((cause: unknown) => {
    kill();
    throw cause;
  });
  return {
    pid: child.pid ?? 0,
    target: { port, path: start.path, ...(start.method === undefined ? {} : { method: start.method }), ...(start.token === undefined ? {} : { token: start.token }) },
    startedAtMs,
    outputLines: () => lines,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
      if (start.directory !== undefined) rmSync(start.directory, { recursive: true, force: true });
    },
  };
}

function portIn(line: string): number | undefined {
  if (!line.includes('"listening"')) return undefined;
  const parsed = JSON.parse(line) as { readonly port?: number };
  return parsed.port;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
