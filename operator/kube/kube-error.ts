/** What goes wrong between this process and the API server. No credential, header or body is in any of its texts. */

/** Our own reasons; the API server's (`NotFound`, `Conflict`, `Expired`, …) stand beside them in `KubeError.reason`. */
export type ClientReason = 'ConnectionFailed' | 'Timeout' | 'Aborted' | 'ResponseMalformed' | 'CredentialsUnavailable' | 'Unknown';

export interface KubeErrorDetail {
  /** HTTP status; `undefined` where no answer arrived. */
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class KubeError extends Error {
  /** HTTP status, also of an error that came inside a watch; `undefined` where no answer arrived. */
  readonly status: number | undefined;
  /** The API server's reason, or one of `ClientReason`. */
  readonly reason: string;
  /** How long the API server asked to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, message: string, detail: KubeErrorDetail = {}) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'KubeError';
    this.reason = reason;
    this.status = detail.status;
    this.retryAfterMs = detail.retryAfterMs;
  }
}

export function isNotFound(error: unknown): boolean {
  return hasStatus(error, 404);
}

/** An object changed since it was read, exists already, or has a field that another manager owns. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409);
}

/** The resourceVersion, or the continuation of a list, is older than what the API server still knows. */
export function isExpired(error: unknown): boolean {
  return hasStatus(error, 410);
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}
