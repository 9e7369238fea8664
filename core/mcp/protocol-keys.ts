/**
 * Keys that only look like a protocol key. Some parsers match keys without regard to case (also U+017F for `s` and
 * U+212A for `K`), stop at a NUL, or take `resource_subscriptions` for `resourceSubscriptions`: such an upstream would
 * act on a key that was not judged (CVE-2026-27896, GHSA-q382-vc8q-7jhj, GHSA-4gph-2hhr-5mwg).
 */
import type { JsonRecord } from './record.ts';

const PARAMS_KEYS: ReadonlySet<string> = new Set([
  '_meta', 'argument', 'arguments', 'capabilities', 'clientInfo', 'context', 'cursor', 'inputResponses', 'level',
  'message', 'name', 'notifications', 'progress', 'progressToken', 'protocolVersion', 'reason', 'ref', 'requestId',
  'requestState', 'task', 'taskId', 'total', 'uri',
]);

const META_KEYS: ReadonlySet<string> = new Set([
  'progressToken',
  'io.modelcontextprotocol/clientCapabilities',
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/logLevel',
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/related-task',
  'io.modelcontextprotocol/subscriptionId',
]);

/**
 * Beyond this a key is taken for a look-alike unread: Unicode normalisation takes quadratic time on text of combining
 * marks, and padding makes a protocol key as long as its sender likes.
 */
const MAX_KEY_LENGTH = 128;

const REFERENCE_KEYS: ReadonlySet<string> = new Set(['type', 'name', 'uri']);

export interface KeySet {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
}

export const PROTOCOL_KEYS = {
  params: keySet(PARAMS_KEYS),
  meta: keySet(META_KEYS),
  reference: keySet(REFERENCE_KEYS),
} as const;

/** True when some key of `record` is not one of `keys` but could be taken for one. */
export function hasLookAlike(record: JsonRecord, keys: KeySet): boolean {
  for (const key of Object.keys(record)) {
    if (keys.exact.has(key)) continue;
    if (key.length > MAX_KEY_LENGTH || keys.folded.has(fold(key))) return true;
  }
  return false;
}

function keySet(exact: ReadonlySet<string>): KeySet {
  return { exact, folded: new Set([...exact].map(fold)) };
}

/** One spelling for everything that a lenient parser might not tell apart. */
function fold(key: string): string {
  const end = key.indexOf('\0');
  return (end === -1 ? key : key.slice(0, end))
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replace(/^[\s\p{C}]+|[\s\p{C}]+$/gu, '')
    .replace(/(?<=.)[_-]/gu, '');
}
