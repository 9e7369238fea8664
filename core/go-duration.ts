/** Durations as Go writes them, for example `24h` or `1h30m`. */
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const WHOLE = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|h|m|s)/g;
const MAX_LENGTH = 64;

/**
 * Milliseconds, rounded to whole ones. `undefined` for anything that is not a sequence of decimal numbers with the units
 * h, m, s and ms: a sign, a bare number and smaller units are not accepted. Never throws; linear in the length.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text.length > MAX_LENGTH || !WHOLE.test(text)) return undefined;
  const parts = [...text.matchAll(PART)].map(([, amount = '', unit = '']) => Number(amount) * (UNIT_MS[unit] ?? Number.NaN));
  return Math.round(parts.reduce((total, part) => total + part, 0));
}
