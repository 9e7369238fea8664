/** Every annotation and label key that the gateway owns. */

/** Annotation on a GatewayToken: a time (RFC 3339); a value not seen before asks for one rotation. */
export const ROTATE_REQUESTED_AT = 'mcpgateway.dev/rotate-requested-at';

/** Label on a pod: the name of its MCPServer, in the same namespace. */
export const SERVER_LABEL = 'mcpgateway.dev/server';
