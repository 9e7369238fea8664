/**
 * Text of strangers as JSON strings: printable ASCII, cut to a byte budget, without gateway tokens. Cutting counts
 * bytes after escaping, so a budget is a budget whatever the text is made of.
 */
import { escapeNonAscii } from '../../runtime/ascii-json.ts';

/** Printable ASCII but for the quote and the backslash: already a JSON string's content. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
/** A gateway token or the beginning of one; its generation id is public and stays. */
const TOKEN = /mgt_([0-9A-Za-z]{8})_[0-9A-Za-z]{1,43}(?:_[0-9A-Za-z]{0,6})?/g;
/** Longest marker: `...[+9007199254740991]`. */
const MARKER_BYTES = 24;

/**
 * Guaranteed: a JSON string literal of printable ASCII, at most `budgetBytes` + 2 long with its quotes, that says how
 * many characters were left out. Gateway tokens are masked. Any other secret in `value` is not recognised: callers
 * pass only text that is allowed to be on record.
 */
export function quote(value: unknown, budgetBytes: number): string {
  // The types say string; a value that is none must neither throw here nor be written unescaped.
  if (typeof value !== 'string') return '"[not text]"';
  const text = value.includes('mgt_') ? value.replace(TOKEN, 'mgt_$1_[masked]') : value;
  if (text.length <= budgetBytes && PLAIN.test(text)) return `"${text}"`;
  return quoteWithin(text, budgetBytes);
}

function quoteWithin(text: string, budgetBytes: number): string {
  // One unit becomes at least one byte, so what lies beyond the budget need not be escaped.
  const escaped = escapeNonAscii(JSON.stringify(text.slice(0, budgetBytes + 1)));
  if (text.length <= budgetBytes && escaped.length <= budgetBytes + 2) return escaped;
  const { end, units } = cutEscaped(escaped, budgetBytes - MARKER_BYTES);
  return `${escaped.slice(0, end)}...[+${text.length - units}]"`;
}

/** Where the content of a quoted string has to end to fit, and how many characters that leaves. */
function cutEscaped(escaped: string, budgetBytes: number): { end: number; units: number } {
  let end = 1;
  let units = 0;
  for (;;) {
    const length = escaped[end] !== '\\' ? 1 : escaped[end + 1] === 'u' ? 6 : 2;
    if (end - 1 + length > budgetBytes) return { end, units };
    end += length;
    units += 1;
  }
}

/** Guaranteed: a JSON array of `quote`d strings of at most `budgetBytes`; the last element says how many are missing. */
export function quoteList(values: readonly string[], budgetBytes: number, elementBytes: number): string {
  let content = '';
  for (const [index, value] of values.entries()) {
    const element = `${index === 0 ? '' : ','}${quote(value, elementBytes)}`;
    if (content.length + element.length > budgetBytes - MARKER_BYTES) {
      return `[${content}${index === 0 ? '' : ','}"...[+${values.length - index}]"]`;
    }
    content += element;
  }
  return `[${content}]`;
}
