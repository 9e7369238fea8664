/**
 * Patterns of a permission: literals and `*`, anchored. `*` stands for any text, the empty one included; every other
 * character stands for itself. Compiled once per bundle; matching is linear in the length of the text.
 */

export interface Glob {
  readonly prefix: string;
  readonly suffix: string;
  /** The literals between two stars, in order. */
  readonly middles: readonly Needle[];
  readonly minLength: number;
}

interface Needle {
  readonly text: string;
  /** For each position the length of the longest proper border (Knuth, Morris, Pratt). */
  readonly borders: readonly number[];
}

export interface PatternSet {
  readonly literals: ReadonlySet<string>;
  readonly globs: readonly Glob[];
}

/** Stands for "any text" where the text itself has unknown parts. Patterns and names never hold a lone surrogate. */
export const UNKNOWN_TEXT = '\udc00';

/** A pattern that is not well-formed Unicode matches nothing: names are well-formed. */
export function compilePatterns(patterns: readonly string[]): PatternSet {
  const usable = patterns.filter((pattern) => pattern.isWellFormed());
  return {
    literals: new Set(usable.filter((pattern) => !pattern.includes('*'))),
    globs: usable.filter((pattern) => pattern.includes('*')).map(compileGlob),
  };
}

/** Whether some pattern of the set matches the whole of `text`. */
export function matchesAny(set: PatternSet, text: string): boolean {
  return set.literals.has(text) || set.globs.some((glob) => matchesGlob(glob, text));
}

/** Whether some pattern matches *every* text that results from filling in the unknown parts. */
export function coversAny(set: PatternSet, partlyUnknown: string): boolean {
  // Only a star can absorb a character that no pattern contains.
  return matchesAny(set, partlyUnknown);
}

/** Whether some pattern matches *at least one* text that results from filling in the unknown parts. */
export function meetsAny(set: PatternSet, partlyUnknown: string): boolean {
  if (!partlyUnknown.includes(UNKNOWN_TEXT)) return matchesAny(set, partlyUnknown);
  const family = globOf(partlyUnknown.split(UNKNOWN_TEXT));
  if (set.globs.some((glob) => overlap(glob, family))) return true;
  for (const literal of set.literals) if (matchesGlob(family, literal)) return true;
  return false;
}

/** A pattern as the family of texts it matches, to be compared with other patterns. */
export function asPartlyUnknown(pattern: string): string {
  return pattern.replaceAll('*', UNKNOWN_TEXT);
}

function compileGlob(pattern: string): Glob {
  return globOf(pattern.split('*'));
}

function globOf(parts: readonly string[]): Glob {
  return {
    prefix: parts[0] ?? '',
    suffix: parts.at(-1) ?? '',
    middles: parts.slice(1, -1).filter((text) => text !== '').map(compileNeedle),
    minLength: parts.reduce((length, part) => length + part.length, 0),
  };
}

function matchesGlob(glob: Glob, text: string): boolean {
  if (text.length < glob.minLength || !text.startsWith(glob.prefix) || !text.endsWith(glob.suffix)) return false;
  const end = text.length - glob.suffix.length;
  let from = glob.prefix.length;
  // The leftmost place for each literal leaves the most room for the next: no backtracking.
  for (const needle of glob.middles) {
    from = endOfFirst(needle, text, from, end);
    if (from === -1) return false;
  }
  return true;
}

/** Two globs share a text exactly when their ends are compatible: everything between fits behind each other. */
function overlap(one: Glob, other: Glob): boolean {
  const prefixes = one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix);
  return prefixes && (one.suffix.endsWith(other.suffix) || other.suffix.endsWith(one.suffix));
}

/** `String.indexOf` takes quadratic time on repetitive text; this does not. Returns the end of the match or -1. */
function endOfFirst(needle: Needle, text: string, from: number, end: number): number {
  let matched = 0;
  for (let index = from; index < end; index += 1) {
    const code = text.charCodeAt(index);
    while (matched > 0 && needle.text.charCodeAt(matched) !== code) matched = needle.borders[matched - 1] ?? 0;
    if (needle.text.charCodeAt(matched) === code) matched += 1;
    if (matched === needle.text.length) return index + 1;
  }
  return -1;
}

function compileNeedle(text: string): Needle {
  const borders = [0];
  let length = 0;
  for (let index = 1; index < text.length; index += 1) {
    while (length > 0 && text[index] !== text[length]) length = borders[length - 1] ?? 0;
    if (text[index] === text[length]) length += 1;
    borders.push(length);
  }
  return { text, borders };
}
