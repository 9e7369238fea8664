/**
 * The session id a client sees: `s1.<MAC>.<id of the upstream>`, both base64url. The MAC binds it to one principal on
 * one server, so an id cannot be guessed, chosen or used by somebody else, and no state is kept for it. The prefix
 * names the form: a later one can carry the pod that holds the session.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Denial } from '../../core/denial.ts';

export interface SessionBinding {
  readonly sessionKey: KeyObject;
  readonly serverUid: string;
  readonly issuer: string;
  readonly subject: string;
}

const FORM = 's1';
const KEY_BYTES = 32;
/** 192 bits, 32 characters: a multiple of 3 bytes has one base64url spelling. */
const MAC_BYTES = 24;
const MAX_UPSTREAM_ID_CHARS = 512;
const MAX_CLIENT_ID_CHARS = 2048;
const CLIENT_ID = /^s1\.[A-Za-z0-9_-]{32}\.([A-Za-z0-9_-]+)$/;
/** MCP 2025-11-25, session management: visible ASCII only. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** `text` is 32 bytes in base64url. Made once per bundle: a MAC with a ready key costs an eighth. */
export function createSessionKey(text: string): KeyObject {
  const key = Buffer.from(text, 'base64url');
  if (key.length !== KEY_BYTES) throw new TypeError(`a session key has ${KEY_BYTES} bytes`);
  return createSecretKey(key);
}

/** Throws ERR_UPSTREAM_RESPONSE_INVALID for an upstream id that is empty, too long or not visible ASCII. */
export function wrapSessionId(session: SessionBinding & { readonly upstreamId: string }): string {
  if (!isSessionId(session.upstreamId)) {
    throw new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid session id.');
  }
  return clientIdOf(session, session.upstreamId);
}

/**
 * The upstream id inside `id`. Guaranteed: this gateway made `id` for this principal on this server. Not guaranteed:
 * that the upstream still knows the session. `undefined` for every other text; never throws for one.
 */
export function unwrapSessionId(session: SessionBinding & { readonly id: string }): string | undefined {
  if (session.id.length > MAX_CLIENT_ID_CHARS) return undefined;
  const encoded = CLIENT_ID.exec(session.id)?.[1];
  if (encoded === undefined) return undefined;
  const upstreamId = Buffer.from(encoded, 'base64url').toString('latin1');
  if (!isSessionId(upstreamId)) return undefined;
  const presented = Buffer.from(session.id, 'latin1');
  const expected = Buffer.from(clientIdOf(session, upstreamId), 'latin1');
  // The whole text is compared, so another spelling of the same bytes is another id.
  return presented.length === expected.length && timingSafeEqual(presented, expected) ? upstreamId : undefined;
}

function clientIdOf(binding: SessionBinding, upstreamId: string): string {
  // Length before content: no two lists of fields give the same text.
  const fields = [FORM, binding.serverUid, binding.issuer, binding.subject, upstreamId];
  const bound = fields.map((field) => `${field.length}:${field}`).join('');
  const tag = createHmac('sha256', binding.sessionKey).update(bound).digest().subarray(0, MAC_BYTES).toString('base64url');
  return `${FORM}.${tag}.${Buffer.from(upstreamId, 'latin1').toString('base64url')}`;
}

function isSessionId(upstreamId: string): boolean {
  return upstreamId.length <= MAX_UPSTREAM_ID_CHARS && VISIBLE_ASCII.test(upstreamId);
}
