/** What a GatewayToken may do on one server: its permissions for it, cut by what the server admits from elsewhere. */
import type { BundleGrant, BundlePatterns } from '../../api/bundle.ts';
import type { GatewayToken, MCPServer } from '../../api/v1alpha1/index.ts';
import { selectsNamespace } from './namespace-selector.ts';

export type NamespaceLabels = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Empty when the token names the server in no permission, or the server does not admit the token's namespace. */
export function grantsFor(token: GatewayToken, server: MCPServer, namespaceLabels: NamespaceLabels): readonly BundleGrant[] {
  const caps = capsFor(token.metadata.namespace, server, namespaceLabels);
  if (caps?.length === 0) return [];
  return token.spec.permissions.flatMap((permission, index) => {
    if (!permission.serverRefs.some((ref) => namesServer(ref, token, server))) return [];
    const { namespace, name } = token.metadata;
    const grant = { rule: `GatewayToken/${namespace}/${name}#permissions[${index}]`, allow: patternsOf(permission) };
    return [caps === undefined ? grant : { ...grant, caps }];
  });
}

/** Every server that a permission names, as `<namespace>/<name>`, whether or not it is there. */
export function serversNamedBy({ metadata, spec }: GatewayToken): ReadonlySet<string> {
  return new Set(spec.permissions.flatMap(({ serverRefs }) => serverRefs.map((ref) => `${ref.namespace ?? metadata.namespace}/${ref.name}`)));
}

const PERMISSION_RULE = /#permissions\[([0-9]{1,4})\]$/;

/** Of `spec.permissions`, by the rule of a grant; `undefined` for every other rule. */
export function permissionIndex(rule: string): number | undefined {
  const index = PERMISSION_RULE.exec(rule)?.[1];
  return index === undefined ? undefined : Number(index);
}

/** An absent list matches nothing. */
export function patternsOf(lists: Partial<BundlePatterns>): BundlePatterns {
  return { tools: lists.tools ?? [], prompts: lists.prompts ?? [], resources: lists.resources ?? [] };
}

/** `undefined`: the server's own namespace, which nothing cuts. */
function capsFor(namespace: string, server: MCPServer, namespaceLabels: NamespaceLabels): readonly BundlePatterns[] | undefined {
  if (namespace === server.metadata.namespace) return undefined;
  return (server.spec.tokens?.from ?? [])
    .filter(({ namespaceSelector }) => selectsNamespace(namespaceSelector, namespace, namespaceLabels.get(namespace)))
    .map(patternsOf);
}

function namesServer(ref: { readonly name: string; readonly namespace?: string }, token: GatewayToken, server: MCPServer): boolean {
  return ref.name === server.metadata.name && (ref.namespace ?? token.metadata.namespace) === server.metadata.namespace;
}
