/** What the operator calls the Service of a server, and the names by which clients inside the cluster reach it. */
import type { MCPServer } from '../api/v1alpha1/index.ts';

export function serviceName({ metadata, spec }: MCPServer): string {
  return spec.service?.name ?? `${metadata.name}-mcp`;
}

/** From the shortest to the whole; a cluster may have another domain than the usual one, and then only the first three hold. */
export function serviceHosts(server: MCPServer): readonly string[] {
  const name = serviceName(server);
  const { namespace } = server.metadata;
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
}

/** Those that mean this server wherever they are used: a shorter one is another Service in another namespace, or a host outside the cluster. */
export function unambiguousHosts(server: MCPServer): readonly string[] {
  return serviceHosts(server).slice(2);
}
