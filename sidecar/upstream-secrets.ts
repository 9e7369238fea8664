/**
 * Values of upstream credentials: files `secrets/<namespace>/<name>/<key>`, as a cluster mounts them, or else `Secret`
 * objects. A value that cannot be a header is as good as none; problems name its place, never the value.
 */
import { MOUNTED_SECRETS } from '../core/config-directory.ts';
import type { TextFile } from '../runtime/directory-reader.ts';

export type SecretLookup = (namespace: string, name: string, key: string) => string | undefined;

export interface SecretObject {
  readonly namespace: string;
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
}

export interface Secrets {
  readonly lookup: SecretLookup;
  /** By path or `Secret/<namespace>/<name> <key>`. */
  readonly problems: readonly { readonly at: string; readonly problem: string }[];
}

/** RFC 9110 §5.5, without the octets beyond ASCII, which recipients read differently. */
const HEADER_TEXT = /^[\x20-\x7e]+$/;

export function readSecrets(files: readonly TextFile[], objects: readonly SecretObject[]): Secrets {
  const values = new Map<string, string>();
  const problems: { at: string; problem: string }[] = [];
  const add = (id: string, at: string, text: string): void => {
    const value = text.replace(/\r?\n$/, '');
    if (HEADER_TEXT.test(value)) {
      values.set(id, value);
      return;
    }
    // A broken file does not fall back to an object of the same name: that would be another value than was meant.
    values.delete(id);
    problems.push({ at, problem: value === '' ? 'is empty' : 'has characters other than printable ASCII' });
  };
  for (const { namespace, name, values: entries } of objects) {
    for (const [key, text] of entries) add(`${namespace}/${name}/${key}`, `Secret/${namespace}/${name} ${key}`, text);
  }
  for (const { path, text } of files) {
    if (path.startsWith(`${MOUNTED_SECRETS}/`)) add(path.slice(MOUNTED_SECRETS.length + 1), path, text);
  }
  return { lookup: (namespace, name, key) => values.get(`${namespace}/${name}/${key}`), problems };
}
