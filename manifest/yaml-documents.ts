/**
 * Reads a YAML 1.2 file as documents whose every field has a line. Bounded and strict: no duplicate keys, merge keys, tags
 * or directives, few aliases. Messages are constant texts: the parser's own quote the file, which may hold secrets.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Document, ErrorCode, Node, YAMLMap } from 'yaml';
import type { FieldPath } from './problem.ts';

export const MAX_FILE_BYTES = 1_048_576;
const MAX_ALIASES = 64;
const MAX_DOCUMENTS = 10_000;
const MAX_FAULTS = 20;

export interface YamlFault {
  readonly line: number;
  readonly problem: string;
}

export interface YamlDocument {
  readonly line: number;
  /** A plain value of the caller's own; undefined where there are faults. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** Line of a field, or of the nearest field around it that is there. */
  readonly lineOf: (path: FieldPath) => number;
}

const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_ALIAS: 'an alias or anchor has no name',
  BAD_DQ_ESCAPE: 'unknown escape sequence in a double-quoted string',
  BAD_INDENT: 'wrong indentation',
  BAD_SCALAR_START: 'a plain value cannot begin with this character; quote it',
  BLOCK_AS_IMPLICIT_KEY: 'a nested mapping or list is not accepted on this line',
  MISSING_CHAR: 'a character is missing: a quote, bracket, colon or space',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: a colon may be missing',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'tabs cannot indent',
  TAG_RESOLVE_FAILED: 'tags are not accepted',
};
const OTHER_MESSAGE = 'is not YAML';
const NO_TAGS = 'tags are not accepted';
const TOO_MANY_ALIASES = `more than ${MAX_ALIASES} aliases are not accepted`;
const BAD_ALIAS = 'an alias has no anchor before it, or expands too far';

type YamlDoc = Document.Parsed | Document;
type Fault = (node: unknown, problem: string) => void;

/** Keys of one mapping; the parser's own check for duplicates takes quadratic time. */
function keyFaults(map: YAMLMap, fault: Fault): void {
  const seen = new Set<string>();
  for (const { key } of map.items) {
    const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    if (name === undefined) fault(key, 'a key must be a string');
    else if (seen.has(name)) fault(key, 'this key is there twice');
    else if (name === '<<') fault(key, 'merge keys are not accepted');
    else if (name === '__proto__') fault(key, 'this key is not accepted');
    if (name !== undefined) seen.add(name);
  }
}

/** Faults of a well-formed document: what YAML allows and manifests do not. */
function strictFaults(doc: YamlDoc, lineAt: (offset: number) => number): YamlFault[] {
  const faults: YamlFault[] = [];
  const fault: Fault = (node, problem) => {
    const range = isNode(node) ? node.range : undefined;
    faults.push({ line: lineAt(range?.[0] ?? doc.range?.[0] ?? 0), problem });
  };
  const { yaml, tags } = doc.directives ?? { yaml: {}, tags: {} };
  if (yaml.explicit === true || Object.keys(tags).some((handle) => handle !== '!!')) {
    fault(undefined, 'directives are not accepted');
  }
  let aliases = 0;
  visit(doc, {
    Map: (_key, map) => keyFaults(map, fault),
    Alias: (_key, alias) => {
      aliases += 1;
      if (aliases > MAX_ALIASES) fault(alias, TOO_MANY_ALIASES);
      return aliases > MAX_ALIASES ? visit.BREAK : undefined;
    },
    // Tags of the core schema such as !!str are harmless, yet nobody needs them to write a manifest.
    Collection: (_key, node) => (node.tag === undefined ? undefined : fault(node, NO_TAGS)),
    Scalar: (_key, node) => (node.tag === undefined ? undefined : fault(node, NO_TAGS)),
  });
  return faults;
}

/** One step down: what to point at, and the node to go on from. */
function child(node: unknown, step: string | number): { readonly found: unknown; readonly next: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
    // Of a mapping entry the key is where an editor should jump to.
    return pair && { found: pair.key, next: pair.value };
  }
  const element = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
  return element === undefined ? undefined : { found: element, next: element };
}

/** The node of the last step that is there. */
function nodeAt(doc: YamlDoc, path: FieldPath): Node | undefined {
  let node: unknown = doc.contents;
  let found: unknown = node;
  for (const step of path) {
    const below = child(isAlias(node) ? node.resolve(doc) : node, step);
    if (below === undefined) break;
    found = below.found;
    node = below.next;
  }
  return isNode(found) ? found : undefined;
}

function valueOf(doc: YamlDoc): { value: unknown } | { problem: string } {
  try {
    return { value: doc.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch {
    return { problem: BAD_ALIAS };
  }
}

function readDocument(doc: YamlDoc, lineAt: (offset: number) => number): YamlDocument {
  const line = lineAt(doc.contents?.range?.[0] ?? doc.range?.[0] ?? 0);
  const syntax = [...doc.errors, ...doc.warnings].map(({ code, pos }) => {
    return { line: lineAt(pos[0]), problem: MESSAGES[code] ?? OTHER_MESSAGE };
  });
  const faults = (syntax.length > 0 ? syntax : strictFaults(doc, lineAt)).slice(0, MAX_FAULTS);
  const read = faults.length > 0 ? { value: undefined } : valueOf(doc);
  return {
    line,
    value: 'value' in read ? read.value : undefined,
    faults: 'problem' in read ? [{ line, problem: read.problem }] : faults,
    lineOf: (path) => lineAt(nodeAt(doc, path)?.range?.[0] ?? doc.contents?.range?.[0] ?? 0),
  };
}

const broken = (problem: string): YamlDocument => ({
  line: 1,
  value: undefined,
  faults: [{ line: 1, problem }],
  lineOf: () => 1,
});

const isEmpty = ({ contents }: YamlDoc): boolean => contents === null || (isScalar(contents) && contents.value === null);

/** The documents of a file that are not empty. Never throws. */
export function readYamlDocuments(text: string): readonly YamlDocument[] {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) return [broken(`is larger than ${MAX_FILE_BYTES} bytes`)];
  try {
    const lineCounter = new LineCounter();
    const docs = parseAllDocuments(text, {
      lineCounter,
      version: '1.2',
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    if (docs.length > MAX_DOCUMENTS) return [broken(`has more than ${MAX_DOCUMENTS} documents`)];
    const lineAt = (offset: number): number => Math.max(1, lineCounter.linePos(offset).line);
    return [...docs]
      .filter((doc) => !isEmpty(doc) || doc.errors.length > 0 || doc.warnings.length > 0)
      .map((doc) => readDocument(doc, lineAt));
  } catch {
    // The parser recurses: a file that nests too deeply overflows the stack. The file counts as broken.
    return [broken(OTHER_MESSAGE)];
  }
}
