/** An API server's refusal (a `Status` object) as a `KubeError`. */
import { type JsonRecord, isRecord } from '../../core/mcp/record.ts';
import { KubeError } from './kube-error.ts';
import type { KubeErrorCause } from './kube-error.ts';

export interface FailureContext {
  /** Leaves out the API server's text, which may quote what it was sent. */
  readonly confidential: boolean;
  /** Where the body of the answer is no `Status`: the HTTP status. */
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
}

const MAX_TEXT = 1024;
const MAX_CAUSES = 16;
const WORD = /^[A-Za-z]{1,64}$/;
/** Without keys of maps and lists, which are values. */
const FIELD = /^[A-Za-z.]{1,128}$/;

/** `action` names the request: method and path, without its query. */
export function failureOf(action: string, body: unknown, context: FailureContext): KubeError {
  const answer: JsonRecord = isRecord(body) ? body : {};
  const status = context.status ?? (typeof answer['code'] === 'number' ? answer['code'] : undefined);
  const reason = typeof answer['reason'] === 'string' && WORD.test(answer['reason']) ? answer['reason'] : 'Unknown';
  const text = context.confidential || typeof answer['message'] !== 'string' ? '' : `: ${answer['message'].slice(0, MAX_TEXT)}`;
  return new KubeError(reason, `${action}: ${status ?? 'no status'} ${reason}${text}`, { status, causes: causesOf(answer), retryAfterMs: context.retryAfterMs ?? retryAfterOf(answer) });
}

function retryAfterOf(answer: JsonRecord): number | undefined {
  const details = answer['details'];
  const seconds = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}

function causesOf(answer: JsonRecord): readonly KubeErrorCause[] {
  const details = answer['details'];
  const causes: unknown = isRecord(details) ? details['causes'] : undefined;
  if (!Array.isArray(causes)) return [];
  return causes.slice(0, MAX_CAUSES).filter(isRecord).map(({ reason, field }) => ({ ...named('reason', reason, WORD), ...named('field', field, FIELD) }));
}

/** A text that does not fit stands as an empty one: that there is one tells causes apart. */
function named(member: 'reason' | 'field', value: unknown, pattern: RegExp): KubeErrorCause {
  if (typeof value !== 'string' || value === '') return {};
  return { [member]: pattern.test(value) ? value : '' };
}
