/** Durations as Go writes them, for example `24h` or `1h30m`. Linear in the length of the text. */
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const PART = /(\d{1,9})(?:\.(\d{1,9}))?(ms|h|m|s)/y;
const MAX_LENGTH = 64;

/**
 * Milliseconds, rounded to whole ones. `undefined` for anything that is not a sequence of decimal numbers with the units
 * h, m, s and ms: a sign, a bare number and smaller units are not accepted, except that Go writes nothing as `0`.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (text === '' || text.length > MAX_LENGTH) return undefined;
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    const [, whole = '', fraction = '0', unit = ''] = match;
    total += Number(`${whole}.${fraction}`) * (UNIT_MS[unit] ?? Number.NaN);
  }
  return Math.round(total);
}
