/** One YAML file as the objects it is about, each still to be judged, and the faults that concern no object. */
import type { ObjectReference } from './kinds.ts';
import { MANIFEST_KINDS, readReference } from './kinds.ts';
import type { Problem } from './problem.ts';
import { isRecord, own, ownString, type UnknownRecord } from './record.ts';
import { readYamlDocuments, type YamlDocument } from './yaml-documents.ts';

export interface ManifestFile {
  readonly path: string;
  readonly text: string;
}

export interface ManifestEntry {
  readonly reference: ObjectReference;
  readonly file: string;
  readonly document: YamlDocument;
  readonly raw: UnknownRecord;
  /** The last document of a file may be cut off where a writer has not finished. */
  readonly isLast: boolean;
}

export interface ReadFile {
  readonly entries: readonly ManifestEntry[];
  readonly problems: readonly Problem[];
  /** Some document does not say which object it is about: an object that is missing may be that one. */
  readonly isUnclear: boolean;
  /** The same, but for a whole last document of another kind: what stands here stands here for good. */
  readonly mayHide: boolean;
}

const KINDS_HINT = `must be one of ${MANIFEST_KINDS.join(', ')}`;

/** Why a well-formed document is about no object that we know. */
function referenceProblem(value: unknown): { readonly field: string; readonly problem: string } {
  if (!isRecord(value)) return { field: '', problem: 'must be an object with apiVersion, kind and metadata' };
  const kind = own(value, 'kind');
  if (kind === undefined) return { field: 'kind', problem: `is required; ${KINDS_HINT}` };
  if (!MANIFEST_KINDS.some((known) => known === kind)) return { field: 'kind', problem: KINDS_HINT };
  const namespace = own(own(value, 'metadata'), 'namespace');
  const nameIsRead = readReference({ ...value, metadata: { name: own(own(value, 'metadata'), 'name') } }) !== undefined;
  return nameIsRead && namespace !== undefined
    ? { field: 'metadata.namespace', problem: 'must be the name of a namespace' }
    : { field: 'metadata.name', problem: 'is required: lower-case letters, digits, "-" and "."' };
}

/** A complete document of another kind, such as a Deployment, is a fault but hides no object of ours. */
const isOfOtherKind = (value: unknown): boolean => {
  const kind = ownString(value, 'kind');
  const isOurs = MANIFEST_KINDS.some((known) => known === kind);
  return kind !== undefined && !isOurs && ownString(own(value, 'metadata'), 'name') !== undefined;
};

/** `isCut`: its last line has no end, so that the kind may be half a word. */
const hides = ({ value, faults }: YamlDocument, isCut: boolean): boolean =>
  faults.length > 0 || (readReference(value) === undefined && (isCut || !isOfOtherKind(value)));

/** Never throws. No value of the file is part of a problem. */
export function readManifestFile({ path, text }: ManifestFile): ReadFile {
  const documents = readYamlDocuments(text);
  if (documents.length === 0) {
    const problem = 'is empty; its objects stay as they were until the file is removed';
    return { entries: [], problems: [{ file: path, line: 1, object: undefined, field: '', problem }], isUnclear: true, mayHide: true };
  }
  const entries: ManifestEntry[] = [];
  const problems: Problem[] = [];
  let isUnclear = false;
  for (const [index, document] of documents.entries()) {
    const { value, faults, lineOf } = document;
    const isLast = index === documents.length - 1;
    const reference = readReference(value);
    if (faults.length > 0) {
      problems.push(...faults.map((fault) => ({ file: path, object: undefined, field: '', ...fault })));
      isUnclear = true;
    } else if (reference === undefined || !isRecord(value)) {
      const { field, problem } = referenceProblem(value);
      problems.push({ file: path, line: lineOf(field.split('.')), object: undefined, field, problem });
      isUnclear ||= isLast || !isOfOtherKind(value);
    } else {
      entries.push({ reference, file: path, document, raw: value, isLast });
    }
  }
  const mayHide = documents.some((document, index) => hides(document, index === documents.length - 1 && !text.endsWith('\n')));
  return { entries, problems, isUnclear, mayHide };
}
