/**
 * A directory of YAML as the set of objects in force. Pure: the same files on the same last state give the same result.
 * Validity is per object; what cannot be read changes nothing, except that a revocation that can be read takes effect.
 */
import { createJudges, objectKey } from './kinds.ts';
import type { Judge, ManifestKind, ManifestObject } from './kinds.ts';
import { shownPath, type Problem } from './problem.ts';
import { readManifestFile, type ManifestEntry, type ManifestFile, type ReadFile } from './read-file.ts';
import { own } from './record.ts';

export interface LoadedObject {
  readonly object: ManifestObject;
  /** Where the version in force was read. */
  readonly file: string;
  readonly line: number;
}

export interface ManifestState {
  /** By `<Kind>/<namespace>/<name>`. */
  readonly objects: ReadonlyMap<string, LoadedObject>;
  readonly problems: readonly Problem[];
  /** Keys of all objects that some document is about, in force or not. */
  readonly named: ReadonlySet<string>;
  /** Some document may be about an object that is not named. */
  readonly mayHide: boolean;
}

export interface ManifestLoader {
  /** Never throws. An object whose document did not change is the very same object as in `last`. */
  readonly load: (files: readonly ManifestFile[], last: ManifestState) => ManifestState;
}

export const EMPTY_STATE: ManifestState = { objects: new Map(), problems: [], named: new Set(), mayHide: false };

const MAX_PROBLEMS_PER_OBJECT = 20;

export function objectsOfKind<K extends ManifestKind>(
  { objects }: ManifestState,
  kind: K,
): readonly Extract<ManifestObject, { kind: K }>[] {
  const isOfKind = (object: ManifestObject): object is Extract<ManifestObject, { kind: K }> => object.kind === kind;
  return [...objects.values()].map(({ object }) => object).filter(isOfKind);
}

/** Also `yes` or a quoted "true", which are not booleans and make the document invalid: what was meant is plain. */
const isRevocation = (value: unknown): boolean =>
  value === true || (typeof value === 'string' && /^(true|yes|on|y)$/i.test(value));

const saysRevoked = ({ reference, raw }: ManifestEntry): boolean =>
  reference.kind === 'GatewayToken' && isRevocation(own(own(raw, 'spec'), 'revoked'));

function revoked(loaded: LoadedObject): LoadedObject {
  const { object } = loaded;
  if (object.kind !== 'GatewayToken' || object.spec.revoked) return loaded;
  return { ...loaded, object: { ...object, spec: { ...object.spec, revoked: true } } };
}

interface Outcome {
  readonly loaded: LoadedObject | undefined;
  readonly problems: readonly Problem[];
  readonly isValid: boolean;
}

function judgeEntry(entry: ManifestEntry, judge: Judge, last: LoadedObject | undefined): Outcome {
  const { file, document, raw, reference } = entry;
  const judgement = judge(raw, last?.object);
  if ('object' in judgement) {
    return { loaded: { object: judgement.object, file, line: document.line }, problems: [], isValid: true };
  }
  const object = objectKey(reference);
  const problems = judgement.problems.slice(0, MAX_PROBLEMS_PER_OBJECT).map((fault) => {
    return { file, line: document.lineOf(fault.path), object, field: shownPath(fault), problem: fault.problem };
  });
  const more = judgement.problems.length - problems.length;
  if (more > 0) problems.push({ file, line: document.line, object, field: '', problem: `has ${more} more problems` });
  return { loaded: last, problems, isValid: false };
}

type EntryJudge = (entry: ManifestEntry, last: LoadedObject | undefined) => Outcome;

/** An entry that yielded the object in force is valid against itself: a reload judges only what changed. */
function createCachedJudge(): EntryJudge {
  const judges = createJudges();
  const yielded = new WeakMap<ManifestEntry, LoadedObject>();
  return (entry, last) => {
    if (last !== undefined && yielded.get(entry) === last) return { loaded: last, problems: [], isValid: true };
    const outcome = judgeEntry(entry, judges[entry.reference.kind], last);
    if (outcome.isValid && outcome.loaded !== undefined) yielded.set(entry, outcome.loaded);
    return outcome;
  };
}

type NamedFile = ReadFile & ManifestFile;

/** Parses only what changed; remembers exactly the files of the last call. */
function createCachedReader(): (files: readonly ManifestFile[]) => readonly NamedFile[] {
  let cache: ReadonlyMap<string, NamedFile> = new Map();
  return (files) => {
    const read = [...files]
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map((file): NamedFile => {
        const cached = cache.get(file.path);
        return cached?.text === file.text ? cached : { ...file, ...readManifestFile(file) };
      });
    cache = new Map(read.map((file) => [file.path, file]));
    return read;
  };
}

/** Of several documents about one object: the one from the file it is in force from, else the first. */
function chooseEntry(entries: readonly ManifestEntry[], last: LoadedObject | undefined): ManifestEntry | undefined {
  return entries.find(({ file }) => file === last?.file) ?? entries[0];
}

function judgeObject(
  entries: readonly ManifestEntry[],
  judge: EntryJudge,
  last: LoadedObject | undefined,
): Outcome {
  const chosen = chooseEntry(entries, last);
  if (chosen === undefined) return { loaded: last, problems: [], isValid: true };
  const outcome = judge(chosen, last);
  const duplicates = entries
    .filter((entry) => entry !== chosen)
    .map(({ file, document, reference }) => {
      const problem = `is in ${chosen.file}:${chosen.document.line} too; that one counts, unless this one revokes`;
      return { file, line: document.line, object: objectKey(reference), field: '', problem };
    });
  const { loaded } = outcome;
  // A revocation counts wherever it can be read, also in an invalid or second version of the token.
  const isRevoked = loaded !== undefined && entries.some(saysRevoked);
  return {
    ...outcome,
    loaded: isRevoked ? revoked(loaded) : loaded,
    problems: [...outcome.problems, ...duplicates],
  };
}

function groupByObject(entries: readonly ManifestEntry[]): ReadonlyMap<string, readonly ManifestEntry[]> {
  const groups = new Map<string, ManifestEntry[]>();
  for (const entry of entries) {
    const key = objectKey(entry.reference);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

const keptProblem = (key: string, { file, line }: LoadedObject): Problem => {
  const problem = 'is no longer in this file, but stays in force until the rest of the file can be read';
  return { file, line, object: key, field: '', problem };
};

const byPlace = (a: Problem, b: Problem): number =>
  a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1;

/**
 * Guarantees: an object whose document is invalid, or whose file is cut off or does not parse, stays in force as it was
 * last good; a readable `spec.revoked: true` is in force at once; an object whose file is gone is gone; problems hold no
 * value of a file. Does not remember across processes: transition rules compare with the `last` it is given.
 */
export function createManifestLoader(): ManifestLoader {
  const judge = createCachedJudge();
  const readFiles = createCachedReader();

  function load(files: readonly ManifestFile[], last: ManifestState): ManifestState {
    const read = readFiles(files);
    const unclear = new Set(read.filter(({ isUnclear }) => isUnclear).map(({ path }) => path));
    const problems = read.flatMap((file) => file.problems);
    const objects = new Map<string, LoadedObject>();
    const groups = groupByObject(read.flatMap(({ entries }) => entries));
    let mayHide = read.some((file) => file.mayHide);
    for (const [key, entries] of groups) {
      const outcome = judgeObject(entries, judge, last.objects.get(key));
      problems.push(...outcome.problems);
      if (outcome.loaded !== undefined) objects.set(key, outcome.loaded);
      // An invalid last document may be half a document, with others still to be written.
      for (const { file } of outcome.isValid ? [] : entries.filter(({ isLast }) => isLast)) {
        unclear.add(file);
        mayHide = true;
      }
    }
    for (const [key, loaded] of last.objects) {
      if (groups.has(key) || !unclear.has(loaded.file)) continue;
      objects.set(key, loaded);
      problems.push(keptProblem(key, loaded));
    }
    return { objects, problems: problems.sort(byPlace), named: new Set(groups.keys()), mayHide };
  }

  return { load };
}
