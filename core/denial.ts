/**
 * An expected refusal. Its `code` is stable: documented, a metric label and an audit field.
 * Public text never carries a credential, a header value or a claim value.
 */
export const DENIAL_CODES = [
  'ERR_REQUEST_MALFORMED',
  'ERR_HEADER_MISMATCH',
  'ERR_PROTOCOL_VERSION_UNSUPPORTED',
  'ERR_CREDENTIAL_AMBIGUOUS',
  'ERR_CREDENTIAL_MISSING',
  'ERR_CREDENTIAL_INVALID',
  'ERR_CREDENTIAL_EXPIRED',
  'ERR_CREDENTIAL_REVOKED',
  'ERR_IDENTITY_CHANGED',
  'ERR_SERVER_NOT_GRANTED',
  'ERR_PERMISSION_DENIED',
  'ERR_METHOD_UNKNOWN',
  'ERR_SESSION_UNKNOWN',
  'ERR_SESSION_HOLDER_UNREACHABLE',
  'ERR_HOST_FORBIDDEN',
  'ERR_ORIGIN_FORBIDDEN',
  'ERR_PATH_UNKNOWN',
  'ERR_HTTP_METHOD_NOT_ALLOWED',
  'ERR_BODY_TOO_LARGE',
  'ERR_MEDIA_TYPE_UNSUPPORTED',
  'ERR_SNAPSHOT_UNAVAILABLE',
  'ERR_SERVER_NOT_ACCEPTED',
  'ERR_UPSTREAM_CREDENTIAL_MISSING',
  'ERR_UPSTREAM_UNREACHABLE',
  'ERR_UPSTREAM_RESPONSE_INVALID',
  'ERR_UPSTREAM_CREDENTIAL_REFUSED',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_SHUTTING_DOWN',
  'ERR_INTERNAL',
] as const;

export type DenialCode = (typeof DENIAL_CODES)[number];

/** JSON-RPC ids as the specification allows them; `undefined` where a message has none. */
export type RpcId = string | number;

export interface DenialDetail {
  /** The name of the rule that decided, where one did. */
  readonly rule?: string;
  /** For the log only; never sent to the client. */
  readonly cause?: unknown;
  /** The id of the refused request, where it could be read: the answer repeats it. */
  readonly rpcId?: RpcId;
  /** JSON-RPC error code that the protocol prescribes for this fault, where it does. */
  readonly rpcCode?: number;
  /** Member `data` of the JSON-RPC error that the protocol prescribes, where it does. */
  readonly rpcData?: Readonly<Record<string, unknown>>;
}

export class Denial extends Error {
  readonly code: DenialCode;
  readonly detail: DenialDetail;

  constructor(code: DenialCode, publicMessage: string, detail: DenialDetail = {}) {
    super(publicMessage, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'Denial';
    this.code = code;
    this.detail = detail;
  }
}
