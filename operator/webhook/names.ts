/** Every name that injection puts into other people's pods. The admission policies and the sidecar read the same ones. */

/** The sidecar's container. Nobody else may use this name. */
export const SIDECAR_NAME = 'mcp-gateway';

/** Volumes whose name begins so are the sidecar's alone. */
export const VOLUME_PREFIX = 'mcp-gateway-';
export const VOLUMES = {
  identity: `${VOLUME_PREFIX}identity`,
  authorities: `${VOLUME_PREFIX}authorities`,
  bundle: `${VOLUME_PREFIX}bundle`,
  tls: `${VOLUME_PREFIX}tls`,
  secrets: `${VOLUME_PREFIX}secrets`,
  nothing: `${VOLUME_PREFIX}nothing`,
} as const;

/** In every namespace with a server: the authorities that its sidecars, and clients in the cluster, trust. */
export const AUTHORITIES_CONFIG_MAP = 'mcpgateway-authorities';

/** At most 15 characters each (RFC 6335 §5.1). */
export const PORT_NAMES = { https: 'mcpgw-https', peer: 'mcpgw-peer', admin: 'mcpgw-admin' } as const;

const RUN = '/var/run/mcpgateway';
/** Directories in the sidecar. */
export const DIRECTORIES = {
  /** File `token`: the service-account token for the operator, in whose audience the server is named. */
  identity: `${RUN}/identity`,
  /** File `ca.crt`: the authorities of the operator's stream. */
  authorities: `${RUN}/authorities`,
  /** Writable: the last good bundle. */
  bundle: `${RUN}/bundle`,
  /** Writable: keys, and the certificates that the operator issues for them. */
  tls: `${RUN}/tls`,
  /** `credentials/<Secret>/<key>` and, where the server names its own certificate, `serving/tls.crt` and `serving/tls.key`. */
  secrets: `${RUN}/secrets`,
} as const;

/** Where admission mounts the pod's own token into each container that has nothing there. */
export const POD_TOKEN_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Path of the webhook. */
export const INJECT_PATH = '/inject';
