/**
 * The shards of the ledger as this process knows them, and the one way to write them: by the leader alone, and on top of
 * what is stored. A change is in force here once it is on record, and not before.
 */
import { LEDGER_LABEL } from '../../api/annotations.ts';
import { EMPTY_LEDGER } from '../../api/ledger.ts';
import type { Ledger } from '../../api/ledger.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict } from '../kube/kube-error.ts';
import { SECRETS } from '../kube/resources.ts';
import { readShard, writtenShard } from './shards.ts';
import type { LedgerShard } from './shards.ts';

export interface ShardStore {
  get(name: string): LedgerShard | undefined;
  /** In the order of their names; the same list until something changes. */
  all(): readonly LedgerShard[];
  /** The shard as the API server has it now, known here from then on. */
  read(name: string, signal: AbortSignal): Promise<LedgerShard>;
  /** The same of all shards. */
  readAll(signal: AbortSignal): Promise<void>;
  /** Stores what `step` makes of the shard, unless that is the same ledger; resolves with what is on record then. */
  update(name: string, step: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger>;
  onChange(listener: () => void): void;
}

export interface ShardStoreDeps {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'replace'>;
  readonly shards: Informer<LedgerShard>;
  readonly namespace: string;
  /** Judged anew each time: a process that was paused must not write what it made up its mind to before. */
  readonly isLeading: () => boolean;
}

export class NotLeadingError extends Error {}

const FIELD_MANAGER = 'mcpgateway-ledger';
const ATTEMPTS = 5;

export function createShardStore({ client, shards, namespace, isLeading }: ShardStoreDeps): ShardStore {
  // What this process wrote or read last, until the informer has seen it: that may lag behind.
  const newer = new Map<string, LedgerShard>();
  const writing = new Map<string, Promise<unknown>>();
  const listeners: (() => void)[] = [];
  let all: readonly LedgerShard[] | undefined;

  shards.onChange((change) => {
    const own = newer.get(change.name);
    const seen = shards.get(namespace, change.name);
    if (own !== undefined && seen !== undefined && isOlder(seen, own)) return;
    newer.delete(change.name);
    tell();
  });

  const get = (name: string): LedgerShard | undefined => newer.get(name) ?? shards.get(namespace, name);

  function tell(): void {
    all = undefined;
    for (const listener of listeners) listener();
  }

  function note(found: LedgerShard): LedgerShard {
    const known = get(found.name);
    if (known === undefined || isOlder(known, found)) {
      newer.set(found.name, found);
      tell();
    }
    return found;
  }

  async function read(name: string, signal: AbortSignal): Promise<LedgerShard> {
    return note(readShard(await client.get(SECRETS, { namespace, name }, { signal })));
  }

  async function write(name: string, step: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger> {
    let current = get(name);
    for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
      try {
        return await writeOnto(current, name, step, signal);
      } catch (error) {
        if (!isConflict(error)) throw error;
        current = await read(name, signal);
      }
    }
    return writeOnto(current, name, step, signal);
  }

  async function writeOnto(current: LedgerShard | undefined, name: string, step: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger> {
    const before = current?.ledger ?? EMPTY_LEDGER;
    const after = step(before);
    if (after === before) return before;
    const saved = await save(name, after, current?.resourceVersion, signal);
    newer.set(name, saved);
    tell();
    return saved.ledger;
  }

  async function save(name: string, ledger: Ledger, version: string | undefined, signal: AbortSignal): Promise<LedgerShard> {
    if (!isLeading()) throw new NotLeadingError('another process leads, and writes the ledger');
    const object = writtenShard(namespace, name, ledger, version);
    const options = { fieldManager: FIELD_MANAGER, signal };
    return readShard(version === undefined ? await client.create(SECRETS, object, options) : await client.replace(SECRETS, object, options));
  }

  return {
    get,
    read,
    async readAll(signal) {
      const { items } = await client.list(SECRETS, { namespace, labelSelector: LEDGER_LABEL, signal });
      for (const secret of items) note(readShard(secret));
    },
    all() {
      all ??= [...new Set([...shards.list().map(({ name }) => name), ...newer.keys()])].sort().flatMap((name) => get(name) ?? []);
      return all;
    },
    /** One write of a shard at a time, and none on top of a state that somebody else has changed meanwhile. */
    async update(name, step, signal) {
      const before = writing.get(name) ?? Promise.resolve();
      const mine = before.then(() => write(name, step, signal), () => write(name, step, signal));
      writing.set(name, mine);
      return mine;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Resource versions of one object are ordered: see docs/adr on the order of bundles. */
function isOlder(one: LedgerShard, other: LedgerShard): boolean {
  return BigInt(one.resourceVersion) < BigInt(other.resourceVersion);
}
