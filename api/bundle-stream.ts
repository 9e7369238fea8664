/**
 * The wire contract between operator and sidecar: newline-delimited JSON down, small JSON bodies up. Every message
 * carries its version; a member that is not known is refused, so neither side acts on half of what the other meant.
 */
import { BUNDLE_AUDIENCE } from './annotations.ts';
import { BUNDLE_LIMITS, BUNDLE_SHAPE, GENERATION_ID_SHAPE, MEMBER_SHAPES, ORDER_SHAPE, REVISION_SHAPE, TOKEN_SHAPE, TOKEN_UID_SHAPE } from './bundle.ts';
import { anyBoolean, arrayOf, integer, matching, objectOf, oneOf, optional, parseJson, requireShape, text, WireError } from './wire-shape.ts';
import type { Bundle, BundleMembers, BundleOrder, BundleToken } from './bundle.ts';
import type { ShapeOf } from './wire-shape.ts';

export const STREAM_FORMAT = 1;

/** One message, without its newline. Above the largest bundle that compiles: a longer line is not read to its end. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** The body of an acknowledgement or a usage report. */
export const MAX_REPORT_BYTES = 256 * 1024;

export interface ServerName {
  readonly namespace: string;
  readonly name: string;
}

/** Of the token with which a sidecar of this server asks: it opens no other server's bundle. */
export function bundleAudience({ namespace, name }: ServerName): string {
  return `${BUNDLE_AUDIENCE}/${namespace}/${name}`;
}

/** The body of an exposure report. */
export const MAX_EXPOSURE_BYTES = 256;

/** The body of a request for a certificate: a public key as PEM. */
export const MAX_PUBLIC_KEY_BYTES = 1024;

/**
 * `bundles` is a GET that streams; the others are POSTs. Each names the server it is about. `certificates` are for
 * serving clients, `peercertificates` for the sidecars of one server among each other.
 */
export const STREAM_ENDPOINTS = ['bundles', 'acknowledgements', 'usage', 'certificates', 'peercertificates', 'exposures'] as const;
export type StreamEndpoint = (typeof STREAM_ENDPOINTS)[number];

export function streamPath(endpoint: StreamEndpoint, { namespace, name }: ServerName): string {
  return `/v1/${endpoint}/${namespace}/${name}`;
}

const PATH = /^\/v1\/([a-z]{1,32})\/([a-z0-9][-a-z0-9]{0,62})\/([a-z0-9][-.a-z0-9]{0,252})$/;

export function parseStreamPath(path: string): { readonly endpoint: StreamEndpoint; readonly server: ServerName } | undefined {
  const [, named, namespace = '', name = ''] = PATH.exec(path) ?? [];
  const endpoint = STREAM_ENDPOINTS.find((each) => each === named);
  return endpoint === undefined ? undefined : { endpoint, server: { namespace, name } };
}

/** What changed between two bundles of one server. */
export interface BundlePatch {
  /** Revision it applies to, and revision that results. Equal where only the order moved on. */
  readonly from: string;
  readonly to: string;
  readonly order: { readonly set: BundleOrder; readonly remove: readonly string[] };
  readonly tokens: { readonly upsert: readonly BundleToken[]; readonly remove: readonly string[] };
  /** Other members that changed, whole. */
  readonly members: BundleMembers;
}

export interface BundleMessage {
  readonly format: typeof STREAM_FORMAT;
  readonly type: 'bundle';
  /** Raised by hand after the cluster was restored from a backup: every order and revocation before it is forgotten. */
  readonly epoch: number;
  readonly bundle: Bundle;
}

export interface PatchMessage {
  readonly format: typeof STREAM_FORMAT;
  readonly type: 'patch';
  readonly epoch: number;
  readonly patch: BundlePatch;
}

export interface HeartbeatMessage {
  readonly format: typeof STREAM_FORMAT;
  readonly type: 'heartbeat';
  readonly epoch: number;
  /** Age of the newest evidence from the API server, on the replica's monotonic clock, when this was sent. */
  readonly progressAgeMs: number;
  /** The replica's wall clock when this was sent. */
  readonly nowMs: number;
}

/** The server is gone or not accepted: nothing is allowed any more. */
export interface RetractMessage {
  readonly format: typeof STREAM_FORMAT;
  readonly type: 'retract';
  readonly epoch: number;
  /** As of which versions; empty where that is not known. */
  readonly order: BundleOrder;
}

export type StreamMessage = BundleMessage | PatchMessage | HeartbeatMessage | RetractMessage;

/** What the pod enforces is this revision, or stricter. Which pod that is, its token says, never the body. */
export interface Acknowledgement {
  readonly format: typeof STREAM_FORMAT;
  readonly revision: string;
}

/** What happened since the last report, by generation of a token. */
export interface UsageReport {
  readonly format: typeof STREAM_FORMAT;
  /** Random: who numbers the reports. */
  readonly reporter: string;
  /** Ascends from 1. A report that is sent again has the number it had: it is counted once. */
  readonly sequence: number;
  readonly generations: readonly GenerationUsage[];
  /** Decisions about generations that the sidecar had no room for. */
  readonly uncounted: number;
}

export interface GenerationUsage {
  /** UID of the GatewayToken. */
  readonly uid: string;
  readonly generation: string;
  /** Milliseconds since the epoch, by the operator's clock. Absent: nothing was allowed. */
  readonly lastUsedAtMs?: number;
  /** As above; absent: nothing was denied. */
  readonly lastDeniedAtMs?: number;
  readonly uses: number;
  /** Requests that were denied although the credential is good. */
  readonly failures: number;
  /** Those that allowed something. */
  readonly permissions: readonly PermissionUsage[];
}

export interface PermissionUsage {
  /** Of `spec.permissions`. */
  readonly index: number;
  readonly lastUsedAtMs: number;
  /** Names of tools that were called and allowed; of a batch all stand at the permission that was judged last. */
  readonly tools: readonly string[];
  /** Further tools were called: there was no room for their names, or they are no names as TOOL_NAME has them. */
  readonly moreTools: boolean;
}

export const USAGE_LIMITS = { generations: 500, permissions: 32, tools: 32 } as const;

/** Printable ASCII that JSON does not escape: what MCP recommends for names of tools (2025-11-25), and more. */
export const TOOL_NAME = /^[!#-[\]-~]{1,128}$/;

/** What came of the sidecar's attempts to connect to its own server. Which pod that is, its token says, never the body. */
export interface ExposureReport {
  readonly format: typeof STREAM_FORMAT;
  /** The server's port that was tried. */
  readonly port: number;
  /**
   * `LoopbackOnly`: refused on every address of the pod, and not on 127.0.0.1. `Exposed`: an address of the pod answered.
   * `Unclear`: neither, for example because the server does not listen yet.
   */
  readonly outcome: 'LoopbackOnly' | 'Exposed' | 'Unclear';
}

const MAX_LIST = BUNDLE_LIMITS.tokens;
const FORMAT = oneOf(STREAM_FORMAT);

const PATCH_SHAPE = objectOf<BundlePatch>({
  from: REVISION_SHAPE,
  to: REVISION_SHAPE,
  order: objectOf<BundlePatch['order']>({ set: ORDER_SHAPE, remove: arrayOf(text(BUNDLE_LIMITS.text), BUNDLE_LIMITS.order) }),
  tokens: objectOf<BundlePatch['tokens']>({ upsert: arrayOf(TOKEN_SHAPE, MAX_LIST, 'uid'), remove: arrayOf(TOKEN_UID_SHAPE, MAX_LIST) }),
  members: objectOf<BundleMembers>({
    server: optional(MEMBER_SHAPES.server),
    endpoints: optional(MEMBER_SHAPES.endpoints),
    upstream: optional(MEMBER_SHAPES.upstream),
    authentication: optional(MEMBER_SHAPES.authentication),
    rules: optional(MEMBER_SHAPES.rules),
    forwardedAttributes: optional(MEMBER_SHAPES.forwardedAttributes),
    sessionKey: optional(MEMBER_SHAPES.sessionKey),
    maxStalenessMs: optional(MEMBER_SHAPES.maxStalenessMs),
    peerAuthorities: optional(MEMBER_SHAPES.peerAuthorities),
  }),
});

const MESSAGE_SHAPES: ReadonlyMap<unknown, ShapeOf<StreamMessage>> = new Map<StreamMessage['type'], ShapeOf<StreamMessage>>([
  ['bundle', objectOf<BundleMessage>({ format: FORMAT, type: oneOf('bundle'), epoch: integer, bundle: BUNDLE_SHAPE })],
  ['patch', objectOf<PatchMessage>({ format: FORMAT, type: oneOf('patch'), epoch: integer, patch: PATCH_SHAPE })],
  ['heartbeat', objectOf<HeartbeatMessage>({ format: FORMAT, type: oneOf('heartbeat'), epoch: integer, progressAgeMs: integer, nowMs: integer })],
  ['retract', objectOf<RetractMessage>({ format: FORMAT, type: oneOf('retract'), epoch: integer, order: ORDER_SHAPE })],
]);

const ACKNOWLEDGEMENT_SHAPE = objectOf<Acknowledgement>({ format: FORMAT, revision: REVISION_SHAPE });

const EXPOSURE_SHAPE = objectOf<ExposureReport>({ format: FORMAT, port: integer, outcome: oneOf('LoopbackOnly', 'Exposed', 'Unclear') });
const PERMISSION_USAGE_SHAPE = objectOf<PermissionUsage>({
  index: integer,
  lastUsedAtMs: integer,
  tools: arrayOf(matching(TOOL_NAME), USAGE_LIMITS.tools),
  moreTools: anyBoolean,
});

const USAGE_SHAPE = objectOf<UsageReport>({
  format: FORMAT,
  reporter: matching(/^[0-9a-f]{16}$/),
  sequence: integer,
  uncounted: integer,
  generations: arrayOf(
    objectOf<GenerationUsage>({
      uid: TOKEN_UID_SHAPE,
      generation: GENERATION_ID_SHAPE,
      lastUsedAtMs: optional(integer),
      lastDeniedAtMs: optional(integer),
      uses: integer,
      failures: integer,
      permissions: arrayOf(PERMISSION_USAGE_SHAPE, USAGE_LIMITS.permissions, 'index'),
    }),
    USAGE_LIMITS.generations,
  ),
});

/** One line of the stream. Throws a WireError that names the member at fault, never its value. */
export function parseStreamMessage(line: string): StreamMessage {
  const value = parseJson(line);
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  const shape = MESSAGE_SHAPES.get(type);
  if (shape === undefined) throw new WireError('type: is not one of the known values');
  requireShape<StreamMessage>(shape, value);
  return value;
}

/** Throws a WireError, as above; its callers bound the size of `body`. */
export function parseAcknowledgement(body: string): Acknowledgement {
  const value = parseJson(body);
  requireShape<Acknowledgement>(ACKNOWLEDGEMENT_SHAPE, value);
  return value;
}

/** Throws a WireError, as above. Whether the tokens are those of the reporting pod's server is not judged here. */
export function parseUsageReport(body: string): UsageReport {
  const value = parseJson(body);
  requireShape<UsageReport>(USAGE_SHAPE, value);
  return value;
}

/** Throws a WireError, as above. */
export function parseExposureReport(body: string): ExposureReport {
  const value = parseJson(body);
  requireShape<ExposureReport>(EXPOSURE_SHAPE, value);
  return value;
}
