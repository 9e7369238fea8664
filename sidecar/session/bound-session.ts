/**
 * Sessions of the legacy era, bound to (issuer, subject): the client sees the upstream's id wrapped with a MAC over
 * its principal, so an id shown by anybody else is an id that does not exist.
 */
import { Denial } from '../../core/denial.ts';
import type { Message } from '../../core/mcp/message.ts';
import type { Principal } from '../../core/principal.ts';
import type { RequestHead } from '../request-head.ts';
import type { ServedServer } from '../snapshot/snapshot.ts';
import { unwrapSessionId, wrapSessionId } from './session-id.ts';

/**
 * The session id to send upstream. Guaranteed: the gateway made the presented id for this principal on this server.
 * An `initialize` never names a session, and the modern era has none.
 */
export function upstreamSessionOf(
  head: RequestHead, message: Message, server: ServedServer, principal: Principal,
): string | undefined {
  if (message.era === 'modern' || startsSession(message)) return undefined;
  if (head.sessionId === undefined) {
    if (needsSession(message)) throw unknownSession(message);
    return undefined;
  }
  const { sessionKey, bundle: { server: { uid: serverUid } } } = server;
  const upstreamId = unwrapSessionId({ sessionKey, serverUid, issuer: principal.issuer, subject: principal.subject, id: head.sessionId });
  if (upstreamId === undefined) throw unknownSession(message);
  return upstreamId;
}

/** The id to show the client for one the upstream sent; `undefined` in the modern era, which has no sessions. */
export function sessionShownAs(
  upstreamId: string, message: Message, server: ServedServer, principal: Principal,
): string | undefined {
  if (message.era === 'modern') return undefined;
  const { sessionKey, bundle: { server: { uid: serverUid } } } = server;
  return wrapSessionId({ sessionKey, serverUid, issuer: principal.issuer, subject: principal.subject, upstreamId });
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
function unknownSession(message: Message): Denial {
  const rpcId = message.kind === 'single' && message.entry.kind === 'request' ? { rpcId: message.entry.id } : {};
  return new Denial('ERR_SESSION_UNKNOWN', 'Session not found.', rpcId);
}
