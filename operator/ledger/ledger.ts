/**
 * The ledger of a cluster: every replica reads it, the leader alone writes it. A change is in force here once it is on
 * record, and not before: what a replica publishes can always be found again after a crash.
 */
import type { Ledger, LedgerToken } from '../../api/ledger.ts';
import { createShardStore } from './shard-store.ts';
import type { ShardStoreDeps } from './shard-store.ts';
import { shardOf } from './shards.ts';

export interface TokenName {
  readonly namespace: string;
  readonly name: string;
}

export interface ClusterLedger {
  /** The entry under this name, whichever object it was made for: compare its uid. */
  entry(token: TokenName): LedgerToken | undefined;
  /** The same, as the API server has it now. */
  fresh(token: TokenName, signal: AbortSignal): Promise<LedgerToken | undefined>;
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

export function createClusterLedger(deps: ShardStoreDeps): ClusterLedger {
  const shards = createShardStore(deps);
  return {
    entry: (token) => shards.get(shardOf(nameOf(token)))?.ledger.tokens.find(isNamed(token)),
    async fresh(token, signal) {
      const { ledger } = await shards.read(shardOf(nameOf(token)), signal);
      return ledger.tokens.find(isNamed(token));
    },
    tokens: () => shards.all().flatMap(({ ledger }) => ledger.tokens),
    sessionKeys: () => new Map(shards.all().flatMap(({ ledger }) => Object.entries(ledger.sessionKeys))),
    versions: () => Object.fromEntries(shards.all().map(({ name, resourceVersion }) => [`Secret/${deps.namespace}/${name}`, resourceVersion])),
    async change(token, step, signal) {
      const { tokens } = await shards.update(shardOf(nameOf(token)), (ledger) => withEntry(ledger, token, step), signal);
      return tokens.find(isNamed(token));
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
