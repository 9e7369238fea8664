/**
 * From the bytes of a POST to the message the policy judges. Which era a message belongs to is decided as
 * `classifyInboundRequest` of @modelcontextprotocol/server 2.4.0 decides it, or the message is refused, so that the
 * gateway and the upstream never read it by different rules.
 */
import { Denial, type DenialDetail, type RpcId } from '../denial.ts';
import { type Frame, type NotificationFrame, readFrame, type RequestFrame, RPC } from './frame.ts';
import type { Entry, Era, Message, MessageHeaders } from './message.ts';
import { findMethod } from './method.ts';
import { envelopeMissing, hasModernClaim, requireModernNotification, requireModernRequest } from './modern.ts';
import { BATCH_REVISION, isModernRevision, LEGACY_REVISIONS } from './revision.ts';
import { parseStrictJson } from './strict-json.ts';
import { areFewUris } from './target.ts';

const MAX_BATCH_ENTRIES = 100;

/**
 * Guarantees: the bytes have one reading (see parseStrictJson and readFrame), the headers of the protocol agree with
 * them, and every known method names its target. Throws a Denial otherwise, with the request's id where one could be
 * read. Does not say whether a method is known or allowed: that is the policy's answer.
 */
export function parseMessage(body: Uint8Array, headers: MessageHeaders): Message {
  const value = parseStrictJson(body);
  return Array.isArray(value) ? parseBatch(value, headers) : parseSingle(readFrame(value), headers);
}

/** GET and DELETE carry no message; they belong to a legacy session. */
export function parseBodiless(kind: 'stream' | 'terminate', headers: MessageHeaders): Message {
  requireLegacyVersion(headers, undefined);
  return { kind, era: 'legacy' };
}

function parseSingle(frame: Frame, headers: MessageHeaders): Message {
  const era = judgeEra(frame, headers);
  return { kind: 'single', era, entry: toEntry(frame, era) };
}

/** The body's claim decides; the header decides only for a notification without one. */
function judgeEra(frame: Frame, headers: MessageHeaders): Era {
  switch (frame.kind) {
    case 'request':
      return judgeRequest(frame, headers);
    case 'notification':
      return judgeNotification(frame, headers);
    case 'response':
      if (namesModern(headers)) throw malformed('This protocol revision has no responses from clients', { rpcId: frame.id });
      requireLegacyVersion(headers, frame.id);
      return 'legacy';
  }
}

function judgeRequest(frame: RequestFrame, headers: MessageHeaders): Era {
  const claimed = hasModernClaim(frame.meta);
  if (frame.method === 'initialize') {
    // The SDK reads a claim here in two ways, by whether the rest of `_meta` is valid; the revision has no such method.
    if (claimed) throw new Denial('ERR_METHOD_UNKNOWN', 'This protocol revision has no initialize', { rpcId: frame.id });
    if (namesModern(headers)) {
      throw new Denial('ERR_HEADER_MISMATCH', 'The header MCP-Protocol-Version and the body disagree', { rpcId: frame.id, rpcCode: RPC.headerMismatch });
    }
  }
  if (hasModernClaim(frame.meta)) {
    requireModernRequest(frame, frame.meta, headers);
    return 'modern';
  }
  if (namesModern(headers)) throw envelopeMissing(frame.meta, frame.id);
  requireLegacyVersion(headers, frame.id);
  return 'legacy';
}

function judgeNotification(frame: NotificationFrame, headers: MessageHeaders): Era {
  if (hasModernClaim(frame.meta) || namesModern(headers)) {
    requireModernNotification(frame, headers);
    return 'modern';
  }
  requireLegacyVersion(headers, undefined);
  return 'legacy';
}

function parseBatch(values: readonly unknown[], headers: MessageHeaders): Message {
  if (values.length === 0 || values.length > MAX_BATCH_ENTRIES) throw malformed('A batch must hold 1 to 100 messages', {});
  const frames = values.map(readBatched);
  const version = headers.protocolVersion;
  if (version !== undefined && version !== BATCH_REVISION) throw malformed('This protocol revision has no batches', {});
  requireDistinctIds(frames);
  const entries = frames.map((frame) => withoutId(() => toEntry(frame, 'legacy')));
  if (!areFewUris(entries.flatMap(urisOf))) throw malformed('A batch must not name URIs of more than 131072 characters', {});
  return { kind: 'batch', era: 'legacy', entries };
}

function urisOf(entry: Entry): readonly string[] {
  if (entry.kind === 'response') return [];
  if (entry.target.kind === 'resource') return [entry.target.uri];
  return entry.target.kind === 'template' ? [entry.target.uriTemplate] : [];
}

function readBatched(value: unknown): Frame {
  const frame = withoutId(() => readFrame(value));
  if (frame.kind === 'response') return frame;
  if (hasModernClaim(frame.meta)) throw malformed('A batch must not hold messages of this protocol revision', {});
  if (frame.method === 'initialize') throw malformed('initialize must not be part of a batch', {});
  return frame;
}

/** One answer for a whole batch must not carry the id of one of its members. */
function withoutId<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Denial)) throw error;
    const { rpcId: _, ...detail } = error.detail;
    throw new Denial(error.code, error.message, detail);
  }
}

function requireDistinctIds(frames: readonly Frame[]): void {
  const ids = frames.filter((frame) => frame.kind === 'request').map((frame) => frame.id);
  if (new Set(ids).size !== ids.length) throw malformed('A batch must not use a request id twice', {});
}

function toEntry(frame: Frame, era: Era): Entry {
  if (frame.kind === 'response') return { kind: 'response', id: frame.id };
  const row = findMethod(era, frame.kind, frame.method);
  const target = row === undefined ? { kind: 'none' as const } : row.acts.read(frame.params);
  const rpcId = frame.kind === 'request' ? { rpcId: frame.id } : {};
  if (target === undefined) throw malformed(row?.acts.needs ?? '', { ...rpcId, rpcCode: RPC.invalidParams });
  return frame.kind === 'request'
    ? { kind: 'request', id: frame.id, method: frame.method, target }
    : { kind: 'notification', method: frame.method, target };
}

function namesModern(headers: MessageHeaders): boolean {
  return headers.protocolVersion !== undefined && isModernRevision(headers.protocolVersion);
}

function requireLegacyVersion(headers: MessageHeaders, rpcId: RpcId | undefined): void {
  const version = headers.protocolVersion;
  if (version === undefined || LEGACY_REVISIONS.includes(version)) return;
  throw new Denial('ERR_PROTOCOL_VERSION_UNSUPPORTED', 'The header MCP-Protocol-Version names a revision that is not supported here', {
    ...(rpcId === undefined ? {} : { rpcId }),
    rpcCode: RPC.legacyVersion,
  });
}

function malformed(message: string, detail: DenialDetail): Denial {
  return new Denial('ERR_REQUEST_MALFORMED', message, { rpcCode: RPC.invalidRequest, ...detail });
}
