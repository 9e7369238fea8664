/**
 * The ledger of a cluster: every replica reads it, the leader alone writes it. A change is in force here once it is on
 * record, and not before: what a replica publishes can always be found again after a crash.
 */
import { EMPTY_LEDGER } from '../../api/ledger.ts';
import type { Ledger, LedgerToken } from '../../api/ledger.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict } from '../kube/kube-error.ts';
import { SECRETS } from '../kube/resources.ts';
import { readShard, shardOf, writtenShard } from './shards.ts';
import type { LedgerShard } from './shards.ts';

export interface TokenName {
  readonly namespace: string;
  readonly name: string;
}

export interface ClusterLedger {
  /** The entry under this name, whichever object it was made for: compare its uid. */
  entry(token: TokenName): LedgerToken | undefined;
  tokens(): readonly LedgerToken[];
  sessionKeys(): ReadonlyMap<string, string>;
  /** Versions of the shards, for the order of bundles. */
  versions(): Readonly<Record<string, string>>;
  /** Records what `step` makes of the entry; `undefined` removes it. Resolves with what is on record then. */
  change(token: TokenName, step: (entry: LedgerToken | undefined) => LedgerToken | undefined, signal: AbortSignal): Promise<LedgerToken | undefined>;
  /** Gives the server a session key unless it has one. */
  ensureSessionKey(serverUid: string, make: () => string, signal: AbortSignal): Promise<void>;
  forgetSessionKey(serverUid: string, signal: AbortSignal): Promise<void>;
  onChange(listener: () => void): void;
}

export interface LedgerDeps {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly shards: Informer<LedgerShard>;
  readonly namespace: string;
}

const FIELD_MANAGER = 'mcpgateway-ledger';
const ATTEMPTS = 5;

export function createClusterLedger({ client, shards, namespace }: LedgerDeps): ClusterLedger {
  // What this process wrote last, until the informer has seen it: it may lag behind its own writes.
  const written = new Map<string, LedgerShard>();
  const writing = new Map<string, Promise<unknown>>();
  const listeners: (() => void)[] = [];

  shards.onChange((change) => {
    const own = written.get(change.name);
    const seen = shards.get(namespace, change.name);
    // Resource versions of one object are ordered: see docs/adr on the order of bundles.
    if (own !== undefined && seen !== undefined && BigInt(seen.resourceVersion) < BigInt(own.resourceVersion)) return;
    written.delete(change.name);
    for (const listener of listeners) listener();
  });

  const shardNamed = (name: string): LedgerShard | undefined => written.get(name) ?? shards.get(namespace, name);

  function all(): readonly LedgerShard[] {
    const names = new Set([...shards.list().map(({ name }) => name), ...written.keys()]);
    return [...names].flatMap((name) => shardNamed(name) ?? []);
  }

  /** One write of a shard at a time, and none on top of a state that somebody else has changed meanwhile. */
  async function update(name: string, step: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger> {
    const before = writing.get(name) ?? Promise.resolve();
    const mine = before.then(() => write(name, step, signal), () => write(name, step, signal));
    writing.set(name, mine);
    return mine;
  }

  async function write(name: string, step: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger> {
    let current = shardNamed(name);
    for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
      try {
        return await writeOnto(current, name, step, signal);
      } catch (error) {
        if (!isConflict(error)) throw error;
        current = readShard(await client.get(SECRETS, { namespace, name }, { signal }));
      }
    }
    return writeOnto(current, name, step, signal);
  }

  async function writeOnto(current: LedgerShard | undefined, name: string, step: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger> {
    const before = current?.ledger ?? EMPTY_LEDGER;
    const after = step(before);
    if (after === before) return before;
    const saved = await save(name, after, current?.resourceVersion, signal);
    written.set(name, saved);
    for (const listener of listeners) listener();
    return saved.ledger;
  }

  async function save(name: string, ledger: Ledger, version: string | undefined, signal: AbortSignal): Promise<LedgerShard> {
    const object = writtenShard(namespace, name, ledger, version);
    const options = { fieldManager: FIELD_MANAGER, signal };
    return readShard(version === undefined ? await client.create(SECRETS, object, options) : await client.replace(SECRETS, object, options));
  }

  return {
    entry: (token) => shardNamed(shardOf(nameOf(token)))?.ledger.tokens.find(isNamed(token)),
    tokens: () => all().flatMap(({ ledger }) => ledger.tokens),
    sessionKeys: () => new Map(all().flatMap(({ ledger }) => Object.entries(ledger.sessionKeys))),
    versions: () => Object.fromEntries(all().map(({ name, resourceVersion }) => [`Secret/${namespace}/${name}`, resourceVersion])),
    async change(token, step, signal) {
      const { tokens } = await update(shardOf(nameOf(token)), (ledger) => withEntry(ledger, token, step), signal);
      return tokens.find(isNamed(token));
    },
    async ensureSessionKey(serverUid, make, signal) {
      await update(shardOf(serverUid), (ledger) => {
        if (Object.hasOwn(ledger.sessionKeys, serverUid)) return ledger;
        return { ...ledger, sessionKeys: { ...ledger.sessionKeys, [serverUid]: make() } };
      }, signal);
    },
    async forgetSessionKey(serverUid, signal) {
      await update(shardOf(serverUid), (ledger) => {
        if (!Object.hasOwn(ledger.sessionKeys, serverUid)) return ledger;
        const { [serverUid]: _, ...kept } = ledger.sessionKeys;
        return { ...ledger, sessionKeys: kept };
      }, signal);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

function nameOf({ namespace, name }: TokenName): string {
  return `${namespace}/${name}`;
}

function isNamed(token: TokenName): (entry: LedgerToken) => boolean {
  return (entry) => entry.namespace === token.namespace && entry.name === token.name;
}

/** The same ledger where nothing changes. */
function withEntry(ledger: Ledger, token: TokenName, step: (entry: LedgerToken | undefined) => LedgerToken | undefined): Ledger {
  const before = ledger.tokens.find(isNamed(token));
  const after = step(before);
  if (after === before) return ledger;
  const others = ledger.tokens.filter((entry) => entry !== before);
  return { ...ledger, tokens: after === undefined ? others : [...others, after] };
}
