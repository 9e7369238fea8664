/**
 * The claims of a modern message: `_meta` says which revision governs it, the headers repeat that, the method and the
 * name. The body decides; a header that disagrees or is missing refuses the message (revision 2026-07-28, SEP-2243).
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { Denial, type DenialDetail, type RpcId } from '../denial.ts';
import { type NotificationFrame, type RequestFrame, RPC } from './frame.ts';
import { findMethod } from './method.ts';
import type { MessageHeaders } from './message.ts';
import { isRecord, type JsonRecord, ownMember } from './record.ts';
import { MODERN_REVISIONS } from './revision.ts';

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const REQUIRED_KEYS = [VERSION_KEY, CAPABILITIES_KEY] as const;
const MAX_ECHOED_VERSION_LENGTH = 64;

/** Whether a message claims the modern era, whatever else is wrong with it. */
export function hasModernClaim(meta: JsonRecord | undefined): meta is JsonRecord {
  return meta !== undefined && Object.hasOwn(meta, VERSION_KEY);
}

/** The order of the checks is that of the official SDK, so that clients see the same code from both. */
export function requireModernRequest(frame: RequestFrame, meta: JsonRecord, headers: MessageHeaders): void {
  const version = requireEnvelope(frame.id, meta);
  requireAgreement(frame, version, headers);
  requireKnownRevision(version, frame.id);
  if (headers.protocolVersion === undefined) throw mismatch('The header MCP-Protocol-Version is missing', frame.id);
  if (headers.mcpMethod === undefined) throw mismatch('The header Mcp-Method is missing', frame.id);
  requireMirroredName(frame, headers);
}

/** A modern notification needs no mirror headers; those it has must agree. */
export function requireModernNotification(frame: NotificationFrame, headers: MessageHeaders): void {
  if (!hasModernClaim(frame.meta)) {
    requireAgreement(frame, headers.protocolVersion, headers);
    requireKnownRevision(headers.protocolVersion ?? '', undefined);
    return;
  }
  const version = ownMember(frame.meta, VERSION_KEY);
  if (typeof version !== 'string') throw envelopeInvalid(VERSION_KEY, undefined);
  requireAgreement(frame, version, headers);
  requireKnownRevision(version, undefined);
}

/** For a request whose header names a modern revision while its body claims none. */
export function envelopeMissing(meta: JsonRecord | undefined, rpcId: RpcId): Denial {
  const missing = meta === undefined ? ['_meta'] : REQUIRED_KEYS.filter((key) => !Object.hasOwn(meta, key));
  return new Denial('ERR_REQUEST_MALFORMED', 'The request lacks members of params._meta that its protocol revision requires', {
    rpcId,
    rpcCode: RPC.invalidParams,
    rpcData: { envelope: { missing } },
  });
}

function requireEnvelope(rpcId: RpcId, meta: JsonRecord): string {
  if (REQUIRED_KEYS.some((key) => !Object.hasOwn(meta, key))) throw envelopeMissing(meta, rpcId);
  const version = ownMember(meta, VERSION_KEY);
  if (typeof version !== 'string') throw envelopeInvalid(VERSION_KEY, rpcId);
  if (!isRecord(ownMember(meta, CAPABILITIES_KEY))) throw envelopeInvalid(CAPABILITIES_KEY, rpcId);
  return version;
}

function requireAgreement(frame: RequestFrame | NotificationFrame, version: string | undefined, headers: MessageHeaders): void {
  const rpcId = frame.kind === 'request' ? frame.id : undefined;
  if (headers.protocolVersion !== undefined && headers.protocolVersion !== version) {
    throw mismatch('The header MCP-Protocol-Version and the body disagree', rpcId);
  }
  if (headers.mcpMethod !== undefined && headers.mcpMethod !== frame.method) {
    throw mismatch('The header Mcp-Method and the body disagree', rpcId);
  }
}

function requireKnownRevision(version: string, rpcId: RpcId | undefined): void {
  if (MODERN_REVISIONS.includes(version)) return;
  throw new Denial('ERR_PROTOCOL_VERSION_UNSUPPORTED', 'The protocol version is not supported here', {
    ...withId(rpcId),
    rpcCode: RPC.versionUnsupported,
    rpcData: { supported: [...MODERN_REVISIONS], requested: version.slice(0, MAX_ECHOED_VERSION_LENGTH) },
  });
}

function requireMirroredName(frame: RequestFrame, headers: MessageHeaders): void {
  const member = findMethod('modern', 'request', frame.method)?.mirrored;
  if (member === undefined) return;
  if (headers.mcpName === undefined) throw mismatch('The header Mcp-Name is missing', frame.id);
  const name = decodeMirrorValue(headers.mcpName);
  if (name === undefined) throw mismatch('The header Mcp-Name is not encoded as the protocol prescribes', frame.id);
  if (name !== ownMember(frame.params, member)) throw mismatch('The header Mcp-Name and the body disagree', frame.id);
}

const BASE64_VALUE = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;

/** `=?base64?…?=` carries UTF-8 in canonical base64; every other value stands for itself. */
function decodeMirrorValue(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const payload = BASE64_VALUE.exec(value)?.[1];
  if (payload === undefined) return undefined;
  const bytes = Buffer.from(payload, 'base64');
  // Spare bits in the last character would give one name two encodings.
  return bytes.toString('base64') === payload && isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function envelopeInvalid(key: string, rpcId: RpcId | undefined): Denial {
  return new Denial('ERR_REQUEST_MALFORMED', 'params._meta holds a protocol member of the wrong type', {
    ...withId(rpcId),
    rpcCode: RPC.invalidParams,
    rpcData: { envelope: { key, problem: 'wrong type' } },
  });
}

function mismatch(message: string, rpcId: RpcId | undefined): Denial {
  return new Denial('ERR_HEADER_MISMATCH', message, { ...withId(rpcId), rpcCode: RPC.headerMismatch });
}

function withId(rpcId: RpcId | undefined): DenialDetail {
  return rpcId === undefined ? {} : { rpcId };
}
