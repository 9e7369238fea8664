import { beforeEach, describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../../api/ledger.ts';
import type { ObjectToWrite } from '../../../../operator/kube/client.ts';
import type { Informer } from '../../../../operator/kube/informer.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import type { KubeObject } from '../../../../operator/kube/kube-object.ts';
import { createClusterLedger } from '../../../../operator/ledger/ledger.ts';
import type { ClusterLedger } from '../../../../operator/ledger/ledger.ts';
import { NotLeadingError } from '../../../../operator/ledger/shard-store.ts';
import { readShard } from '../../../../operator/ledger/shards.ts';
import type { LedgerShard } from '../../../../operator/ledger/shards.ts';

const CI = { namespace: 'tools', name: 'ci' };
const { signal } = new AbortController();
const anEntry = (over: Partial<LedgerToken> = {}): LedgerToken => ({ ...CI, uid: 'u1', firstSeenMs: 1, revoked: false, generations: [], ...over });

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
    create: async (_resource: unknown, object: ObjectToWrite) => (secrets.has(object.metadata.name) ? refuse() : store(object)),
    replace: async (_resource: unknown, object: ObjectToWrite) =>
      secrets.get(object.metadata.name)?.metadata.resourceVersion === object.metadata['resourceVersion'] ? store(object) : refuse(),
  };
  const shards = { list: () => [...shown.values()], get: (_namespace: string, name: string) => shown.get(name), onChange: (listener: never) => void listeners.push(listener) };
  ledger = createClusterLedger({ client, shards: shards as unknown as Informer<LedgerShard>, namespace: 'home', isLeading: () => isLeading });
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

/** A second writer over the same Secrets, which has read them all. */
function createOther(): ClusterLedger {
  show(shardName());
  const client = {
    get: async (_resource: unknown, { name }: { name: string }) => secrets.get(name) as KubeObject,
    create: async (_resource: unknown, object: ObjectToWrite) => store(object),
    replace: async (_resource: unknown, object: ObjectToWrite) => store(object),
  };
  const copy = new Map(shown);
  const shards = { list: () => [...copy.values()], get: (_namespace: string, name: string) => copy.get(name), onChange: () => undefined };
  return createClusterLedger({ client, shards: shards as unknown as Informer<LedgerShard>, namespace: 'home', isLeading: () => isLeading });
}
