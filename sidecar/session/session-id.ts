/**
 * The session id a client sees: `s1.<MAC>.<holder>.<id of the upstream>`, all base64url. The MAC binds it to one
 * principal on one server and to the pod that holds the session, so an id cannot be guessed, chosen, used by somebody
 * else or led elsewhere, and no state is kept for it. The holder is empty where there is one gateway only.
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

export interface HeldSession {
  /** Text of formatHolder, or empty. */
  readonly holder: string;
  readonly upstreamId: string;
}

const FORM = 's1';
const KEY_BYTES = 32;
/** 192 bits, 32 characters: a multiple of 3 bytes has one base64url spelling. */
const MAC_BYTES = 24;
const MAX_UPSTREAM_ID_CHARS = 512;
const MAX_CLIENT_ID_CHARS = 2048;
const CLIENT_ID = /^s1\.[A-Za-z0-9_-]{32}\.([A-Za-z0-9_-]{0,128})\.([A-Za-z0-9_-]+)$/;
/** MCP 2025-11-25, session management: visible ASCII only. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** `text` is 32 bytes in base64url. Made once per bundle: a MAC with a ready key costs an eighth. */
export function createSessionKey(text: string): KeyObject {
  const key = Buffer.from(text, 'base64url');
  if (key.length !== KEY_BYTES) throw new TypeError(`a session key has ${KEY_BYTES} bytes`);
  return createSecretKey(key);
}

/** Throws ERR_UPSTREAM_RESPONSE_INVALID for an upstream id that is empty, too long or not visible ASCII. */
export function wrapSessionId(session: SessionBinding & HeldSession): string {
  if (!isSessionId(session.upstreamId)) {
    throw new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid session id.');
  }
  return clientIdOf(session, session);
}

/**
 * What `id` says. Guaranteed: a gateway with this server's key made `id` for this principal on this server, with this
 * holder. Not guaranteed: that the holder is still there, or that its upstream still knows the session. `undefined` for
 * every other text; never throws for one.
 */
export function unwrapSessionId(session: SessionBinding & { readonly id: string }): HeldSession | undefined {
  if (session.id.length > MAX_CLIENT_ID_CHARS) return undefined;
  const [, holder = '', encoded] = CLIENT_ID.exec(session.id) ?? [];
  if (encoded === undefined) return undefined;
  const held = { holder, upstreamId: Buffer.from(encoded, 'base64url').toString('latin1') };
  if (!isSessionId(held.upstreamId)) return undefined;
  const presented = Buffer.from(session.id, 'latin1');
  const expected = Buffer.from(clientIdOf(session, held), 'latin1');
  // The whole text is compared, so another spelling of the same bytes is another id.
  return presented.length === expected.length && timingSafeEqual(presented, expected) ? held : undefined;
}

function clientIdOf(binding: SessionBinding, { holder, upstreamId }: HeldSession): string {
  // Length before content: no two lists of fields give the same text.
  const fields = [FORM, binding.serverUid, binding.issuer, binding.subject, holder, upstreamId];
  const bound = fields.map((field) => `${field.length}:${field}`).join('');
  const tag = createHmac('sha256', binding.sessionKey).update(bound).digest().subarray(0, MAC_BYTES).toString('base64url');
  return `${FORM}.${tag}.${holder}.${Buffer.from(upstreamId, 'latin1').toString('base64url')}`;
}

function isSessionId(upstreamId: string): boolean {
  return upstreamId.length <= MAX_UPSTREAM_ID_CHARS && VISIBLE_ASCII.test(upstreamId);
}
