/**
 * JSON without ambiguity: whatever parser the upstream uses, it sees the same value that was judged here.
 * One pass over the bytes counts keys and depth, `JSON.parse` does the rest, and a walk over the value proves that
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

interface Shape {
  /** Colons outside strings: in valid JSON exactly the number of keys written. */
  readonly keys: number;
  readonly escaped: boolean;
}

/**
 * Guarantees: valid UTF-8 without a byte order mark, one JSON value by the grammar of RFC 8259, no key twice in an
 * object (also when one of the two is written with escapes), keys well-formed Unicode, depth at most 64, at most
 * 20,000 keys. Bounds neither the size of the body nor the length of strings, and strings that are not keys may
 * hold lone surrogates.
 */
export function parseStrictJson(body: Uint8Array): unknown {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) throw malformed('The body starts with a byte order mark', PARSE_ERROR);
  if (!isUtf8(body)) throw malformed('The body is not valid UTF-8', PARSE_ERROR);
  const shape = measure(body);
  const value = parse(body);
  const keys = countKeys(value, shape.escaped);
  // Every repetition makes the value hold fewer keys than the text.
  if (keys !== shape.keys) throw malformed('The body repeats a key of an object', INVALID_REQUEST);
  return value;
}

/** Runs before the grammar is known to be valid, so that depth is refused before a parser has to survive it. */
function measure(body: Uint8Array): Shape {
  let keys = 0;
  let depth = 0;
  let escaped = false;
  let inString = false;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index] ?? 0;
    if (byte === QUOTE) inString = !inString;
    else if (inString) {
      if (byte !== BACKSLASH) continue;
      escaped = true;
      index += 1;
    } else if (byte === COLON) keys += 1;
    else if ((byte | BRACE_BIT) === OPEN) {
      depth += 1;
      if (depth > MAX_DEPTH) throw malformed('The body is nested too deeply', INVALID_REQUEST);
    } else if ((byte | BRACE_BIT) === CLOSE) depth -= 1;
  }
  if (keys > MAX_KEYS) throw malformed('The body holds too many keys', INVALID_REQUEST);
  return { keys, escaped };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    // The parser's own message quotes the body.
    throw malformed('The body is not valid JSON', PARSE_ERROR);
  }
}

/** Recursion is bounded by MAX_DEPTH. */
function countKeys(value: unknown, escaped: boolean): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) {
    let total = 0;
    for (const element of value) total += countKeys(element, escaped);
    return total;
  }
  const keys = Object.keys(value);
  // Parsers that replace lone surrogates would see two such keys as one.
  if (escaped && !keys.every((key) => key.isWellFormed())) throw malformed('The body holds a key that is not Unicode', INVALID_REQUEST);
  let total = keys.length;
  for (const member of Object.values(value)) total += countKeys(member, escaped);
  return total;
}

function malformed(message: string, rpcCode: number): Denial {
  return new Denial('ERR_REQUEST_MALFORMED', message, { rpcCode });
}
