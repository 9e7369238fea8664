/**
 * The input of the bundle compiler where there is no API server: what one would have added to each object (uid,
 * versions, labels of namespaces) comes from the ledger and the objects themselves. Standalone mode serves it, the
 * command line explains it.
 */
import { hash } from 'node:crypto';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { Ledger, LedgerToken } from '../api/ledger.ts';
import type { GatewayToken, MCPServer } from '../api/v1alpha1/index.ts';
import type { CompileInput } from './bundle/compile.ts';
import { parseGoDuration } from './go-duration.ts';
import { lifetimeLimit } from './lifetime-policy.ts';

export interface Sources {
  readonly servers: readonly MCPServer[];
  readonly tokens: readonly GatewayToken[];
  readonly config: GatewayConfig;
  readonly ledger: Ledger;
  /** False for a generation that must not be accepted yet. */
  readonly isRecorded: (generation: string) => boolean;
}

/** The label that every namespace of a cluster has. */
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

/** Where a server without public URLs is reached: no two servers of one directory share it. */
export function defaultPath({ metadata, spec }: MCPServer): string {
  return `/${metadata.namespace}/${metadata.name}${spec.upstream.path}`;
}

export function serverUid({ metadata }: MCPServer): string {
  return uidOf(`MCPServer/${metadata.namespace}/${metadata.name}`);
}

/** Where no entry of the ledger gives a token its uid. */
export function provisionalUid({ metadata }: GatewayToken): string {
  return uidOf(`GatewayToken/${metadata.namespace}/${metadata.name}`);
}

export function compileInput({ servers, tokens, config, ledger, isRecorded }: Sources): CompileInput {
  const entries = new Map(ledger.tokens.map((entry) => [`${entry.namespace}/${entry.name}`, entry]));
  const known = tokens.map((token) => withLedger(token, entries.get(`${token.metadata.namespace}/${token.metadata.name}`), config));
  return {
    servers: servers.map((server) => ({ ...server, metadata: { ...server.metadata, uid: serverUid(server), ...versionOf(server) } })),
    tokens: known,
    ledger: new Map(ledger.tokens.map((entry) => [entry.uid, entry.generations.filter(({ id }) => isRecorded(id))])),
    // Labels of namespaces are not known here, and nothing may be concluded from the absence of one.
    namespaceLabels: new Map(),
    sessionKeys: new Map(Object.entries(ledger.sessionKeys)),
    // Not looked at here: what is read from the directory is never older than the directory.
    maxStalenessMs: config.sidecars.maxStalenessSeconds * 1000,
    peerAuthorities: [],
    defaultAddress: { path: defaultPath, isOwn: false },
  };
}

export function namespaceLabels(namespace: string): Readonly<Record<string, string>> {
  return { [NAMESPACE_NAME]: namespace };
}

/** The ledger remembers a revocation that the YAML no longer shows, and since when a token made elsewhere is known. */
function withLedger(token: GatewayToken, entry: LedgerToken | undefined, config: GatewayConfig): GatewayToken {
  const metadata = { ...token.metadata, uid: entry?.uid ?? provisionalUid(token), ...versionOf(token) };
  const revoked = token.spec.revoked || entry?.revoked === true;
  return { ...token, metadata, spec: { ...token.spec, ...endOf(token, entry, config), revoked } };
}

/** Lifetime and policy count from first sight: nobody here can tell when the token was made. */
function endOf({ metadata, spec }: GatewayToken, entry: LedgerToken | undefined, config: GatewayConfig): { expiresAt?: string } {
  const endMs = Date.parse(spec.expiresAt ?? '');
  if (spec.source.type !== 'Hash' || entry === undefined || Number.isNaN(endMs)) return {};
  const lifetimeMs = parseGoDuration(spec.lifetime) ?? 0;
  const { maxMs } = lifetimeLimit(lifetimeMs, metadata.namespace, namespaceLabels(metadata.namespace), config);
  return { expiresAt: new Date(Math.min(endMs, entry.firstSeenMs + Math.min(lifetimeMs, maxMs))).toISOString() };
}

/** Stands for the resource version: it differs when the object does. */
function versionOf(object: MCPServer | GatewayToken): { readonly resourceVersion: string; readonly generation: number } {
  return { resourceVersion: hash('sha256', JSON.stringify(object), 'hex').slice(0, 16), generation: object.metadata.generation ?? 1 };
}

/** In the form of a UUID (RFC 9562 §5.8), made from the name. */
function uidOf(name: string): string {
  const hex = hash('sha256', name, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
