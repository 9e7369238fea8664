/**
 * The bundle: everything the sidecars of one MCPServer need and nothing else. It holds hashes of tokens, never
 * tokens; the one secret in it is the server's session key. Compiled by core/bundle/compile.ts.
 */
export const BUNDLE_FORMAT = 1;

export interface Bundle {
  readonly format: typeof BUNDLE_FORMAT;
  readonly server: { readonly namespace: string; readonly name: string; readonly uid: string; readonly generation: number };
  /** SHA-256 (hex) over the canonical JSON of every other member but `order`. */
  readonly revision: string;
  /** The resource versions it was compiled from, as `<kind>/<namespace>/<name>` to version. */
  readonly order: Readonly<Record<string, string>>;
  readonly endpoints: readonly BundleEndpoint[];
  readonly upstream: BundleUpstream;
  readonly authentication: {
    readonly bearer: boolean;
    /** Lower-case header name; absent where API keys are not accepted. */
    readonly apiKeyHeader?: string;
  };
  readonly tokens: readonly BundleToken[];
  readonly rules: readonly BundleRule[];
  /** Names of identity attributes that are forwarded; others are not. */
  readonly forwardedAttributes: readonly string[];
  /** 32 bytes, base64url: binds the session ids that clients see to their principal. */
  readonly sessionKey: string;
}

/** Where clients reach the server. Compared exactly, after lower-casing the host. */
export interface BundleEndpoint {
  /** `host` or `host:port` of a public URL; absent: any host that the listener admits. */
  readonly host?: string;
  readonly path: string;
}

export interface BundleUpstream {
  readonly port: number;
  readonly path: string;
  readonly credentials: readonly BundleUpstreamCredential[];
}

/** A header the sidecar adds itself; its value is read from a Secret that clients never see. */
export interface BundleUpstreamCredential {
  /** Lower-case header name. */
  readonly header: string;
  readonly prefix: string;
  readonly secret: { readonly name: string; readonly key: string };
}

export interface BundleToken {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly type: 'Bearer' | 'APIKey';
  readonly revoked: boolean;
  readonly identity: BundleIdentity;
  readonly grants: readonly BundleGrant[];
  /** At most two are live. */
  readonly generations: readonly BundleGeneration[];
}

export interface BundleIdentity {
  readonly user: string;
  readonly email?: string;
  readonly displayName?: string;
  readonly team?: string;
  readonly organization?: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

export interface BundleGeneration {
  /** Public id, 8 base62 characters: the second field of the token. */
  readonly id: string;
  /** SHA-256 of the whole token, lower-case hex. */
  readonly sha256: string;
  /** Milliseconds since the epoch from which it is refused. */
  readonly expiresAtMs: number;
}

/** Patterns of one permission: literals and `*`, anchored. An empty list matches nothing. */
export interface BundlePatterns {
  readonly tools: readonly string[];
  readonly prompts: readonly string[];
  readonly resources: readonly string[];
}

export interface BundleGrant {
  /** `GatewayToken/<namespace>/<name>#permissions[<i>]`. */
  readonly rule: string;
  readonly allow: BundlePatterns;
  /** For tokens of other namespaces: what the server admits from there. Any one of them must match too. */
  readonly caps?: readonly BundlePatterns[];
}

export interface BundleRule {
  /** `MCPServer/<namespace>/<name>#access[<rule name>]`. */
  readonly rule: string;
  readonly effect: 'Allow' | 'Deny';
  readonly principals: readonly BundlePrincipalMatch[];
  readonly patterns: BundlePatterns;
}

/** Within one match every present field must hold; an empty list holds for nobody. */
export interface BundlePrincipalMatch {
  readonly everyone?: true;
  readonly from?: readonly string[];
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
}
