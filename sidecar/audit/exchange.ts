/**
 * One HTTP request with its response, as known so far. The pipeline fills it step by step; audit and metrics read it.
 * It has no place for a credential, a header value the sidecar did not choose, or the arguments of a call.
 */
import { hash } from 'node:crypto';
import type { Denial, DenialCode } from '../../core/denial.ts';
import type { Message } from '../../core/mcp/message.ts';
import type { Principal } from '../../core/principal.ts';

export type CloseCause =
  | 'completed'
  | 'refused'
  | 'client-aborted'
  | 'upstream-aborted'
  | 'revoked'
  | 'expired'
  | 'policy-changed'
  | 'stale'
  | 'shutdown';

export type Outcome = 'allowed' | 'denied' | 'aborted';

export interface ExchangeServer {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
}

/** Every member but the readonly ones starts `undefined`, 0 or false and is set when it becomes known. */
export interface Exchange {
  /** Our request id; also sent to the upstream and to the client. */
  readonly id: string;
  readonly startedMonotonicMs: number;
  /** Address of the client: of the peer of the connection, never taken from a header of a client. */
  readonly peer: string;
  /** The sidecar that handed this request over, and its own id of it. */
  readonly cameFrom: { readonly address: string; readonly requestId: string } | undefined;
  readonly httpMethod: string;
  readonly userAgent: string | undefined;
  /** `X-Request-Id` as the client sent it. */
  readonly clientRequestId: string | undefined;
  /** Trace id of `traceparent`, 32 hex digits. */
  readonly traceId: string | undefined;
  server: ExchangeServer | undefined;
  revision: string | undefined;
  principal: Principal | undefined;
  message: Message | undefined;
  /** What `sessionName` makes of a session id; never the id itself. */
  sessionId: string | undefined;
  permitRule: string | undefined;
  denial: Denial | undefined;
  status: number | undefined;
  bytesIn: number;
  bytesOut: number;
  upstreamCalled: boolean;
  /** UID of the pod whose sidecar this was handed to, because it holds the session. */
  handedTo: string | undefined;
  /** References such as `secret/github-pat#token`. */
  upstreamCredentials: readonly string[] | undefined;
  closeCause: CloseCause | undefined;
  /** Set when a decision was recorded before the exchange ended, as it is for streams. */
  decidedMonotonicMs: number | undefined;
}

export type ExchangeStart = Pick<Exchange, 'id' | 'startedMonotonicMs' | 'peer' | 'httpMethod'> &
  Partial<Pick<Exchange, 'userAgent' | 'clientRequestId' | 'traceId' | 'cameFrom'>>;

export function createExchange(start: ExchangeStart): Exchange {
  // All members from the start: one shape for the engine, and nothing is set that the interface does not name.
  return {
    id: start.id,
    startedMonotonicMs: start.startedMonotonicMs,
    peer: start.peer,
    cameFrom: start.cameFrom,
    httpMethod: start.httpMethod,
    userAgent: start.userAgent,
    clientRequestId: start.clientRequestId,
    traceId: start.traceId,
    server: undefined,
    revision: undefined,
    principal: undefined,
    message: undefined,
    sessionId: undefined,
    permitRule: undefined,
    denial: undefined,
    status: undefined,
    bytesIn: 0,
    bytesOut: 0,
    upstreamCalled: false,
    handedTo: undefined,
    upstreamCredentials: undefined,
    closeCause: undefined,
    decidedMonotonicMs: undefined,
  };
}

/** Faults that leave a permit standing: the policy allowed the message, carrying it out failed. */
const FAILURES: ReadonlySet<DenialCode> = new Set([
  'ERR_SESSION_HOLDER_UNREACHABLE',
  'ERR_UPSTREAM_CREDENTIAL_MISSING',
  'ERR_UPSTREAM_UNREACHABLE',
  'ERR_UPSTREAM_RESPONSE_INVALID',
  'ERR_UPSTREAM_CREDENTIAL_REFUSED',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_SHUTTING_DOWN',
  'ERR_INTERNAL',
] satisfies DenialCode[]);

/**
 * Judged from positive evidence: `allowed` only where a permit was given and no refusal followed it, `denied` only
 * where there was a refusal. A request that ended before either is `aborted`. A permitted message that failed at the
 * upstream stays `allowed`; its reason is the failure.
 */
export function outcome(exchange: Exchange): Outcome {
  const { permitRule, denial } = exchange;
  if (permitRule !== undefined && (denial === undefined || FAILURES.has(denial.code))) return 'allowed';
  return denial === undefined ? 'aborted' : 'denied';
}

/** A short name under which a session can be followed through the log and from which its id cannot be found. */
export function sessionName(sessionId: string): string {
  return hash('sha256', sessionId, 'hex').slice(0, SESSION_NAME_LENGTH);
}

const SESSION_NAME_LENGTH = 16;
const SESSION_NAME = /^[0-9a-f]{16}$/;

export function isSessionName(text: string): boolean {
  return SESSION_NAME.test(text);
}
