/**
 * Sessions of the legacy era, bound to (issuer, subject) and to the pod that holds them: the client sees the upstream's
 * id wrapped with a MAC over both, so an id shown by anybody else is an id that does not exist.
 */
import { Denial } from '../../core/denial.ts';
import type { Message } from '../../core/mcp/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { RequestHead } from '../request-head.ts';
import type { ServedServer } from '../snapshot/snapshot.ts';
import { parseHolder } from './holder.ts';
import type { Holder } from './holder.ts';
import { unwrapSessionId, wrapSessionId } from './session-id.ts';
import type { HeldSession } from './session-id.ts';

/** Where a message belongs: to the upstream beside this gateway, in a session or in none, or to the one of another pod. */
export type SessionPlace =
  | { readonly kind: 'here'; readonly upstreamId: string | undefined }
  | { readonly kind: 'elsewhere'; readonly holder: Holder };

/** The pod of this gateway. */
export interface OwnPlace {
  readonly podUid: string;
  /** Text of formatHolder. */
  readonly text: string;
}

const NO_SESSION: SessionPlace = { kind: 'here', upstreamId: undefined };

/**
 * Guaranteed of a session: a gateway of this server made the presented id for this principal, and where it is to be
 * found. An `initialize` never names a session, and the modern era has none. Throws ERR_SESSION_UNKNOWN.
 */
export function placeOfSession(
  head: RequestHead, message: Message, { server, principal, own }: { readonly server: ServedServer; readonly principal: Principal; readonly own: OwnPlace | undefined },
): SessionPlace {
  if (message.era === 'modern' || startsSession(message)) return NO_SESSION;
  if (head.sessionId === undefined) {
    if (needsSession(message)) throw unknownSession(message);
    return NO_SESSION;
  }
  const { sessionKey, bundle: { server: { uid: serverUid } } } = server;
  const held = unwrapSessionId({ sessionKey, serverUid, issuer: principal.issuer, subject: principal.subject, id: head.sessionId });
  const place = held === undefined ? undefined : placeOf(held, own);
  if (place === undefined) throw unknownSession(message);
  return place;
}

function placeOf({ holder: text, upstreamId }: HeldSession, own: OwnPlace | undefined): SessionPlace | undefined {
  if (text === (own?.text ?? '')) return { kind: 'here', upstreamId };
  const holder = own === undefined ? undefined : parseHolder(text);
  if (holder === undefined) return undefined;
  // The same pod under a former address.
  return holder.podUid === own?.podUid ? { kind: 'here', upstreamId } : { kind: 'elsewhere', holder };
}

/** The id to show the client for one the upstream sent; `undefined` in the modern era, which has no sessions. */
export function sessionShownAs(
  upstreamId: string, message: Message, { server, principal, own }: { readonly server: ServedServer; readonly principal: Principal; readonly own: OwnPlace | undefined },
): string | undefined {
  if (message.era === 'modern') return undefined;
  const { sessionKey, bundle: { server: { uid: serverUid } } } = server;
  return wrapSessionId({ sessionKey, serverUid, issuer: principal.issuer, subject: principal.subject, holder: own?.text ?? '', upstreamId });
}

function startsSession(message: Message): boolean {
  return message.kind === 'single' && message.entry.kind === 'request' && message.entry.method === 'initialize';
}

/**
 * What acts on somebody's state: a task, a question the server asked, the session itself. Only a session says whose it
 * is; an upstream that shares one transport would give the answer of one client to the question of another.
 */
function needsSession(message: Message): boolean {
  if (message.kind === 'terminate') return true;
  const entries = message.kind === 'single' ? [message.entry] : message.kind === 'batch' ? message.entries : [];
  return entries.some((entry) => entry.kind === 'response' || (entry.kind === 'request' && entry.method.startsWith('tasks/')));
}

/** 404, so that the client starts a new session (MCP 2025-11-25, transports). */
export function unknownSession(message: Message): Denial {
  return new Denial('ERR_SESSION_UNKNOWN', 'Session not found.', rpcIdOf(message));
}

/** As for one that nobody knows: the client can do nothing else about either. The record tells them apart. */
export function lostSession(message: Message, cause: unknown): Denial {
  return new Denial('ERR_SESSION_HOLDER_UNREACHABLE', 'Session not found.', { ...rpcIdOf(message), cause });
}

function rpcIdOf(message: Message): { readonly rpcId?: string | number } {
  return message.kind === 'single' && message.entry.kind === 'request' ? { rpcId: message.entry.id } : {};
}
