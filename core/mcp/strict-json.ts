/**
 * JSON without ambiguity: whatever parser the upstream uses, it sees the same value that was judged here.
 * One pass over the text counts keys and depth, `JSON.parse` does the rest, and a walk over the value proves that
 * no key was written twice. Hot path: keep it to these three passes.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { Denial } from '../denial.ts';
import { endOfString, parseEscapedKeys } from './escaped-keys.ts';
import { isRecord } from './record.ts';

const MAX_DEPTH = 64;
const MAX_KEYS = 20_000;

const QUOTE = 0x22;
const COLON = 0x3a;
/** `[` and `{`, `]` and `}` differ from each other by this bit alone. */
const BRACE_BIT = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

/**
 * Guarantees: valid UTF-8 without a byte order mark, one JSON value by the grammar of RFC 8259, no key twice in an
 * object (also when one of the two is written with escapes), keys well-formed Unicode, depth at most 64, at most
 * 20,000 keys. Bounds neither the size of the body nor the length of strings, and strings that are not keys may
 * hold lone surrogates.
 */
export function parseStrictJson(body: Uint8Array): unknown {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) throw malformed('The body starts with a byte order mark', PARSE_ERROR);
  if (!isUtf8(body)) throw malformed('The body is not valid UTF-8', PARSE_ERROR);
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  const written = scan(text);
  const parsed = parse(text);
  const value = written.hasEscapedKeys ? parseEscapedKeys(text) : parsed;
  // Every repetition makes the value hold fewer keys than the text.
  if (countKeys(value) !== written.keys) throw malformed('The body repeats a key of an object', INVALID_REQUEST);
  if (written.hasEscapedKeys && !hasUnicodeKeys(value)) throw malformed('The body holds a key that is not Unicode', INVALID_REQUEST);
  return value;
}

interface Written {
  /** Colons outside strings: in valid JSON exactly the number of keys. */
  readonly keys: number;
  readonly hasEscapedKeys: boolean;
}

/** Runs before the grammar is known to be valid, so that depth is refused before a parser has to survive it. */
function scan(text: string): Written {
  let keys = 0;
  let depth = 0;
  let backslash = indexOrEnd(text, 0);
  let isLastEscaped = false;
  let hasEscapedKeys = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfString(text, index + 1);
      if (backslash < index) backslash = indexOrEnd(text, index);
      isLastEscaped = backslash < end;
      index = end;
    } else if (code === COLON) {
      keys += 1;
      hasEscapedKeys ||= isLastEscaped;
    } else if ((code | BRACE_BIT) === OPEN) depth += 1;
    else if ((code | BRACE_BIT) === CLOSE) depth -= 1;
    if (depth > MAX_DEPTH) throw malformed('The body is nested too deeply', INVALID_REQUEST);
  }
  if (keys > MAX_KEYS) throw malformed('The body holds too many keys', INVALID_REQUEST);
  return { keys, hasEscapedKeys };
}

/** Of the next backslash. Searched anew only behind the last one found, so that all searches together are one pass. */
function indexOrEnd(text: string, from: number): number {
  const index = text.indexOf('\\', from);
  return index === -1 ? text.length : index;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the body.
    throw malformed('The body is not valid JSON', PARSE_ERROR);
  }
}

/** Recursion is bounded by MAX_DEPTH. */
function countKeys(value: unknown): number {
  let total = 0;
  if (Array.isArray(value)) {
    for (const element of value) total += countKeys(element);
  } else if (isRecord(value)) {
    // Copies nothing, where Object.values makes a list. Whatever JSON.parse makes has no members but its own.
    for (const key in value) total += 1 + countKeys(value[key]);
  }
  return total;
}

/** Parsers that replace lone surrogates would see two different such keys as one. */
function hasUnicodeKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && hasUnicodeKeys(member));
}

function malformed(message: string, rpcCode: number): Denial {
  return new Denial('ERR_REQUEST_MALFORMED', message, { rpcCode });
}
