/**
 * Where the parts of a JSON text are, so that a part can be left out or replaced while every other byte stays. A text
 * that is parsed and written again loses integers beyond 2^53. Every function here assumes a text that `JSON.parse`
 * accepts.
 */

/** Half open: `text.slice(start, end)` is the value. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Member {
  /** As written, decoded. */
  readonly key: string;
  readonly value: Span;
}

export class AmbiguousKeys extends Error {}

/** The value that begins at or behind `from`. */
export function valueSpan(text: string, from: number): Span {
  const start = skipSpace(text, from);
  return { start, end: endOfValue(text, start) };
}

export function elementSpans(text: string, array: Span): Span[] {
  const elements: Span[] = [];
  let at = skipSpace(text, array.start + 1);
  while (at < array.end - 1) {
    const element = valueSpan(text, at);
    elements.push(element);
    at = afterComma(text, element.end);
  }
  return elements;
}

/**
 * By folded key. Throws AmbiguousKeys where two keys are equal, or differ in case only: of those each client reads the
 * one it likes (CVE-2026-27896).
 */
export function memberSpans(text: string, object: Span): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  let at = skipSpace(text, object.start + 1);
  while (at < object.end - 1) {
    const keyEnd = endOfString(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const value = valueSpan(text, skipSpace(text, keyEnd) + 1);
    const folded = foldKey(String(key));
    if (members.has(folded)) throw new AmbiguousKeys();
    members.set(folded, { key: String(key), value });
    at = afterComma(text, value.end);
  }
  return members;
}

/** Upper first: U+017F becomes `S` only that way, and U+212A becomes `k` only downwards. */
export function foldKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function afterComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text[at] === ',' ? skipSpace(text, at + 1) : at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return at;
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first === '{' || first === '[') return endOfNested(text, start);
  let at = start;
  while (at < text.length && /[-+.0-9A-Za-z]/.test(text.charAt(at))) at += 1;
  return at;
}

/** Counts instead of recursing: the depth of the text is somebody else's choice. */
function endOfNested(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const char = text[at];
    at = char === '"' ? endOfString(text, at) : at + 1;
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (depth === 0) break;
  }
  return at;
}

function endOfString(text: string, start: number): number {
  let at = start;
  do {
    at = text.indexOf('"', at + 1);
  } while (at !== -1 && isEscaped(text, at));
  return at === -1 ? text.length : at + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text[quote - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
}
