/** Environment of an injected sidecar: the webhook writes it, the sidecar's readSidecarConfig reads it. */
export const ENVIRONMENT = {
  namespace: 'MCPGATEWAY_NAMESPACE',
  server: 'MCPGATEWAY_SERVER',
  podName: 'MCPGATEWAY_POD_NAME',
  podUid: 'MCPGATEWAY_POD_UID',
  podIps: 'MCPGATEWAY_POD_IPS',
  /** Values of the Host header under which clients reach the server inside the cluster, comma-separated. */
  hosts: 'MCPGATEWAY_HOSTS',
  operatorAddress: 'MCPGATEWAY_OPERATOR_ADDRESS',
  logLevel: 'MCPGATEWAY_LOG_LEVEL',
  httpsPort: 'MCPGATEWAY_HTTPS_PORT',
  peerPort: 'MCPGATEWAY_PEER_PORT',
  adminPort: 'MCPGATEWAY_ADMIN_PORT',
  identityDirectory: 'MCPGATEWAY_IDENTITY_DIRECTORY',
  authoritiesDirectory: 'MCPGATEWAY_AUTHORITIES_DIRECTORY',
  bundleDirectory: 'MCPGATEWAY_BUNDLE_DIRECTORY',
  tlsDirectory: 'MCPGATEWAY_TLS_DIRECTORY',
  secretsDirectory: 'MCPGATEWAY_SECRETS_DIRECTORY',
  /** `Secret`: the server's own certificate; `Operator`: one that the operator issues. */
  certificateSource: 'MCPGATEWAY_CERTIFICATE_SOURCE',
  /** How long open exchanges may go on when the sidecar is told to end. */
  drainSeconds: 'MCPGATEWAY_DRAIN_SECONDS',
  /** See api/server-probes.ts; absent where there are none. */
  probes: 'MCPGATEWAY_PROBES',
} as const;
