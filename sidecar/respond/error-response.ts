/** One table answers every denial: status, JSON-RPC error code, challenge. A missing row stops the build. */
import type { Denial, DenialCode } from '../../core/denial.ts';
import type { Era } from '../../core/mcp/message.ts';

interface Answer {
  readonly status: number;
  readonly rpcCode: number;
  /** RFC 6750 §3: no error attribute where no credential was sent. */
  readonly challenge?: 'Bearer' | 'Bearer error="invalid_token"';
  /** Sent in place of the code, where the code would tell an attacker more than "not valid". */
  readonly shownAs?: DenialCode;
  readonly retryAfterSeconds?: number;
  /** RFC 9110 §15.5.6: whoever refuses a method says which ones there are. */
  readonly allow?: string;
}

/** Own JSON-RPC codes lie outside the ranges that JSON-RPC and MCP reserve (-32768 to -32000). */
const own = (status: number): { readonly status: number; readonly rpcCode: number } => ({ status, rpcCode: -31000 - status });

const INVALID_CREDENTIAL = {
  ...own(401),
  challenge: 'Bearer error="invalid_token"',
  shownAs: 'ERR_CREDENTIAL_INVALID',
} as const;

const ANSWERS = {
  ERR_REQUEST_MALFORMED: { status: 400, rpcCode: -32600 },
  ERR_HEADER_MISMATCH: { status: 400, rpcCode: -32020 },
  ERR_PROTOCOL_VERSION_UNSUPPORTED: { status: 400, rpcCode: -32022 },
  ERR_CREDENTIAL_AMBIGUOUS: own(400),
  ERR_CREDENTIAL_MISSING: { ...own(401), challenge: 'Bearer' },
  ERR_CREDENTIAL_INVALID: INVALID_CREDENTIAL,
  ERR_CREDENTIAL_EXPIRED: INVALID_CREDENTIAL,
  ERR_CREDENTIAL_REVOKED: INVALID_CREDENTIAL,
  ERR_IDENTITY_CHANGED: { ...own(503), retryAfterSeconds: 1 },
  ERR_SERVER_NOT_GRANTED: own(403),
  ERR_PERMISSION_DENIED: own(403),
  ERR_METHOD_UNKNOWN: { status: 404, rpcCode: -32601 },
  ERR_SESSION_UNKNOWN: own(404),
  ERR_SESSION_HOLDER_UNREACHABLE: { ...own(404), shownAs: 'ERR_SESSION_UNKNOWN' },
  ERR_HOST_FORBIDDEN: own(403),
  ERR_ORIGIN_FORBIDDEN: own(403),
  ERR_PATH_UNKNOWN: own(404),
  ERR_HTTP_METHOD_NOT_ALLOWED: { ...own(405), allow: 'GET, POST, DELETE, OPTIONS' },
  ERR_BODY_TOO_LARGE: own(413),
  ERR_MEDIA_TYPE_UNSUPPORTED: own(415),
  ERR_SNAPSHOT_UNAVAILABLE: { ...own(503), retryAfterSeconds: 5 },
  ERR_SERVER_NOT_ACCEPTED: { ...own(503), retryAfterSeconds: 30 },
  ERR_UPSTREAM_CREDENTIAL_MISSING: { ...own(503), retryAfterSeconds: 30 },
  ERR_UPSTREAM_UNREACHABLE: own(502),
  ERR_UPSTREAM_RESPONSE_INVALID: own(502),
  ERR_UPSTREAM_CREDENTIAL_REFUSED: own(502),
  ERR_UPSTREAM_TIMEOUT: own(504),
  ERR_SHUTTING_DOWN: { ...own(503), retryAfterSeconds: 1 },
  ERR_INTERNAL: { status: 500, rpcCode: -32603 },
} as const satisfies Record<DenialCode, Answer>;

export interface ErrorResponse {
  readonly status: number;
  /** Flat name, value list. */
  readonly headers: readonly string[];
  readonly body: string;
}

export interface ErrorContext {
  readonly requestId: string;
  /** Absent while the message has not been read. */
  readonly era?: Era;
}

/**
 * A refusal of one call by the policy is a JSON-RPC error inside HTTP 200: no login can mend it, and clients that see
 * 403 start one. Everything that concerns the credential, the server or the request as a whole has its own status.
 */
export function errorResponse(denial: Denial, context: ErrorContext): ErrorResponse {
  const answer: Answer = ANSWERS[denial.code];
  const { rpcId, rpcCode, rpcData } = denial.detail;
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];
  if (answer.challenge !== undefined) headers.push('WWW-Authenticate', answer.challenge);
  if (answer.allow !== undefined) headers.push('Allow', answer.allow);
  if (answer.retryAfterSeconds !== undefined) headers.push('Retry-After', String(answer.retryAfterSeconds));
  const data = rpcData ?? { code: answer.shownAs ?? denial.code, requestId: context.requestId };
  const error = { code: rpcCode ?? answer.rpcCode, message: denial.message, data };
  return {
    status: rpcId === undefined ? answer.status : statusOfCall(denial.code, answer.status, context.era),
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: rpcId ?? null, error }),
  };
}

function statusOfCall(code: DenialCode, status: number, era: Era | undefined): number {
  if (code === 'ERR_PERMISSION_DENIED') return 200;
  // Unknown method: an error inside 200 until 2025-11-25, 404 since 2026-07-28.
  if (code === 'ERR_METHOD_UNKNOWN' && era === 'legacy') return 200;
  return status;
}
