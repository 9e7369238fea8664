/** Values that JSON can say, for objects that are built here and sent as they are. */
import { isList, isRecord } from '../../manifest/record.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Equal as JSON: the order of an object's members does not matter, that of a list does. */
export function isSameJson(left: unknown, right: unknown): boolean {
  if (isList(left)) return isList(right) && left.length === right.length && left.every((member, index) => isSameJson(member, right[index]));
  if (!isRecord(left) || !isRecord(right)) return left === right;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && isSameJson(left[key], right[key]));
}
