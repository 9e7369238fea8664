/** Some names in a sentence: enough to begin with, and always in the same order, so that the sentence only changes with them. */

const MOST = 5;

export function named(names: readonly string[]): string {
  const sorted = names.toSorted();
  const more = sorted.length - MOST;
  return more > 0 ? `${sorted.slice(0, MOST).join(', ')} and ${String(more)} more` : sorted.join(', ');
}
