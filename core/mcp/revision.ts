/** Protocol revisions and the eras they belong to. The lists are those of the official TypeScript SDK 2.4.0. */

export const MODERN_REVISIONS: readonly string[] = ['2026-07-28'];
export const LEGACY_REVISIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'];

/** The one revision that has batches; also what an absent version header means. */
export const BATCH_REVISION = '2025-03-26';

const FIRST_MODERN_REVISION = '2026-07-28';

/** Revisions are dates: later ones than we know are still of the modern era, and so is what sorts after them. */
export function isModernRevision(version: string): boolean {
  return version >= FIRST_MODERN_REVISION;
}
