/** Cross-origin answers for browsers (Fetch §3.2). The caller has already checked that the origin is allowed. */

const ALLOWED_HEADERS = [
  'authorization', 'content-type', 'accept', 'last-event-id', 'mcp-protocol-version', 'mcp-session-id', 'mcp-method', 'mcp-name',
];
const EXPOSED_HEADERS = 'WWW-Authenticate, Mcp-Session-Id, X-MCP-Gateway-Request-Id';

/** Flat name, value list for every answer to a request that named an origin, refusals included. */
export function corsHeaders(origin: string | undefined): readonly string[] {
  if (origin === undefined) return [];
  return ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', EXPOSED_HEADERS, 'Vary', 'Origin'];
}

/** Flat list for a preflight; `requested` names are granted only when they mirror a tool parameter (SEP-2243). */
export function preflightHeaders(origin: string, apiKeyHeader: string | undefined, requested: string | undefined): readonly string[] {
  const mirrored = (requested ?? '')
    .split(',', 64)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^mcp-param-[a-z0-9-]{1,64}$/.test(name));
  const allowed = [...ALLOWED_HEADERS, ...(apiKeyHeader === undefined ? [] : [apiKeyHeader]), ...mirrored];
  return [
    ...corsHeaders(origin),
    'Access-Control-Allow-Methods', 'GET, POST, DELETE',
    'Access-Control-Allow-Headers', allowed.join(', '),
    'Access-Control-Max-Age', '600',
  ];
}
