/**
 * JSON without ambiguity: whatever parser the upstream uses, it sees the same value that was judged here.
 * One pass over the text counts keys and depth, `JSON.parse` does the rest, and a walk over the value proves that
 * no key was written twice. Hot path: keep it to these three passes.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { Denial } from '../denial.ts';

const MAX_DEPTH = 64;
const MAX_KEYS = 20_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
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
  const writtenKeys = countWrittenKeys(text);
  const value = parse(text);
  // Every repetition makes the value hold fewer keys than the text.
  if (countKeys(value) !== writtenKeys) throw malformed('The body repeats a key of an object', INVALID_REQUEST);
  if (text.includes('\\') && !hasUnicodeKeys(value)) throw malformed('The body holds a key that is not Unicode', INVALID_REQUEST);
  return value;
}

/**
 * Colons outside strings: in valid JSON exactly the number of keys. Runs before the grammar is known to be valid, so
 * that depth is refused before a parser has to survive it.
 */
function countWrittenKeys(text: string): number {
  let keys = 0;
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = endOfString(text, index + 1);
    else if (code === COLON) keys += 1;
    else if ((code | BRACE_BIT) === OPEN) depth += 1;
    else if ((code | BRACE_BIT) === CLOSE) depth -= 1;
    if (depth > MAX_DEPTH) throw malformed('The body is nested too deeply', INVALID_REQUEST);
  }
  if (keys > MAX_KEYS) throw malformed('The body holds too many keys', INVALID_REQUEST);
  return keys;
}

/** Index of the closing quote, or the length of the text. Native search makes long strings cheap. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start);
  while (quote !== -1 && isEscaped(text, quote, start)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote;
}

/** An odd number of backslashes before it. No backslash is looked at for two quotes. */
function isEscaped(text: string, quote: number, start: number): boolean {
  let first = quote;
  while (first > start && text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (quote - first) % 2 === 1;
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
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) {
    let total = 0;
    for (const element of value) total += countKeys(element);
    return total;
  }
  const members = Object.values(value);
  let total = members.length;
  for (const member of members) if (typeof member === 'object') total += countKeys(member);
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
