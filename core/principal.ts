/** Who is asking, verified. A session and an audit line name a principal by (issuer, subject). */

/** Attributes of a principal that may be forwarded to the upstream; every absent field is absent upstream too. */
export interface Identity {
  readonly user: string;
  readonly email?: string;
  readonly displayName?: string;
  readonly team?: string;
  readonly organization?: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** How the credential travelled. */
export type AuthenticationMethod = 'bearer' | 'api-key';

export interface Principal {
  /** For a gateway token `gateway-tokens/<namespace>`: two namespaces never speak for the same principal. */
  readonly issuer: string;
  /** Unique within the issuer; for a gateway token `spec.identity.user`. */
  readonly subject: string;
  /** The entry of `spec.authentication` that vouches for this principal; `gatewayTokens` for tokens. */
  readonly from: string;
  readonly method: AuthenticationMethod;
  readonly identity: Identity;
  readonly credential: CredentialReference;
}

/** Names a credential without containing any of it. */
export interface CredentialReference {
  /** UID of the GatewayToken. */
  readonly uid: string;
  /** `<namespace>/<name>` of the GatewayToken. */
  readonly name: string;
  /** Public id of the generation presented (8 characters). */
  readonly generation: string;
  /** Milliseconds since the epoch from which the credential is refused. */
  readonly expiresAtMs: number;
}
