/** What an informer holds: parsed objects, indexed, and what could not be parsed. */
import { type KubeObject, withoutManagedFields } from './kube-object.ts';
import type { ObjectRef } from './resources.ts';

/** `initial`: found by the first list, so nothing has happened to it. */
export type Change<T> = ObjectRef &
  (
    | { readonly type: 'added'; readonly object: T; readonly initial: boolean }
    | { readonly type: 'updated'; readonly object: T; readonly old: T }
    | { readonly type: 'deleted'; readonly old: T }
    /** `parse` refuses it as it is now: absent for `get`, `list` and `byIndex`; `old` is what was there before. */
    | { readonly type: 'refused'; readonly problem: string; readonly old: T | undefined }
    /** A refused object is gone. */
    | { readonly type: 'forgotten' }
  );

export interface Refusal extends ObjectRef {
  readonly problem: string;
}

export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

export interface ObjectStoreOptions<T> {
  /** Throws to refuse an object. */
  readonly parse: (object: KubeObject) => T;
  readonly indexers: Indexers<T>;
  /** Called after the store has changed. Must not throw. */
  readonly emit: (change: Change<T>) => void;
}

export interface ObjectStore<T> {
  /** An object in a version that is held already changes nothing; one with another uid replaces a deleted one. */
  put(object: KubeObject, initial: boolean): void;
  remove(ref: ObjectRef): void;
  get(ref: ObjectRef): T | undefined;
  list(): readonly T[];
  byIndex(index: string, key: string): readonly T[];
  refusals(): readonly Refusal[];
  /** Makes the store hold these and nothing else. */
  replace(objects: readonly KubeObject[], initial: boolean): void;
  /** By `keyOf`: the version (`versionOf`) of everything held, refused objects included. */
  versions(): ReadonlyMap<string, string>;
}

interface Entry<T> {
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly content: Accepted<T> | { readonly problem: string };
}

interface Accepted<T> {
  readonly object: T;
  readonly indexKeys: readonly string[];
}

const MAX_PROBLEM = 1024;

export function keyOf({ namespace = '', name }: ObjectRef): string {
  return `${namespace}/${name}`;
}

export function createObjectStore<T extends object>({ parse, indexers, emit }: ObjectStoreOptions<T>): ObjectStore<T> {
  const entries = new Map<string, Entry<T>>();
  const index = createIndex();
  const objectAt = (key: string): T | undefined => acceptedIn(entries.get(key))?.object;

  function write(key: string, entry: Entry<T> | undefined): void {
    index.remove(acceptedIn(entries.get(key))?.indexKeys, key);
    entries.delete(key);
    if (entry === undefined) return;
    entries.set(key, entry);
    index.add(acceptedIn(entry)?.indexKeys, key);
  }

  function judge(object: KubeObject): Accepted<T> | { readonly problem: string } {
    try {
      const parsed = parse(withoutManagedFields(object));
      const indexKeys = Object.entries(indexers).flatMap(([name, keysOf]) => keysOf(parsed).map((key) => indexKeyOf(name, key)));
      return { object: parsed, indexKeys };
    } catch (error) {
      // Translated into state: one object that cannot be read must not stop the others.
      return { problem: (error instanceof Error ? error.message : String(error)).slice(0, MAX_PROBLEM) };
    }
  }

  const store: ObjectStore<T> = {
    put(object, initial) {
      const { uid, resourceVersion } = object.metadata;
      const ref = refOf(object);
      const key = keyOf(ref);
      const before = entries.get(key);
      if (before !== undefined && versionOf(before) === versionOf(object.metadata)) return;
      if (before !== undefined && before.uid !== uid) store.remove(ref);
      const old = objectAt(key);
      const content = judge(object);
      write(key, { ref, uid, resourceVersion, content });
      if ('problem' in content) emit({ ...ref, type: 'refused', problem: content.problem, old });
      else if (old === undefined) emit({ ...ref, type: 'added', object: content.object, initial });
      else emit({ ...ref, type: 'updated', object: content.object, old });
    },
    remove(ref) {
      const key = keyOf(ref);
      if (!entries.has(key)) return;
      const old = objectAt(key);
      write(key, undefined);
      emit(old === undefined ? { ...ref, type: 'forgotten' } : { ...ref, type: 'deleted', old });
    },
    replace(objects, initial) {
      const kept = new Set(objects.map((object) => keyOf(refOf(object))));
      // What is gone goes first: a withdrawal must not wait for the news.
      for (const [key, { ref }] of [...entries]) {
        if (!kept.has(key)) store.remove(ref);
      }
      for (const object of objects) store.put(object, initial);
    },
    get: (ref) => objectAt(keyOf(ref)),
    list: () => [...entries.values()].map((entry) => acceptedIn(entry)?.object).filter((object) => object !== undefined),
    byIndex(name, key) {
      if (!Object.hasOwn(indexers, name)) throw new TypeError(`there is no index ${name}`);
      return index.members(indexKeyOf(name, key)).map(objectAt).filter((object) => object !== undefined);
    },
    refusals: () => [...entries.values()].flatMap(({ ref, content }) => ('problem' in content ? [{ ...ref, problem: content.problem }] : [])),
    versions: () => new Map([...entries].map(([key, entry]) => [key, versionOf(entry)])),
  };
  return store;
}

/** Names one state of one object, also across a deletion and a new object of the same name. */
export function versionOf({ uid, resourceVersion }: { readonly uid: string; readonly resourceVersion: string }): string {
  return `${uid}/${resourceVersion}`;
}

export function refOf({ metadata: { namespace, name } }: KubeObject): ObjectRef {
  return namespace === undefined ? { name } : { namespace, name };
}

function acceptedIn<T>(entry: Entry<T> | undefined): Accepted<T> | undefined {
  return entry === undefined || 'problem' in entry.content ? undefined : entry.content;
}

interface Index {
  add(keys: readonly string[] | undefined, member: string): void;
  remove(keys: readonly string[] | undefined, member: string): void;
  members(key: string): readonly string[];
}

function createIndex(): Index {
  const membersOf = new Map<string, Set<string>>();
  return {
    add(keys = [], member) {
      for (const key of keys) membersOf.set(key, (membersOf.get(key) ?? new Set()).add(member));
    },
    remove(keys = [], member) {
      for (const key of keys) {
        const members = membersOf.get(key);
        members?.delete(member);
        if (members?.size === 0) membersOf.delete(key);
      }
    },
    members: (key) => [...(membersOf.get(key) ?? [])],
  };
}

function indexKeyOf(index: string, key: string): string {
  return `${index}\u0000${key}`;
}
