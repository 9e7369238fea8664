/**
 * The bundle: everything the sidecars of one MCPServer need and nothing else. It holds hashes of tokens, never
 * tokens; the one secret in it is the server's session key. Compiled by core/bundle/compile.ts; read from the wire
 * and from files by `parseBundle`.
 */
import { anyBoolean, arrayOf, integer, mapOf, matching, objectOf, oneOf, optional, requireShape, text } from './wire-shape.ts';
import type { Shape } from './wire-shape.ts';

export const BUNDLE_FORMAT = 1;

export interface Bundle {
  readonly format: typeof BUNDLE_FORMAT;
  readonly server: { readonly namespace: string; readonly name: string; readonly uid: string; readonly generation: number };
  /** SHA-256 (hex) over every other member but `order`: equal exactly where bundles say the same. See core/bundle/revision.ts. */
  readonly revision: string;
  readonly order: BundleOrder;
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
  /** Older than this, without anybody who vouches for it, the bundle allows nothing. */
  readonly maxStalenessMs: number;
  /** PEM, one certificate each: who vouches for the sidecars of this server among each other. Empty where there is only one. */
  readonly peerAuthorities: readonly string[];
}

/**
 * The resource versions it was compiled from: `<kind>/<namespace>/<name>` to version, and `<kind>` alone to the version
 * up to which all changes of that kind had been seen. The latter is what tells a deletion from an object not yet seen.
 */
export type BundleOrder = Readonly<Record<string, string>>;

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

export type BundleMembers = Partial<Omit<Bundle, 'format' | 'revision' | 'order' | 'tokens'>>;

export const BUNDLE_LIMITS = { tokens: 50_000, order: 100_000, list: 1024, authorities: 16, uid: 128, name: 253, text: 4096 } as const;

const NAME = text(BUNDLE_LIMITS.name);
const TEXT = text(BUNDLE_LIMITS.text);
const TEXTS = arrayOf(TEXT, BUNDLE_LIMITS.list);
const UID = text(BUNDLE_LIMITS.uid);

export const REVISION_SHAPE = matching(/^[0-9a-f]{64}$/);
export const TOKEN_UID_SHAPE = UID;
export const GENERATION_ID_SHAPE = matching(/^[0-9A-Za-z]{8}$/);
/** Resource versions are compared as numbers, so nothing else gets in. */
export const ORDER_SHAPE = mapOf(matching(/^(?:0|[1-9][0-9]{0,19})$/), BUNDLE_LIMITS.order);

const PATTERNS = objectOf<BundlePatterns>({ tools: TEXTS, prompts: TEXTS, resources: TEXTS });

const IDENTITY = objectOf<BundleIdentity>({
  user: TEXT,
  email: optional(TEXT),
  displayName: optional(TEXT),
  team: optional(TEXT),
  organization: optional(TEXT),
  groups: TEXTS,
  roles: TEXTS,
  attributes: mapOf(TEXT, BUNDLE_LIMITS.list),
});

export const TOKEN_SHAPE = objectOf<BundleToken>({
  uid: UID,
  namespace: NAME,
  name: NAME,
  type: oneOf('Bearer', 'APIKey'),
  revoked: anyBoolean,
  identity: IDENTITY,
  grants: arrayOf(objectOf<BundleGrant>({ rule: TEXT, allow: PATTERNS, caps: optional(arrayOf(PATTERNS, BUNDLE_LIMITS.list)) }), BUNDLE_LIMITS.list),
  generations: arrayOf(objectOf<BundleGeneration>({ id: GENERATION_ID_SHAPE, sha256: REVISION_SHAPE, expiresAtMs: integer }), BUNDLE_LIMITS.list),
});

const PRINCIPALS = objectOf<BundlePrincipalMatch>({
  everyone: optional(oneOf(true)),
  from: optional(TEXTS),
  users: optional(TEXTS),
  groups: optional(TEXTS),
  roles: optional(TEXTS),
});

const CREDENTIAL = objectOf<BundleUpstreamCredential>({ header: TEXT, prefix: TEXT, secret: objectOf<BundleUpstreamCredential['secret']>({ name: NAME, key: NAME }) });

/** Every member that is neither the identity of the content nor a token: what a patch replaces whole. */
export const MEMBER_SHAPES = {
  server: objectOf<Bundle['server']>({ namespace: NAME, name: NAME, uid: UID, generation: integer }),
  endpoints: arrayOf(objectOf<BundleEndpoint>({ host: optional(TEXT), path: TEXT }), BUNDLE_LIMITS.list),
  upstream: objectOf<BundleUpstream>({ port: integer, path: TEXT, credentials: arrayOf(CREDENTIAL, BUNDLE_LIMITS.list) }),
  authentication: objectOf<Bundle['authentication']>({ bearer: anyBoolean, apiKeyHeader: optional(TEXT) }),
  rules: arrayOf(
    objectOf<BundleRule>({ rule: TEXT, effect: oneOf('Allow', 'Deny'), principals: arrayOf(PRINCIPALS, BUNDLE_LIMITS.list), patterns: PATTERNS }),
    BUNDLE_LIMITS.list,
  ),
  forwardedAttributes: TEXTS,
  sessionKey: matching(/^[A-Za-z0-9_-]{1,128}$/),
  maxStalenessMs: integer,
  peerAuthorities: arrayOf(TEXT, BUNDLE_LIMITS.authorities),
} as const satisfies Record<keyof BundleMembers, Shape>;

export const BUNDLE_SHAPE = objectOf<Bundle>({
  format: oneOf(BUNDLE_FORMAT),
  revision: REVISION_SHAPE,
  order: ORDER_SHAPE,
  tokens: arrayOf(TOKEN_SHAPE, BUNDLE_LIMITS.tokens, 'uid'),
  ...MEMBER_SHAPES,
});

/**
 * Guarantees the shape, the bounds, that no member is unknown and no token there twice. Not that the revision is that
 * of the content. Throws a WireError that names the member at fault, never its value.
 */
export function parseBundle(value: unknown): Bundle {
  requireShape<Bundle>(BUNDLE_SHAPE, value);
  return value;
}
