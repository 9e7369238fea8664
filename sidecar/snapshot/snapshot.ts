/**
 * The compiled, immutable form of the bundles a sidecar is using now. Built whole, swapped whole: a request reads it
 * once and never sees a mix of two revisions.
 */
import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Bundle, BundleGeneration, BundleToken } from '../../api/bundle.ts';
import { gatewayPrincipal } from '../../core/gateway-principal.ts';
import type { Principal } from '../../core/principal.ts';
import type { Policy } from '../../core/policy/compile.ts';
import { compilePolicy } from '../../core/policy/compile.ts';
import { createSessionKey } from '../session/session-id.ts';
import { prepareIdentityHeaders } from '../proxy/identity-headers.ts';

/** The value is a secret; the reference names where it came from and may be logged. */
export interface UpstreamHeader {
  readonly name: string;
  readonly value: string;
  readonly reference: string;
}

export interface ServedBundle {
  readonly bundle: Bundle;
  /** `undefined`: a referenced Secret is missing or unusable, so every request is refused with 503. */
  readonly upstreamHeaders: readonly UpstreamHeader[] | undefined;
}

/** One generation of one token, ready to be compared and forwarded. */
export interface ServedGeneration {
  readonly token: BundleToken;
  readonly generation: BundleGeneration;
  readonly sha256: Buffer;
  readonly principal: Principal;
  /** Flat name, value list, the same for every request; `undefined`: too large to forward, so nothing is. */
  readonly identityHeaders: readonly string[] | undefined;
}

export interface ServedServer {
  /** `<namespace>/<name>`: the label of metrics and audit. */
  readonly label: string;
  readonly bundle: Bundle;
  readonly policy: Policy;
  readonly generations: ReadonlyMap<string, ServedGeneration>;
  readonly sessionKey: KeyObject;
  readonly upstreamHeaders: readonly UpstreamHeader[] | undefined;
}

/** A server that is declared but whose declaration is not accepted: its path answers 503, never another server. */
export interface RefusedServer {
  readonly label: string;
  readonly path: string;
}

export type Route = { readonly kind: 'served'; readonly server: ServedServer } | { readonly kind: 'refused'; readonly label: string };

/** No host looks like this. */
const ANY_HOST = '';

export interface Snapshot {
  readonly revision: string;
  /** By path, then by the host of a public URL, or by ANY_HOST for every admitted host. */
  readonly routes: ReadonlyMap<string, ReadonlyMap<string, Route>>;
  /** By UID of the MCPServer. */
  readonly servers: ReadonlyMap<string, ServedServer>;
  /** Hosts of public URLs: admitted beside those the listener is configured with. */
  readonly hosts: ReadonlySet<string>;
  /** Lower-case names of the headers in which some server here takes API keys. */
  readonly apiKeyHeaders: ReadonlySet<string>;
}

/** `previous`: what was made for tokens of it that are the very same objects is used again. It changes nothing else. */
export function buildSnapshot(served: readonly ServedBundle[], refused: readonly RefusedServer[], previous?: Snapshot): Snapshot {
  const routes = new Map<string, Map<string, Route>>();
  const servers = new Map<string, ServedServer>();
  const hosts = new Set<string>();
  const apiKeyHeaders = new Set<string>();
  const addRoute = (path: string, host: string, route: Route): void => {
    routes.set(path, (routes.get(path) ?? new Map<string, Route>()).set(host, route));
  };
  for (const { label, path } of refused) addRoute(path, ANY_HOST, { kind: 'refused', label });
  for (const each of served) {
    const server = serve(each, previous?.servers.get(each.bundle.server.uid));
    servers.set(server.bundle.server.uid, server);
    const { apiKeyHeader } = server.bundle.authentication;
    if (apiKeyHeader !== undefined) apiKeyHeaders.add(apiKeyHeader);
    for (const { host, path } of server.bundle.endpoints) {
      addRoute(path, host ?? ANY_HOST, { kind: 'served', server });
      if (host !== undefined) hosts.add(host);
    }
  }
  return { revision: revisionOf(servers), routes, servers, hosts, apiKeyHeaders };
}

function revisionOf(servers: ReadonlyMap<string, ServedServer>): string {
  const revision = createHash('sha256');
  for (const uid of [...servers.keys()].sort()) revision.update(`${uid}=${servers.get(uid)?.bundle.revision ?? ''}\n`);
  return revision.digest('hex');
}

/** The server that answers on this host and path, by exact comparison. Host must already be normalised. */
export function findRoute(snapshot: Snapshot, host: string, path: string): Route | undefined {
  const byHost = snapshot.routes.get(path);
  return byHost?.get(host) ?? byHost?.get(ANY_HOST);
}

function serve({ bundle, upstreamHeaders }: ServedBundle, former: ServedServer | undefined): ServedServer {
  const known = former !== undefined && isDeepStrictEqual(former.bundle.forwardedAttributes, bundle.forwardedAttributes) ? former.generations : undefined;
  const generations = new Map<string, ServedGeneration>();
  for (const token of bundle.tokens) {
    for (const generation of token.generations) {
      const made = known?.get(generation.id);
      const isSame = made?.token === token && made.generation === generation;
      generations.set(generation.id, isSame ? made : serveGeneration(token, generation, bundle));
    }
  }
  const label = `${bundle.server.namespace}/${bundle.server.name}`;
  const sessionKey = createSessionKey(bundle.sessionKey);
  return { label, bundle, policy: compilePolicy(bundle), generations, sessionKey, upstreamHeaders };
}

function serveGeneration(token: BundleToken, generation: BundleGeneration, { forwardedAttributes }: Bundle): ServedGeneration {
  const principal = gatewayPrincipal(token, generation);
  const identityHeaders = prepareIdentityHeaders(principal, forwardedAttributes);
  return { token, generation, sha256: Buffer.from(generation.sha256, 'hex'), principal, identityHeaders };
}
