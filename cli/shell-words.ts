/** Writes a command so that it can be pasted into a POSIX shell. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
