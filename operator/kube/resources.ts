/** The kinds this product reads and writes, and where the API server serves them. */

export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Objects of this kind hold secrets: what the API server says about a refused one is not repeated in an error. */
  readonly confidential?: true;
}

/** Names one object; `namespace` is absent for kinds that have none. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

export const MCP_SERVERS = { group: 'mcpgateway.dev', version: 'v1alpha1', plural: 'mcpservers', kind: 'MCPServer', namespaced: true } as const satisfies Resource;
export const GATEWAY_TOKENS = { group: 'mcpgateway.dev', version: 'v1alpha1', plural: 'gatewaytokens', kind: 'GatewayToken', namespaced: true } as const satisfies Resource;
export const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true } as const satisfies Resource;
export const SECRETS = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true, confidential: true } as const satisfies Resource;
export const SERVICES = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true } as const satisfies Resource;
export const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true } as const satisfies Resource;
export const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false } as const satisfies Resource;
export const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true } as const satisfies Resource;
export const EVENTS = { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event', namespaced: true } as const satisfies Resource;
export const NETWORK_POLICIES = { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies', kind: 'NetworkPolicy', namespaced: true } as const satisfies Resource;
export const ENDPOINT_SLICES = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice', namespaced: true } as const satisfies Resource;
export const MUTATING_WEBHOOK_CONFIGURATIONS = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'mutatingwebhookconfigurations', kind: 'MutatingWebhookConfiguration', namespaced: false } as const satisfies Resource;
export const TOKEN_REVIEWS = { group: 'authentication.k8s.io', version: 'v1', plural: 'tokenreviews', kind: 'TokenReview', namespaced: false, confidential: true } as const satisfies Resource;

export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of a collection: of one namespace, or of all. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? '/api/' : '/apis/';
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${apiVersionOf(resource)}${within}/${resource.plural}`;
}

/** The path of one object or one of its subresources. A namespaced kind without a namespace is misuse. */
export function objectPath(resource: Resource, { namespace, name }: ObjectRef, subresource?: string): string {
  if (resource.namespaced && namespace === undefined) throw new TypeError(`${resource.kind} is namespaced`);
  const tail = subresource === undefined ? '' : `/${subresource}`;
  return `${collectionPath(resource, namespace)}/${segment(name)}${tail}`;
}

/** One path segment. A name that would leave its segment, or change it when the path is normalised, is misuse. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') throw new TypeError('an object needs a name');
  return encodeURIComponent(name);
}
