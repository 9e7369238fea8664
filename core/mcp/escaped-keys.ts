/**
 * Reads JSON whose keys hold escapes. V8 13.6 (Node 24.21) takes `{"\u006eame":1}` for `{"\u00":1}` once it has seen an
 * object with the key `\u00`: it compares the text of the key, not its value, with the key it expects. A client could
 * so hide a second `name` from `JSON.parse`, but not from the upstream. Slower, and only for such bodies.
 */

/**
 * Guarantees that every key is the value of its text. The caller has made sure that `text` is valid JSON and of bounded
 * depth. Of a repeated key one member is left, as with `JSON.parse`.
 */
export function parseEscapedKeys(text: string): unknown {
  return readValue({ text, index: 0 });
}

/** Index of the closing quote of the string whose content begins at `start`, or the length of the text. */
export function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start);
  while (quote !== -1 && isEscaped(text, quote, start)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote;
}

interface Cursor {
  readonly text: string;
  index: number;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /[^\s,\]}]+/y;

/** An odd number of backslashes before it. No backslash is looked at for two quotes. */
function isEscaped(text: string, quote: number, start: number): boolean {
  let first = quote;
  while (first > start && text[first - 1] === '\\') first -= 1;
  return (quote - first) % 2 === 1;
}

function readValue(cursor: Cursor): unknown {
  switch (peek(cursor)) {
    case '{':
      return readObject(cursor);
    case '[':
      return readArray(cursor);
    case '"':
      return readString(cursor);
    default:
      return JSON.parse(take(cursor, SCALAR));
  }
}

function readObject(cursor: Cursor): unknown {
  const members: [string, unknown][] = [];
  do {
    cursor.index += 1;
    if (peek(cursor) === '}') break;
    const key = readString(cursor);
    peek(cursor);
    cursor.index += 1;
    members.push([key, readValue(cursor)]);
  } while (peek(cursor) === ',');
  cursor.index += 1;
  // Defines own members, also one named __proto__.
  return Object.fromEntries(members);
}

function readArray(cursor: Cursor): unknown {
  const elements: unknown[] = [];
  do {
    cursor.index += 1;
    if (peek(cursor) === ']') break;
    elements.push(readValue(cursor));
  } while (peek(cursor) === ',');
  cursor.index += 1;
  return elements;
}

/** A string that is a whole text has no expected key to be confused with. */
function readString(cursor: Cursor): string {
  const start = cursor.index;
  cursor.index = endOfString(cursor.text, start + 1) + 1;
  return String(JSON.parse(cursor.text.slice(start, cursor.index)));
}

/** The next character that is not space; the cursor stands on it. */
function peek(cursor: Cursor): string | undefined {
  take(cursor, SPACE);
  return cursor.text[cursor.index];
}

function take(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.index;
  const taken = pattern.exec(cursor.text)?.[0] ?? '';
  cursor.index += taken.length;
  return taken;
}
