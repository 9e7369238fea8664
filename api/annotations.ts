/** Every annotation and label key that the gateway owns. */

/** Annotation on a GatewayToken: a time (RFC 3339); a value not seen before asks for one rotation. */
export const ROTATE_REQUESTED_AT = 'mcpgateway.dev/rotate-requested-at';

/** Label on a pod: the name of its MCPServer, in the same namespace. */
export const SERVER_LABEL = 'mcpgateway.dev/server';

/** Label on a Secret of the operator's namespace: it is a part of the ledger. */
export const LEDGER_LABEL = 'mcpgateway.dev/ledger';

/** Type of every Secret that holds a token; the operator's account may write no other outside its namespace. */
export const TOKEN_SECRET_TYPE = 'mcpgateway.dev/token';

/** A sidecar's token for the operator has the audience `<this>/<namespace>/<MCPServer>`: it opens no other server's bundle. */
export const BUNDLE_AUDIENCE = 'mcpgateway.dev/bundles';

/** Annotation on a pod: what was injected, as JSON `{"version","configHash"}`. For people and for counting; no input. */
export const INJECTED = 'mcpgateway.dev/injected';
