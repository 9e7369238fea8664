/** Condition types and their reasons, as closed unions: clients wait for the types and alert on the reasons. */
export const MCP_SERVER_CONDITION_TYPES = [
  'Ready',
  'Accepted',
  'CredentialsResolved',
  'SidecarsReady',
  'LoopbackOnly',
  'BypassBlocked',
] as const;
export type MCPServerConditionType = (typeof MCP_SERVER_CONDITION_TYPES)[number];

export const GATEWAY_TOKEN_CONDITION_TYPES = [
  'Ready',
  'Enforced',
  'ExpiringSoon',
  'Expired',
  'Revoked',
  'SecretNameTaken',
] as const;
export type GatewayTokenConditionType = (typeof GATEWAY_TOKEN_CONDITION_TYPES)[number];

export const CONDITION_REASONS = [
  // Accepted, Ready
  'Accepted',
  'Invalid',
  'NotSupported',
  'PathTaken',
  'PublicURLTaken',
  'LifetimeNotAllowed',
  'ServerNotFound',
  'NotAdmittedByServer',
  'ServiceNotOurs',
  'AuthoritiesNotOurs',
  'WriteRefused',
  // CredentialsResolved
  'Resolved',
  'SecretMissing',
  'SecretKeyMissing',
  // SidecarsReady, Enforced
  'AllReady',
  'Waiting',
  'NoPods',
  'PodsUnguarded',
  'PodsOutdated',
  'Acknowledged',
  // LoopbackOnly
  'LoopbackOnly',
  'ServerExposed',
  'ServerUnreachable',
  // BypassBlocked
  'BypassBlocked',
  'ServerReachable',
  'ServiceBypassesSidecar',
  'SidecarUnreachable',
  // life of a token
  'Minted',
  'Expired',
  'Revoked',
  'ExpiresSoon',
  'SecretNameTaken',
  'SecretNotWritten',
  'TooManyTokens',
  'HashRetired',
] as const;
export type ConditionReason = (typeof CONDITION_REASONS)[number];
