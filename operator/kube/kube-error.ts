/** What goes wrong between this process and the API server. No credential, header or body is in any of its texts. */

/** Our own reasons; the API server's (`NotFound`, `Conflict`, `Expired`, …) stand beside them in `KubeError.reason`. */
export type ClientReason = 'ConnectionFailed' | 'Timeout' | 'Aborted' | 'ResponseMalformed' | 'CredentialsUnavailable' | 'Unknown';

/** What the API server names as a cause: words and paths of fields, never values. A policy gives neither. */
export interface KubeErrorCause {
  readonly reason?: string;
  readonly field?: string;
}

export interface KubeErrorDetail {
  /** HTTP status; `undefined` where no answer arrived. */
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly causes?: readonly KubeErrorCause[];
  readonly cause?: unknown;
}

export class KubeError extends Error {
  /** HTTP status, also of an error that came inside a watch; `undefined` where no answer arrived. */
  readonly status: number | undefined;
  /** The API server's reason, or one of `ClientReason`. */
  readonly reason: string;
  /** How long the API server asked to be left alone. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly KubeErrorCause[];

  constructor(reason: string, message: string, detail: KubeErrorDetail = {}) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'KubeError';
    this.reason = reason;
    this.status = detail.status;
    this.retryAfterMs = detail.retryAfterMs;
    this.causes = detail.causes ?? [];
  }
}

export function isNotFound(error: unknown): boolean {
  return hasStatus(error, 404);
}

/** An object changed since it was read, exists already, or has a field that another manager owns. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409);
}

/** Fields that are to be applied belong to another manager. */
export function isFieldConflict(error: unknown): boolean {
  return hasStatus(error, 409) && hasCause(error, ({ reason }) => reason === 'FieldManagerConflict');
}

/** The object would not be valid, for what this field would be then. */
export function isInvalidField(error: unknown, field: string): boolean {
  return hasStatus(error, 422) && hasCause(error, (cause) => cause.field === field);
}

/** An admission policy denies it: RBAC gives no cause for a refusal, and everything else a word or a field. */
export function isDeniedByPolicy(error: unknown): boolean {
  return hasStatus(error, 403) && hasCause(error, ({ reason, field }) => reason === undefined && field === undefined);
}

/** The resourceVersion, or the continuation of a list, is older than what the API server still knows. */
export function isExpired(error: unknown): boolean {
  return hasStatus(error, 410);
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status;
}

function hasCause(error: unknown, fits: (cause: KubeErrorCause) => boolean): boolean {
  return error instanceof KubeError && error.causes.some(fits);
}
