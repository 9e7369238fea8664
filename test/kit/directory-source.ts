/** A running directory source over a directory of its own, and manifests to put there. */
import { hash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { createGatewayConfigParser } from '../../manifest/gateway-config.ts';
import { createManifestLoader } from '../../manifest/load.ts';
import type { Clock } from '../../runtime/clock.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { LogFields, Logger } from '../../runtime/log.ts';
import { createDirectorySource } from '../../standalone/directory-source.ts';
import type { DirectoryState } from '../../standalone/directory-state.ts';

export const GATEWAY_CONFIG = JSON.stringify({ listener: { address: '127.0.0.1', port: 0, plainHTTP: true } });

export interface RunningDirectory {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly logged: readonly { readonly message: string; readonly fields: LogFields }[];
  /** The state in force. */
  state(): DirectoryState;
  /** The first state, now or later, that `wanted` accepts; rejects with the problems of the last one when it takes too long. */
  until(wanted: (state: DirectoryState) => boolean, deadlineMs?: number): Promise<DirectoryState>;
  onState(listener: (state: DirectoryState) => void): void;
  write(name: string, content: string | Uint8Array): void;
  stop(): Promise<void>;
}

export type RunDirectory = (directory: string, clock?: Clock) => Promise<RunningDirectory>;

/** What a test starts is stopped after it, also when it fails. */
export function runningDirectories(): RunDirectory {
  const running: RunningDirectory[] = [];
  afterEach(async () => {
    for (const each of running.splice(0)) await each.stop();
  });
  return async (directory, clock = systemClock) => {
    const started = await runDirectory(directory, clock);
    running.push(started);
    return started;
  };
}

async function runDirectory(directory: string, clock: Clock): Promise<RunningDirectory> {
  let current: DirectoryState | undefined;
  const listeners = new Set<(state: DirectoryState) => void>();
  const logged: { message: string; fields: LogFields }[] = [];
  const stateDirectory = join(directory, '.mcpgateway');
  const source = createDirectorySource({
    directory,
    stateDirectory,
    loader: createManifestLoader(),
    parseConfig: createGatewayConfigParser(),
    clock,
    randomBytes,
    log: recordingLog(logged),
    onConfirmed: () => undefined,
    onState: (state) => {
      current = state;
      for (const listener of [...listeners]) listener(state);
    },
  });
  await source.start();
  const state = (): DirectoryState => {
    if (current === undefined) throw new Error('no state was published');
    return current;
  };
  return {
    directory,
    stateDirectory,
    logged,
    state,
    until: (wanted, deadlineMs = 10_000) =>
      new Promise((resolve, reject) => {
        const deadline = setTimeout(() => {
          listeners.delete(listener);
          reject(new Error(`no such state within ${deadlineMs} ms; problems now:\n${state().problems.join('\n')}`));
        }, deadlineMs);
        const listener = (next: DirectoryState): void => {
          if (!wanted(next)) return;
          clearTimeout(deadline);
          listeners.delete(listener);
          resolve(next);
        };
        listeners.add(listener);
        listener(state());
      }),
    onState: (listener) => void listeners.add(listener),
    write: (name, content) => writeFileSync(join(directory, name), content),
    stop: () => source.stop(),
  };
}

function recordingLog(logged: { message: string; fields: LogFields }[]): Logger {
  const write = (message: string, fields: LogFields = {}): void => void logged.push({ message, fields });
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

export function aServer(name = 'github', spec: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'MCPServer',
    metadata: { name, namespace: 'tools' },
    spec: { upstream: { port: 3000, path: '/mcp' }, authentication: { gatewayTokens: { bearer: true } }, ...spec },
  });
}

/** A token with a hash of its own, as YAML one edits by hand. */
export function aHashToken(name: string, options: { readonly revoked?: boolean; readonly user?: string } = {}): string {
  return `apiVersion: mcpgateway.dev/v1alpha1
kind: GatewayToken
metadata:
  name: ${name}
  namespace: tools
spec:
  type: Bearer
  source:
    type: Hash
    id: "${hash('sha256', name, 'hex').slice(0, 8)}"
    sha256: "${hash('sha256', name, 'hex')}"
  identity:
    user: ${options.user ?? name}
  permissions:
    - serverRefs: [{name: github}]
      tools: ["get_*"]
  lifetime: 720h
  expiresAt: "2099-01-01T00:00:00Z"
  revoked: ${options.revoked === true}
`;
}

export function aGeneratedToken(name: string, spec: Readonly<Record<string, unknown>> = {}, annotations: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'GatewayToken',
    metadata: { name, namespace: 'tools', annotations },
    spec: {
      type: 'Bearer',
      source: { type: 'Generated' },
      secretRef: { name: `${name}-token` },
      lifetime: '24h',
      identity: { user: name },
      permissions: [{ serverRefs: [{ name: 'github' }], tools: ['get_*'] }],
      ...spec,
    },
  });
}

/** The token as the sidecars know it. */
export function tokenIn(state: DirectoryState, name: string): DirectoryState['bundles'][number]['tokens'][number] | undefined {
  return state.bundles.flatMap(({ tokens }) => tokens).find((token) => token.name === name);
}
