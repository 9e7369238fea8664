/**
 * Makes JSON text printable ASCII. JSON leaves DEL, C1 controls, U+2028/2029 and bidirectional overrides as they are,
 * and each of them can break or disguise a line in a terminal or a log collector.
 */

// DEL and everything beyond ASCII, by UTF-16 unit; JSON.stringify has escaped the controls below U+0020.
const UNSAFE = /[\u007f-\uffff]/g;

/** Guaranteed: the result has only U+0020 to U+007E where `json` came from JSON.stringify, and parses to the same value. */
export function escapeNonAscii(json: string): string {
  return json.replace(UNSAFE, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
