/** The revision of a bundle: a hash that is equal exactly when the bundles say the same. */
import { hash } from 'node:crypto';

/** SHA-256 (hex) over the JSON of `content` with the keys of every object sorted. Lists keep their order. */
export function revisionOf(content: object): string {
  return hash('sha256', JSON.stringify(content, sortKeys), 'hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // Entries, not assignment: a key named __proto__ stays a key.
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
