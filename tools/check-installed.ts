/**
 * What `npm ci` would have asked: package.json and the lock agree, and every installed package is the one of the lock.
 * (`npm ci` itself refuses a lock without the optional binaries of other platforms, which not every registry carries.)
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Fields = Readonly<Record<string, unknown>>;

/** Each difference as a sentence; none: what is installed is what was locked. */
export function differences(manifest: unknown, lock: unknown, installed: unknown): readonly string[] {
  const locked = fieldsOf(fieldsOf(lock)['packages']);
  const root = fieldsOf(locked['']);
  const declared = ['dependencies', 'devDependencies'].flatMap((kind) =>
    compare(fieldsOf(fieldsOf(manifest)[kind]), fieldsOf(root[kind]), (name) => `package.json and package-lock.json differ in ${kind}: ${name}`),
  );
  const placed = Object.entries(fieldsOf(fieldsOf(installed)['packages'])).flatMap(([path, found]) => {
    const wanted = fieldsOf(locked[path]);
    const same = ['version', 'integrity'].every((name) => fieldsOf(found)[name] === wanted[name]);
    return same ? [] : [`${path} is not the package of package-lock.json`];
  });
  const missing = Object.keys(fieldsOf(root['dependencies'])).filter((name) => !(`node_modules/${name}` in fieldsOf(fieldsOf(installed)['packages'])));
  return [...declared, ...placed, ...missing.map((name) => `node_modules/${name} is not installed`)];
}

function compare(one: Fields, other: Fields, sentence: (name: string) => string): readonly string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => one[name] !== other[name]).map(sentence);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

if (import.meta.main) {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, '..', path), 'utf8'));
  const found = differences(read('package.json'), read('package-lock.json'), read('node_modules/.package-lock.json'));
  for (const difference of found) console.error(difference);
  process.exitCode = found.length === 0 ? 0 : 1;
}
