/** Whether an object is already as it is wanted: whether applying it would change nothing that we say anything about. */
import { isDeepStrictEqual } from 'node:util';
import { isList, isRecord } from '../../manifest/record.ts';

/** Others may be owners, too. */
const SHARED_LIST = 'ownerReferences';
/** What the API server replaces as a whole when it is applied: one more field in them selects other pods, or opens more ports. */
const WHOLE: ReadonlySet<string> = new Set(['selector', 'podSelector', 'ingress', 'data']);

/**
 * True where every field of `wanted` is in `found` with that value. What `found` has beside it is somebody else's, or a
 * default; but a list says all that is in it, in order, except for that of owners, and so do selectors, rules and data.
 */
export function contains(found: unknown, wanted: unknown, field = ''): boolean {
  if (WHOLE.has(field)) return isDeepStrictEqual(found, wanted);
  if (isList(wanted)) return isList(found) && containsList(found, wanted, field);
  if (isRecord(wanted)) return isRecord(found) && Object.entries(wanted).every(([name, value]) => Object.hasOwn(found, name) && contains(found[name], value, name));
  return found === wanted;
}

function containsList(found: readonly unknown[], wanted: readonly unknown[], field: string): boolean {
  if (field === SHARED_LIST) return wanted.every((value) => found.some((each) => contains(each, value)));
  return found.length === wanted.length && wanted.every((value, index) => contains(found[index], value));
}
