/**
 * The ledger of a cluster: every replica reads it, the leader alone writes it. A change is in force here once it is on
 * record, and not before: what a replica publishes can always be found again after a crash.
 */
import type { Ledger, LedgerToken } from '../../api/ledger.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createLedgerIndexes, nameOf } from './ledger-index.ts';
import type { DeclaredHash, IndexedShard } from './ledger-index.ts';
import { createShardStore } from './shard-store.ts';
import type { ShardStoreDeps } from './shard-store.ts';
import { CROWDED_AT, SHARD_NAMES, shardOf } from './shards.ts';
import { bury } from './tombstones.ts';

export interface TokenName {
  readonly namespace: string;
  readonly name: string;
}

/** An object, for which an entry may have to be made. */
export interface TokenObject extends TokenName {
  readonly uid: string;
}

export type TokenChange = (entry: LedgerToken | undefined) => LedgerToken | undefined;

export interface ClusterLedger {
  /** The entry under this name, whichever object it was made for: compare its uid. */
  entry(token: TokenName): LedgerToken | undefined;
  /** The same, as the API server has it now. */
  fresh(token: TokenName, signal: AbortSignal): Promise<LedgerToken | undefined>;
  /** Of two with one name, which a downgrade may have left, the last one is that of `entry`. */
  tokens(): readonly LedgerToken[];
  /** How many tokens of a namespace are on record. */
  countIn(namespace: string): number;
  /** Tokens on record that declared this hash, and those that are gone. */
  declared(sha256: string): readonly DeclaredHash[];
  sessionKeys(): ReadonlyMap<string, string>;
  /** Versions of the shards, for the order of bundles. */
  versions(): Readonly<Record<string, string>>;
  /**
   * Records what `step` makes of the entry under this name; `undefined` removes it. What an entry declared that is removed,
   * or gives way to that of another object, is remembered. Resolves with what is on record then.
   */
  change(token: TokenObject, step: TokenChange, signal: AbortSignal): Promise<LedgerToken | undefined>;
  /** Gives the server a session key unless it has one. */
  ensureSessionKey(serverUid: string, make: () => string, signal: AbortSignal): Promise<void>;
  forgetSessionKey(serverUid: string, signal: AbortSignal): Promise<void>;
  onChange(listener: () => void): void;
}

export function createClusterLedger(deps: ShardStoreDeps & { readonly clock: Pick<Clock, 'nowMs'> }): ClusterLedger {
  const shards = createShardStore(deps);
  const indexed = createLedgerIndexes();
  const indexes = (): readonly IndexedShard[] => indexed(shards.all());

  /** Wherever it is: in the shard of the UID it was made for, in that of its name, as it once was, or in one that had room. */
  function holding(token: TokenName): IndexedShard | undefined {
    const key = nameOf(token);
    return indexes().find(({ index }) => index.byName.has(key));
  }

  /**
   * The shard that a token is in, or is to be in. UIDs that fall into one shard can be collected, by making and deleting
   * objects: one that is crowded is passed over. Where that is so the place does not follow from the UID, and what
   * another leader has just put somewhere must be known first.
   */
  async function placeOf(token: TokenObject, signal: AbortSignal): Promise<string> {
    const held = holding(token)?.name;
    if (held !== undefined) return held;
    const own = shardOf(token.uid);
    if (sizeOf(own) < CROWDED_AT) return own;
    await shards.readAll(signal);
    return holding(token)?.name ?? SHARD_NAMES.reduce((roomiest, name) => (sizeOf(name) < sizeOf(roomiest) ? name : roomiest));
  }

  function sizeOf(name: string): number {
    const { tokens = [], tombstones = [] } = shards.get(name)?.ledger ?? {};
    return tokens.length + tombstones.length;
  }

  return {
    entry: (token) => holding(token)?.index.byName.get(nameOf(token)),
    async fresh(token, signal) {
      const name = holding(token)?.name;
      return name === undefined ? undefined : entryIn((await shards.read(name, signal)).ledger, token);
    },
    tokens: () => shards.all().toReversed().flatMap(({ ledger }) => ledger.tokens),
    countIn: (namespace) => indexes().reduce((sum, { index }) => sum + (index.countIn.get(namespace) ?? 0), 0),
    declared: (sha256) => indexes().flatMap(({ index }) => index.declared.get(sha256) ?? []),
    sessionKeys: () => new Map(shards.all().flatMap(({ ledger }) => Object.entries(ledger.sessionKeys))),
    versions: () => Object.fromEntries(shards.all().map(({ name, resourceVersion }) => [`Secret/${deps.namespace}/${name}`, resourceVersion])),
    async change(token, step, signal) {
      const ledger = await shards.update(await placeOf(token, signal), (before) => withEntry(before, token, { step, nowMs: deps.clock.nowMs() }), signal);
      return entryIn(ledger, token);
    },
    async ensureSessionKey(serverUid, make, signal) {
      await shards.update(shardOf(serverUid), (ledger) => {
        if (Object.hasOwn(ledger.sessionKeys, serverUid)) return ledger;
        return { ...ledger, sessionKeys: { ...ledger.sessionKeys, [serverUid]: make() } };
      }, signal);
    },
    async forgetSessionKey(serverUid, signal) {
      await shards.update(shardOf(serverUid), (ledger) => {
        if (!Object.hasOwn(ledger.sessionKeys, serverUid)) return ledger;
        const { [serverUid]: _, ...kept } = ledger.sessionKeys;
        return { ...ledger, sessionKeys: kept };
      }, signal);
    },
    onChange: shards.onChange,
  };
}

function entryIn({ tokens }: Ledger, { namespace, name }: TokenName): LedgerToken | undefined {
  return tokens.find((entry) => entry.namespace === namespace && entry.name === name);
}

/** The same ledger where nothing changes. */
function withEntry(ledger: Ledger, token: TokenName, { step, nowMs }: { readonly step: TokenChange; readonly nowMs: number }): Ledger {
  const before = entryIn(ledger, token);
  const after = step(before);
  if (after === before) return ledger;
  const others = before === undefined || before.uid === after?.uid ? { ...ledger, tokens: ledger.tokens.filter((entry) => entry !== before) } : bury(ledger, before, nowMs);
  return after === undefined ? others : { ...others, tokens: [...others.tokens, after] };
}
