/** Generated from crds/mcpgateway.dev_gatewaytokens.yaml by tools/generate-api.ts; do not edit. */
import type { ObjectMeta } from './object-meta.ts';

/**
 * GatewayToken is a credential of the gateway's own: who its bearer is, and the most that it may do on which servers.
 * The token itself is never part of this object.
 */
export interface GatewayToken {
  readonly apiVersion: 'mcpgateway.dev/v1alpha1';
  readonly kind: 'GatewayToken';
  readonly metadata: ObjectMeta;
  readonly spec: GatewayTokenSpec;
  readonly status?: GatewayTokenStatus;
}

/** What the author of this object asks for. */
export interface GatewayTokenSpec {
  /**
   * How the token is presented: as a bearer token, as an API key, or as a client certificate that the gateway issues.
   * Immutable.
   */
  readonly type: 'Bearer' | 'APIKey' | 'ClientCertificate';
  readonly source: GatewayTokenSource;
  readonly identity: GatewayTokenIdentity;
  /** The most that this token may do. What is not listed here is denied. */
  readonly permissions: readonly GatewayTokenPermission[];
  /**
   * How long each generation of the token is valid, from when it is minted, as a Go duration such as `24h` or `1h30m`.
   * May only be shortened.
   */
  readonly lifetime: string;
  /**
   * End of the whole grant, whatever its lifetime, as RFC 3339 time in UTC such as `2027-01-31T00:00:00Z`. May only
   * move earlier.
   */
  readonly expiresAt?: string;
  readonly rotation?: GatewayTokenRotation;
  readonly secretRef?: GatewayTokenSecretRef;
  /** Certificate binds the token to the client certificate that presents it (RFC 8705). */
  readonly binding: 'None' | 'Certificate';
  /** True ends this token everywhere and cuts its open streams. One-way: it cannot be set back or unset. */
  readonly revoked: boolean;
}

/** Where the token comes from. Immutable. */
export interface GatewayTokenSource {
  /**
   * Generated: the gateway makes the token and writes it to secretRef. Hash: somebody else made it, usually `mcpgateway
   * token create`, and only its hash is known here.
   */
  readonly type: 'Generated' | 'Hash';
  /** SHA-256 of the whole token, in lower-case hexadecimal. */
  readonly sha256?: string;
  /** Public generation id of the token, its second field (`mgt_<id>_…`), by which a presented token is looked up. */
  readonly id?: string;
}

/** Who the bearer of this token is, towards policy, servers and audit. */
export interface GatewayTokenIdentity {
  /** Subject, unique within this namespace. */
  readonly user: string;
  /** E-mail address. */
  readonly email?: string;
  /** Name to show to people. */
  readonly displayName?: string;
  /** Team the bearer belongs to. */
  readonly team?: string;
  /** Organisation the bearer belongs to. */
  readonly organization?: string;
  /** Groups. A name contains no comma, because lists travel comma-separated. */
  readonly groups?: readonly string[];
  /** Roles. A name contains no comma, because lists travel comma-separated. */
  readonly roles?: readonly string[];
  /** Further attributes. A server receives those that its spec.identity.attributes names. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface GatewayTokenPermission {
  /** The servers that this permission is about. */
  readonly serverRefs: readonly GatewayTokenPermissionServerRef[];
  /** Tool names; `*` stands for any characters. Absent, no tool. */
  readonly tools?: readonly string[];
  /** Prompt names; `*` stands for any characters. Absent, no prompt. */
  readonly prompts?: readonly string[];
  /** Resource URIs and URI templates; `*` stands for any characters. Absent, no resource. */
  readonly resources?: readonly string[];
}

export interface GatewayTokenPermissionServerRef {
  /** Name of the MCPServer. */
  readonly name: string;
  /**
   * Namespace of the MCPServer. Absent, that of this object. Another one works only where that server's tokens.from
   * admits it.
   */
  readonly namespace?: string;
}

/**
 * Makes a new generation at regular intervals. Absent, only on request by the annotation
 * mcpgateway.dev/rotate-requested-at.
 */
export interface GatewayTokenRotation {
  /** Time from one generation to the next, as a Go duration. */
  readonly every: string;
  /** How long the former generation stays valid beside the new one, as a Go duration. `0s` ends it at once. */
  readonly overlap: string;
}

/**
 * Secret in the same namespace that the gateway creates for a generated token and that this object owns; an existing
 * one is never adopted. Immutable.
 */
export interface GatewayTokenSecretRef {
  /** Name of the Secret. */
  readonly name: string;
}

/** What the gateway observed last. Never an input. */
export interface GatewayTokenStatus {
  /**
   * Ready, Enforced, ExpiringSoon, Expired, Revoked and SecretNameTaken, each with the generation it was observed at.
   */
  readonly conditions?: readonly GatewayTokenStatusCondition[];
  /** Generations of the token, newest first; at most two are valid at a time. */
  readonly generations?: readonly GatewayTokenStatusGeneration[];
  /** Value of the annotation mcpgateway.dev/rotate-requested-at that was acted upon last. */
  readonly observedRotateRequest?: string;
  readonly enforcement?: GatewayTokenStatusEnforcement;
  /**
   * When a request with this token was allowed last, as far as it is known: sidecars report every ten seconds, and what
   * they report is written here at most once in tokens.usageIntervalSeconds of gateway-config.json.
   */
  readonly lastUsedAt?: string;
  readonly usage?: GatewayTokenStatusUsage;
}

export interface GatewayTokenStatusCondition {
  /** Type of the condition. */
  readonly type: string;
  /** Whether it holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** The metadata.generation that this was observed at. */
  readonly observedGeneration?: number;
  /** When the status changed last. */
  readonly lastTransitionTime: string;
  /** Reason in one word, stable and documented. */
  readonly reason: string;
  /** What to know or do, in a sentence. */
  readonly message: string;
}

export interface GatewayTokenStatusGeneration {
  /** Public id, the second field of the token. */
  readonly id: string;
  /**
   * Pending is being distributed and unknown to clients; Current is in the Secret; Previous is still valid for the rest
   * of the overlap.
   */
  readonly state: 'Pending' | 'Current' | 'Previous';
  /** When it was minted. */
  readonly issuedAt: string;
  /** From when it is refused. */
  readonly expiresAt: string;
}

/** Which sidecars enforce the present state of this object. */
export interface GatewayTokenStatusEnforcement {
  /** The metadata.generation that this is about. */
  readonly generation?: number;
  /** Sidecars of the servers that this token names. */
  readonly sidecars?: number;
  /** How many of them acknowledged it. */
  readonly enforcing?: number;
  /** Time from receipt of the change to the last acknowledgement, on one monotonic clock. */
  readonly slowestAckMilliseconds?: number;
}

/**
 * What was done with the token, to tell what it has been granted and never used. Nothing is decided by it. It is merged
 * with what sidecars report, so it outlives the operator.
 */
export interface GatewayTokenStatusUsage {
  /** When this and lastUsedAt were written. What happened since then is not in them yet. */
  readonly asOf?: string;
  /** When a request was denied last although its token was good. */
  readonly lastDeniedAt?: string;
  /**
   * The entries of spec.permissions that allowed something. One that is not here was not used since it has been what it
   * is.
   */
  readonly permissions?: readonly GatewayTokenStatusUsagePermission[];
}

export interface GatewayTokenStatusUsagePermission {
  /** Its place in spec.permissions, from 0, when this was written. */
  readonly index: number;
  /**
   * First 16 hexadecimal digits of the SHA-256 of the permission, as JSON with sorted keys. By it the entry is known
   * again in another place; it goes when the permission is changed.
   */
  readonly digest: string;
  /** When it allowed a request last. */
  readonly lastUsedAt: string;
  /** Tools that were called under this permission, in the order of their names. */
  readonly tools?: readonly string[];
  /** True where further tools were called than are named. */
  readonly moreTools?: boolean;
}
