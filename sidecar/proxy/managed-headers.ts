/**
 * Header names that only the gateway may set, or that other proxies use to vouch for an identity. None of them is ever
 * copied from a client, and a name that a lenient server folds to one of them is refused.
 */

const NAMES: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'teleport-jwt-assertion',
  'kubeflow-userid',
]);

const PREFIXES: readonly string[] = [
  'x-mcp-gateway-',
  'x-forwarded-',
  'x-auth-request-',
  'x-pomerium-',
  'x-goog-',
  'x-amzn-oidc-',
  'x-ms-client-principal',
  'remote-',
  'tailscale-',
  'cf-access-',
  'client-cert',
  'ssl-client-',
  'kubeflow-',
];

/** `name` is lower-case. */
export function isManagedHeader(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
