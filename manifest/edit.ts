/** Edits manifests as text, for the command line: everything but the field that changes stays as its author wrote it. */
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parseAllDocuments, stringify, type Document, type YAMLMap } from 'yaml';
import { objectKey, readReference, type ObjectReference } from './kinds.ts';
import { readYamlDocuments } from './yaml-documents.ts';

// Quotes what a YAML 1.1 reader such as kubectl would take for something else than a string, for example `yes`.
const STYLE = { lineWidth: 0, compat: 'yaml-1.1' } as const;

/** A new object as a YAML document of its own, without `---`. Members that are undefined are left out. */
export const render = (object: object): string => stringify(object, STYLE);

const indexOf = (text: string, reference: ObjectReference): number =>
  readYamlDocuments(text).findIndex(({ value }) => {
    const found = readReference(value);
    return found !== undefined && objectKey(found) === objectKey(reference);
  });

const valueAt = (text: string, index: number, path: readonly string[]): unknown => {
  let value: unknown = readYamlDocuments(text)[index]?.value;
  for (const step of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  return value;
};

/** The innermost mapping on the path that is there, and the steps that are missing in it. */
function descend(doc: Document, path: readonly string[]): { map: YAMLMap; missing: readonly string[] } | undefined {
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const node = depth === 0 ? doc.contents : doc.getIn(path.slice(0, depth), true);
    if (isMap(node)) return { map: node, missing: path.slice(depth) };
    if (node !== undefined) return undefined;
  }
  return undefined;
}

/** The new lines go before the first key of the mapping: what follows the last one may be comments of something else. */
function insertInto(text: string, { map, missing }: { map: YAMLMap; missing: readonly string[] }, value: unknown): string | undefined {
  const first = map.items[0]?.key;
  const offset = isScalar(first) ? first.range?.[0] : undefined;
  if (offset === undefined || map.flow === true) return undefined;
  const indent = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  if (indent.trim() !== '') return undefined;
  let nested = value;
  for (const step of missing.toReversed()) nested = { [step]: nested };
  const lines = stringify(nested, STYLE).trimEnd().split('\n');
  return `${text.slice(0, offset)}${lines.join(`\n${indent}`)}\n${indent}${text.slice(offset)}`;
}

function replaceScalar(text: string, doc: Document, path: readonly string[], value: unknown): string | undefined {
  const node = doc.getIn(path, true);
  if (!isScalar(node) || !node.range || (typeof value === 'object' && value !== null)) return undefined;
  return `${text.slice(0, node.range[0])}${stringify(value, STYLE).trimEnd()}${text.slice(node.range[1])}`;
}

/**
 * Sets one field of one object in a file that may hold several; `undefined` where the file does not hold that object. The
 * smallest edit that yields the wanted value is taken; where none does, the one document is written anew, with comments.
 */
export function setIn(
  text: string,
  reference: ObjectReference,
  path: readonly string[],
  value: unknown,
): string | undefined {
  const index = indexOf(text, reference);
  if (index < 0) return undefined;
  const docs = [...parseAllDocuments(text, { version: '1.2', schema: 'core', uniqueKeys: false, logLevel: 'silent' })];
  const nonEmpty = docs.filter(({ contents }) => contents !== null && !(isScalar(contents) && contents.value === null));
  const doc = nonEmpty[index];
  if (doc === undefined) return undefined;
  const place = descend(doc, path);
  const candidates = [
    replaceScalar(text, doc, path, value),
    place === undefined || place.missing.length === 0 ? undefined : insertInto(text, place, value),
  ];
  const smallest = candidates.find(
    (candidate) => candidate !== undefined && isDeepStrictEqual(valueAt(candidate, index, path), value),
  );
  if (smallest !== undefined) return smallest;
  doc.setIn(path, value);
  return docs.map((each) => each.toString({ lineWidth: 0 })).join('');
}
