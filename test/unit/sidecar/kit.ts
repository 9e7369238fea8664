/** What units of the request path are given: heads, served servers, messages, and a time that moves when told. */
import type { Message, Target } from '../../../core/mcp/message.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { readRequestHead } from '../../../sidecar/request-head.ts';
import type { RequestHead } from '../../../sidecar/request-head.ts';
import { buildSnapshot } from '../../../sidecar/snapshot/snapshot.ts';
import type { ServedGeneration, ServedServer, Snapshot } from '../../../sidecar/snapshot/snapshot.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import type { BundleSettings, TestToken } from '../../kit/bundles.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);

export function aClock(): Clock & { at: number } {
  const clock = { at: NOW, nowMs: () => clock.at, monotonicMs: () => clock.at };
  return clock;
}

/** A head as the pipeline reads it, from a flat list of headers. */
export function aHead(headers: readonly string[] = [], method = 'POST'): RequestHead {
  const type = method === 'POST' ? ['Content-Type', 'application/json'] : [];
  return readRequestHead({ method, url: '/mcp', httpVersion: '1.1', rawHeaders: ['Host', 'localhost', ...type, ...headers] }, new Set(['x-api-key']));
}

export function aSnapshot(settings: Partial<BundleSettings> = {}): Snapshot {
  return buildSnapshot([{ bundle: aBundle({ port: 1, ...settings }), upstreamHeaders: [] }], []);
}

export function aServer(settings: Partial<BundleSettings> = {}): ServedServer {
  const [server] = aSnapshot(settings).servers.values();
  if (server === undefined) throw new TypeError('a bundle makes a server');
  return server;
}

export function presentedOf(server: ServedServer, { token }: TestToken): ServedGeneration {
  const presented = server.generations.get(token.generations[0]?.id ?? '');
  if (presented === undefined) throw new TypeError('the token is not one of this server');
  return presented;
}

/** A live token at `NOW`. */
export function liveToken(settings: Parameters<typeof aToken>[0] = {}): TestToken {
  return aToken({ expiresAtMs: NOW + 60_000, ...settings });
}

export function aRequest(method: string, target: Target = { kind: 'none' }, era: 'legacy' | 'modern' = 'legacy'): Message {
  return { kind: 'single', era, entry: { kind: 'request', id: 7, method, target } };
}

export const ECHO = aRequest('tools/call', { kind: 'tool', name: 'echo' });
export const STREAM: Message = { kind: 'stream', era: 'legacy' };

export function denialOf(attempt: () => unknown): unknown {
  try {
    return attempt();
  } catch (cause) {
    return cause;
  }
}
