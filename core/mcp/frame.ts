/** The JSON-RPC 2.0 frame of one message: exact members, a usable id, parameters by name. Knows no MCP method. */
import { Denial, type DenialDetail, type RpcId } from '../denial.ts';
import { hasLookAlike, PROTOCOL_KEYS } from './protocol-keys.ts';
import { isRecord, type JsonRecord, ownMember } from './record.ts';

export const RPC = { parseError: -32700, invalidRequest: -32600, invalidParams: -32602, headerMismatch: -32020, versionUnsupported: -32022, legacyVersion: -32000 } as const;

const MAX_ID_LENGTH = 256;
const MAX_METHOD_LENGTH = 256;
const NO_PARAMS: JsonRecord = {};

export interface RequestFrame {
  readonly kind: 'request';
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonRecord;
  readonly meta: JsonRecord | undefined;
}

export interface NotificationFrame {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonRecord;
  readonly meta: JsonRecord | undefined;
}

export interface ResponseFrame {
  readonly kind: 'response';
  readonly id: RpcId;
}

export type Frame = RequestFrame | NotificationFrame | ResponseFrame;

/**
 * Guarantees: `jsonrpc` is "2.0"; the members are exactly those of a request, a notification or a response; an id is a
 * string of at most 256 characters or a safe integer; `params` and `params._meta`, where present, are objects none of
 * whose keys merely looks like a protocol key. Does not look inside any other parameter.
 */
export function readFrame(value: unknown): Frame {
  if (!isRecord(value)) throw malformed('A JSON-RPC message must be an object', {});
  const id = ownMember(value, 'id');
  const known = isRpcId(id) ? { rpcId: id } : {};
  if (ownMember(value, 'jsonrpc') !== '2.0') throw malformed('jsonrpc must be "2.0"', known);
  if (Object.hasOwn(value, 'id') && !isRpcId(id)) throw malformed('id must be a string of at most 256 characters or a safe integer', {});
  if (Object.hasOwn(value, 'method')) return readCall(value, isRpcId(id) ? id : undefined);
  return readResponse(value, isRpcId(id) ? id : undefined);
}

function readCall(value: JsonRecord, id: RpcId | undefined): RequestFrame | NotificationFrame {
  const known = id === undefined ? {} : { rpcId: id };
  if (!hasOnly(value, CALL_MEMBERS)) throw malformed('The message has a member that JSON-RPC does not define', known);
  const method = ownMember(value, 'method');
  if (!isMethod(method)) throw malformed('method must be a string of at most 256 characters', known);
  const params = readParams(value, known);
  const meta = readMeta(params, known);
  return id === undefined ? { kind: 'notification', method, params, meta } : { kind: 'request', id, method, params, meta };
}

function readParams(value: JsonRecord, known: DenialDetail): JsonRecord {
  if (!Object.hasOwn(value, 'params')) return NO_PARAMS;
  const params = ownMember(value, 'params');
  if (!isRecord(params)) throw malformed('params must be an object', { ...known, rpcCode: RPC.invalidParams });
  if (hasLookAlike(params, PROTOCOL_KEYS.params)) throw malformed('params has a key that looks like a protocol key', known);
  return params;
}

function readMeta(params: JsonRecord, known: DenialDetail): JsonRecord | undefined {
  if (!Object.hasOwn(params, '_meta')) return undefined;
  const meta = ownMember(params, '_meta');
  if (!isRecord(meta)) throw malformed('params._meta must be an object', { ...known, rpcCode: RPC.invalidParams });
  if (hasLookAlike(meta, PROTOCOL_KEYS.meta)) throw malformed('params._meta has a key that looks like a protocol key', known);
  return meta;
}

function readResponse(value: JsonRecord, id: RpcId | undefined): ResponseFrame {
  const known = id === undefined ? {} : { rpcId: id };
  const succeeded = Object.hasOwn(value, 'result');
  if (succeeded === Object.hasOwn(value, 'error')) throw malformed('A message needs a method, a result or an error', known);
  const outcome = ownMember(value, succeeded ? 'result' : 'error');
  if (id === undefined || !isRecord(outcome) || !hasOnly(value, succeeded ? RESULT_MEMBERS : ERROR_MEMBERS)) {
    throw malformed('The message is not a valid JSON-RPC response', known);
  }
  return { kind: 'response', id };
}

const CALL_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);
const RESULT_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result']);
const ERROR_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'error']);

function hasOnly(value: JsonRecord, members: ReadonlySet<string>): boolean {
  return Object.keys(value).every((key) => members.has(key));
}

/** -0 is refused: it is written back as 0. */
function isRpcId(value: unknown): value is RpcId {
  if (typeof value === 'string') return value.length <= MAX_ID_LENGTH && value.isWellFormed();
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

function isMethod(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_METHOD_LENGTH && value.isWellFormed();
}

function malformed(message: string, detail: DenialDetail): Denial {
  return new Denial('ERR_REQUEST_MALFORMED', message, { rpcCode: RPC.invalidRequest, ...detail });
}
