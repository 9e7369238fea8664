/** Servers and tokens as tests declare them with kubectl. */

export interface DeclaredServer {
  readonly namespace: string;
  readonly name?: string;
  readonly port?: number;
  /** Further lines of its spec. */
  readonly more?: readonly string[];
}

export function serverYaml({ namespace, name = 'github', port = 3000, more = [] }: DeclaredServer): string {
  return `
apiVersion: mcpgateway.dev/v1alpha1
kind: MCPServer
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  upstream: {port: ${String(port)}}
  authentication: {gatewayTokens: {bearer: true}}
${lines(more)}`;
}

export interface DeclaredToken {
  readonly namespace: string;
  readonly name: string;
  readonly secret?: string;
  /** A list of YAML. Default: tools that begin with `get_` of the server `github`. */
  readonly permissions?: string;
  /** Further lines of its spec. */
  readonly more?: readonly string[];
}

export function tokenYaml({ namespace, name, secret = `${name}-token`, permissions = toolsOf('github'), more = [] }: DeclaredToken): string {
  return `
apiVersion: mcpgateway.dev/v1alpha1
kind: GatewayToken
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  type: Bearer
  source: {type: Generated}
  identity: {user: ${name}}
  lifetime: 24h
  secretRef: {name: ${secret}}
  permissions: ${permissions}
${lines(more)}`;
}

export function toolsOf(server: string, tools = 'get_*'): string {
  return `[{serverRefs: [{name: ${server}}], tools: ["${tools}"]}]`;
}

const lines = (more: readonly string[]): string => more.map((line) => `  ${line}\n`).join('');
