import { beforeEach, describe, expect, test } from '@jest/globals';
import { EMPTY_LEDGER } from '../../../../api/ledger.ts';
import type { LedgerToken } from '../../../../api/ledger.ts';
import type { ObjectToWrite } from '../../../../operator/kube/client.ts';
import type { Informer } from '../../../../operator/kube/informer.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import type { KubeObject } from '../../../../operator/kube/kube-object.ts';
import { createClusterLedger } from '../../../../operator/ledger/ledger.ts';
import type { ClusterLedger } from '../../../../operator/ledger/ledger.ts';
import { NotLeadingError } from '../../../../operator/ledger/shard-store.ts';
import { CROWDED_AT, readShard, SHARD_NAMES, shardOf, writtenShard } from '../../../../operator/ledger/shards.ts';
import type { LedgerShard } from '../../../../operator/ledger/shards.ts';

const CI = { namespace: 'tools', name: 'ci', uid: 'u1' };
const { signal } = new AbortController();
const anEntry = (over: Partial<LedgerToken> = {}): LedgerToken => ({ ...CI, firstSeenMs: 1, revoked: false, generations: [], ...over });

/** Secrets as an API server keeps them: one version at a time, and no write over what one has not read. */
let secrets: Map<string, KubeObject>;
let version: number;
let conflicts: number;
let listeners: ((change: { name: string }) => void)[];
let shown: Map<string, LedgerShard>;
let ledger: ClusterLedger;
let isLeading: boolean;

function store(object: ObjectToWrite): KubeObject {
  version += 1;
  const kept = { apiVersion: 'v1', kind: 'Secret', ...object, metadata: { ...object.metadata, uid: `uid-${object.metadata.name}`, resourceVersion: String(version) } };
  secrets.set(object.metadata.name, kept);
  return kept;
}

/** The informer hears of what is stored now. */
function show(name: string): void {
  const secret = secrets.get(name);
  if (secret !== undefined) shown.set(name, readShard(secret));
  for (const listener of listeners) listener({ name });
}

beforeEach(() => {
  secrets = new Map();
  version = 100;
  conflicts = 0;
  listeners = [];
  shown = new Map();
  isLeading = true;
  const refuse = (): never => {
    conflicts += 1;
    throw new KubeError('Conflict', 'the object has changed', { status: 409 });
  };
  const client = {
    get: async (_resource: unknown, { name }: { name: string }) => secrets.get(name) ?? refuse(),
    list: async () => ({ items: [...secrets.values()], resourceVersion: String(version) }),
    create: async (_resource: unknown, object: ObjectToWrite) => (secrets.has(object.metadata.name) ? refuse() : store(object)),
    replace: async (_resource: unknown, object: ObjectToWrite) =>
      secrets.get(object.metadata.name)?.metadata.resourceVersion === object.metadata['resourceVersion'] ? store(object) : refuse(),
  };
  const shards = { list: () => [...shown.values()], get: (_namespace: string, name: string) => shown.get(name), onChange: (listener: never) => void listeners.push(listener) };
  ledger = createClusterLedger({ client, shards: shards as unknown as Informer<LedgerShard>, namespace: 'home', isLeading: () => isLeading, clock: { nowMs: () => 77 } });
});

const shardName = (): string => [...secrets.keys()][0] ?? '';

describe('the ledger', () => {
  test('shows a change once it is stored, before the copy of the cluster has heard of it', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    expect(ledger.entry(CI)).toEqual(anEntry());
    expect(ledger.tokens()).toEqual([anEntry()]);
    expect(ledger.versions()).toEqual({ [`Secret/home/${shardName()}`]: '101' });
  });

  test('does not show a change that was not stored', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    secrets.clear();
    await expect(ledger.change(CI, () => anEntry({ revoked: true }), signal)).rejects.toMatchObject({ status: 409 });
    expect(ledger.entry(CI)?.revoked).toBe(false);
  });

  test('stores nothing when a step changes nothing', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    await ledger.change(CI, (entry) => entry, signal);
    expect(version).toBe(101);
  });

  test('does not fall back to an older state that the copy of the cluster still shows', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    show(shardName());
    await ledger.change(CI, () => anEntry({ revoked: true }), signal);
    for (const listener of listeners) listener({ name: shardName() });
    expect(ledger.entry(CI)?.revoked).toBe(true);
    show(shardName());
    expect(ledger.entry(CI)?.revoked).toBe(true);
  });

  test('makes its change on top of what another writer stored meanwhile', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    const other = createOther();
    await other.change(CI, (entry) => (entry === undefined ? entry : { ...entry, observedRotateRequest: 'theirs' }), signal);
    await ledger.change(CI, (entry) => (entry === undefined ? entry : { ...entry, revoked: true }), signal);
    expect(conflicts).toBeGreaterThan(0);
    expect(ledger.entry(CI)).toEqual(anEntry({ revoked: true, observedRotateRequest: 'theirs' }));
  });

  test('stores changes of one shard one after the other', async () => {
    await Promise.all(['a', 'b', 'c'].map((request) => ledger.change(CI, (entry) => ({ ...(entry ?? anEntry()), observedRotateRequest: `${entry?.observedRotateRequest ?? ''}${request}` }), signal)));
    expect(ledger.entry(CI)?.observedRotateRequest).toBe('abc');
    expect(conflicts).toBe(0);
  });

  test('asks the API server where that is what counts, and knows it from then on', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    const other = createOther();
    await other.change(CI, () => anEntry({ revoked: true }), signal);
    expect(ledger.entry(CI)?.revoked).toBe(false);
    expect(await ledger.fresh(CI, signal)).toEqual(anEntry({ revoked: true }));
    expect(ledger.entry(CI)?.revoked).toBe(true);
  });

  test('knows what kept it from a write, also when it then has nothing to write', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    const other = createOther();
    await other.change(CI, () => anEntry({ revoked: true }), signal);
    await ledger.change(CI, (entry) => (entry?.revoked === true ? entry : anEntry({ observedRotateRequest: 'mine' })), signal);
    expect(ledger.entry(CI)).toEqual(anEntry({ revoked: true }));
  });

  test('is not written by who does not lead, not even by who found that out in the middle of it', async () => {
    await ledger.change(CI, () => anEntry(), signal);
    const other = createOther();
    await other.change(CI, () => anEntry({ observedRotateRequest: 'theirs' }), signal);
    const late = ledger.change(CI, () => {
      const made = anEntry({ revoked: true });
      queueMicrotask(() => (isLeading = false));
      return made;
    }, signal);
    await expect(late).rejects.toThrow(NotLeadingError);
    expect(await ledger.fresh(CI, signal)).toEqual(anEntry({ observedRotateRequest: 'theirs' }));
  });

  test.each<[string, LedgerToken | undefined]>([['deleted', undefined], ['made again under its name', anEntry({ uid: 'u2' })]])('remembers the hash of a token that is %s, in the same write', async (_what, after) => {
    const sha256 = 'a'.repeat(64);
    await ledger.change(CI, () => anEntry({ declaredSha256: sha256 }), signal);
    expect(ledger.declared(sha256)).toMatchObject([{ namespace: 'tools', revoked: false, entry: { uid: 'u1' } }]);
    await ledger.change(CI, () => anEntry({ declaredSha256: sha256, revoked: true }), signal);
    expect(ledger.declared(sha256)).toMatchObject([{ revoked: true, entry: { uid: 'u1' } }]);
    const before = version;
    await ledger.change(CI, () => after, signal);
    expect([ledger.entry(CI), ledger.declared(sha256), version]).toEqual([after, [{ namespace: 'tools', revoked: true }], before + 1]);
    expect(ledger.declared('b'.repeat(64))).toEqual([]);
  });

  test('counts the tokens of each namespace', async () => {
    for (const [namespace, name] of [['tools', 'a'], ['tools', 'b'], ['prod', 'a']] as const) {
      const token = { namespace, name, uid: `${namespace}-${name}` };
      await ledger.change(token, () => anEntry(token), signal);
    }
    expect(['tools', 'prod', 'else'].map((namespace) => ledger.countIn(namespace))).toEqual([2, 1, 0]);
  });

  test('gives a server one session key and keeps it', async () => {
    await ledger.ensureSessionKey('s1', () => 'first', signal);
    await ledger.ensureSessionKey('s1', () => 'second', signal);
    expect(ledger.sessionKeys()).toEqual(new Map([['s1', 'first']]));
    await ledger.forgetSessionKey('s1', signal);
    expect(ledger.sessionKeys().size).toBe(0);
  });

  test('tells of each change', async () => {
    let heard = 0;
    ledger.onChange(() => (heard += 1));
    await ledger.change(CI, () => anEntry(), signal);
    expect(heard).toBe(1);
  });
});

describe('the place of an entry', () => {
  const named = (name: string, uid: string) => ({ namespace: 'tools', name, uid });
  const add = (of: { namespace: string; name: string; uid: string }, writer = ledger) => writer.change(of, () => anEntry(of), signal);
  const uidsIn = (name: string): readonly string[] => {
    const secret = secrets.get(name);
    return secret === undefined ? [] : readShard(secret).ledger.tokens.map(({ uid }) => uid);
  };
  /** What an author would have to collect: names, or UIDs, that fall into one shard. */
  const falling = (into: string, count: number): readonly string[] => Array.from({ length: count * 80 }, (_, index) => `u-${String(index)}`).filter((key) => shardOf(key) === into).slice(0, count);

  test('does not follow from a name that its author chose', async () => {
    const names = falling(SHARD_NAMES[0] ?? '', 64);
    for (const [index, name] of names.entries()) await add(named(name, `uid-${String(index)}`));
    expect([...secrets.keys()].filter((name) => uidsIn(name).length > 8)).toEqual([]);
    expect(secrets.size).toBeGreaterThan(16);
  });

  test('is where an earlier version put it, by its name, and it is there once', async () => {
    const former = shardOf('tools/ci') === shardOf('u1') ? 'mcpgateway-ledger-00' : shardOf('tools/ci');
    store(writtenShard('home', former, { ...EMPTY_LEDGER, tokens: [anEntry()] }));
    show(former);
    await ledger.change(CI, (entry) => (entry === undefined ? undefined : { ...entry, revoked: true }), signal);
    expect(await ledger.fresh(CI, signal)).toEqual(anEntry({ revoked: true }));
    expect([ledger.entry(CI)?.revoked, ledger.tokens().length, secrets.size]).toEqual([true, 1, 1]);
    await ledger.change(CI, () => undefined, signal);
    expect(ledger.tokens()).toEqual([]);
  });

  test('stays when the token is made again under its name: the entry of the former goes', async () => {
    await add(CI);
    await add(named('ci', 'u2'));
    expect(ledger.tokens()).toEqual([anEntry({ uid: 'u2' })]);
  });

  test('is not in a shard that somebody has filled, and a leader who has not heard of that puts none a second time', async () => {
    const [full = '', ...others] = SHARD_NAMES;
    const uids = falling(full, CROWDED_AT + 2);
    const entries = uids.slice(2).map((uid) => anEntry({ name: uid, uid }));
    store(writtenShard('home', full, { ...EMPTY_LEDGER, tokens: entries }));
    const [uid = '', next = ''] = uids;
    const other = createOther();
    await add(named('late', uid), other);
    expect(uidsIn(full)).not.toContain(uid);
    expect(others.flatMap(uidsIn)).toEqual([uid]);
    show(full);
    // Of that shard an older state is known here, which makes another one look roomier.
    const [first = ''] = others;
    shown.set(first, { name: first, resourceVersion: '1', ledger: { ...EMPTY_LEDGER, tokens: [anEntry({ name: 'gone', uid: 'gone' })] } });
    for (const listener of listeners) listener({ name: first });
    await add(named('late', uid));
    await add(named('later', next));
    expect(others.flatMap(uidsIn).toSorted()).toEqual([uid, next].toSorted());
  });

  test('of two with one name is the same for whoever looks one up and for whoever reads them all', () => {
    for (const [index, name] of SHARD_NAMES.slice(0, 2).entries()) {
      store(writtenShard('home', name, { ...EMPTY_LEDGER, tokens: [anEntry({ firstSeenMs: index })] }));
      show(name);
    }
    expect(new Map(ledger.tokens().map((each) => [each.uid, each])).get('u1')).toEqual(ledger.entry(CI));
  });
});

/** A second writer over the same Secrets, which has read them all. */
function createOther(): ClusterLedger {
  for (const name of secrets.keys()) show(name);
  const client = {
    get: async (_resource: unknown, { name }: { name: string }) => secrets.get(name) as KubeObject,
    list: async () => ({ items: [...secrets.values()], resourceVersion: String(version) }),
    create: async (_resource: unknown, object: ObjectToWrite) => store(object),
    replace: async (_resource: unknown, object: ObjectToWrite) => store(object),
  };
  const copy = new Map(shown);
  const shards = { list: () => [...copy.values()], get: (_namespace: string, name: string) => copy.get(name), onChange: () => undefined };
  return createClusterLedger({ client, shards: shards as unknown as Informer<LedgerShard>, namespace: 'home', isLeading: () => isLeading, clock: { nowMs: () => 77 } });
}
