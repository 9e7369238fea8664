/** Where clients reach each server, and who keeps an address that two servers claim. */
import type { BundleEndpoint } from '../../api/bundle.ts';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import { type ObjectProblem, problemOf } from './problem.ts';

/** How a server is reached where its URL is not public. */
export interface DefaultAddress {
  readonly path: (server: MCPServer) => string;
  /** Each server is reached through a process of its own, so that two of them may have the same path. */
  readonly isOwn: boolean;
}

export interface ServerEndpoints {
  readonly server: MCPServer;
  readonly endpoints: readonly BundleEndpoint[];
  readonly problems: readonly ObjectProblem[];
}

interface Claim extends BundleEndpoint {
  readonly field: string;
}

/**
 * Of two servers with an address in common the younger has a problem. An endpoint without a host is that path on every
 * host. A server that is refused for another reason keeps its addresses: nobody inherits its clients by accident.
 */
export function assignEndpoints(servers: readonly MCPServer[], address: DefaultAddress): readonly ServerEndpoints[] {
  const owners = new Map<string, readonly { readonly host: string | undefined; readonly server: MCPServer }[]>();
  return [...servers].sort(byAge).map((server) => {
    const { claims, problems } = readClaims(server, address.path(server));
    const shared = address.isOwn ? claims.filter(({ host }) => host !== undefined) : claims;
    const taken = shared.flatMap((claim) => {
      const owner = owners.get(claim.path)?.find(({ host }) => host === undefined || claim.host === undefined || host === claim.host);
      return owner === undefined ? [] : [problemOf(server, claim.field, `is already an address of MCPServer ${nameOf(owner.server)}`, claim.host === undefined ? 'PathTaken' : 'PublicURLTaken')];
    });
    if (taken.length === 0) {
      for (const { path, host } of shared) owners.set(path, [...(owners.get(path) ?? []), { host, server }]);
    }
    return { server, endpoints: claims.map(toEndpoint), problems: [...problems, ...taken] };
  });
}

function readClaims(server: MCPServer, path: string): { claims: readonly Claim[]; problems: readonly ObjectProblem[] } {
  const urls = (server.spec.publicURLs ?? []).map((text, index) => ({ url: URL.parse(text), field: `spec.publicURLs[${index}]` }));
  return {
    claims: [
      ...urls.flatMap(({ url, field }) => (url === null ? [] : [{ host: url.host, path: url.pathname, field }])),
      { path, field: 'metadata.name' },
    ],
    problems: urls.filter(({ url }) => url === null).map(({ field }) => problemOf(server, field, 'is not a URL')),
  };
}

function toEndpoint({ host, path }: Claim): BundleEndpoint {
  return host === undefined ? { path } : { host, path };
}

/** Oldest first; where ages are equal or unknown, by namespace and name. */
function byAge(one: MCPServer, other: MCPServer): number {
  return ageKey(one) < ageKey(other) ? -1 : 1;
}

/** Kubernetes writes all creation times in one format, which sorts as text. */
function ageKey(server: MCPServer): string {
  return `${server.metadata.creationTimestamp ?? ''} ${nameOf(server)}`;
}

function nameOf({ metadata }: MCPServer): string {
  return `${metadata.namespace}/${metadata.name}`;
}
