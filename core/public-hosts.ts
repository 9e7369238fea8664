/** For which hosts of a server's public URLs a certificate may be signed. None, unless gateway-config.json says so. */
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { MCPServer } from '../api/v1alpha1/index.ts';
import { assignEndpoints } from './bundle/endpoints.ts';
import { selectsNamespace } from './bundle/namespace-selector.ts';

export interface PublicHostsInput {
  /** All there are: the one asked about among them. */
  readonly servers: readonly MCPServer[];
  /** `undefined`: not known. */
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
  readonly config: Pick<GatewayConfig, 'certificates'>;
}

/**
 * Guaranteed: each host is one that the configuration gives the server's namespace, and none is returned for a server of
 * which a public URL is that of an older one. Not judged: what else is wrong with the server.
 */
export function publicHosts(server: MCPServer, { servers, namespaceLabels, config }: PublicHostsInput): readonly string[] {
  const { namespace, name } = server.metadata;
  // Of the paths within the cluster each server has its own: only public addresses can be taken.
  const assigned = assignEndpoints(servers, { path: ({ spec }) => spec.upstream.path, isOwn: true });
  const own = assigned.find((each) => each.server.metadata.namespace === namespace && each.server.metadata.name === name);
  if (own === undefined || own.problems.length > 0) return [];
  const labels = namespaceLabels(namespace);
  const allowed = config.certificates.publicHosts.filter(({ namespaceSelector }) => selectsNamespace(namespaceSelector, namespace, labels)).flatMap(({ hosts }) => hosts);
  const asked = (server.spec.publicURLs ?? []).flatMap((text) => URL.parse(text)?.hostname ?? []);
  return [...new Set(asked)].filter((host) => allowed.some((pattern) => isOf(host, pattern)));
}

/** `*` stands for exactly one label, as in a certificate (RFC 9525 §6.3). */
function isOf(host: string, pattern: string): boolean {
  if (!pattern.startsWith('*.')) return host === pattern;
  const [label = '', ...rest] = host.split('.');
  return label !== '' && rest.join('.') === pattern.slice(2);
}
