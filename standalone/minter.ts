/**
 * Mints tokens in the one order that survives a crash at any step: recorded as pending, known to the sidecar, in its
 * owner's file, recorded as current. A secret that somebody can read is therefore always on record and accepted.
 */
import type { LedgerToken } from '../api/ledger.ts';
import { formatCredential, hashCredential } from '../core/credential.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import type { LedgerStore } from './ledger.ts';
import type { TokenDemand } from '../core/token-life.ts';
import { beginMint, mintDueAtMs, promote, recover } from '../core/token-life.ts';
import type { TokenFiles } from './token-files.ts';
import { tokenKey } from './token-entries.ts';

export interface MinterDeps {
  readonly ledger: LedgerStore;
  readonly files: TokenFiles;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly log: Logger;
  /** Puts the ledger as it is now into the snapshot before it returns. */
  readonly publish: () => void;
}

export type Demands = ReadonlyMap<string, TokenDemand>;

export interface Minter {
  /** Once, before the first publication. */
  recover(demands: Demands): Promise<void>;
  /** Mints what is due, makes the rest of the ledger durable, and removes the files of tokens that are gone. */
  run(demands: Demands): Promise<void>;
  /** Takes note of tokens that are gone; their files go at the next run. */
  forget(entries: readonly LedgerToken[]): void;
  /** Paths of the files that should be there and are not. */
  missingFiles(): Promise<readonly string[]>;
  /** False for a generation that is not yet on disk: it must not be accepted anywhere. */
  isRecorded(generation: string): boolean;
}

interface Minted {
  readonly uid: string;
  readonly key: string;
  readonly namespace: string;
  readonly secretName: string;
  readonly demand: TokenDemand;
  readonly credential: { readonly text: string; readonly generation: string };
  /** The entry as it was. */
  readonly before: LedgerToken;
}

export function createMinter(deps: MinterDeps): Minter {
  const { ledger, files, clock, log } = deps;
  const unrecorded = new Set<string>();
  const forgotten: LedgerToken[] = [];

  function change(uid: string, step: (entry: LedgerToken) => LedgerToken): void {
    ledger.update((now) => ({ ...now, tokens: now.tokens.map((entry) => (entry.uid === uid ? step(entry) : entry)) }));
  }

  function begin(entry: LedgerToken, secretName: string, demand: TokenDemand): Minted {
    const credential = formatCredential({ generation: deps.randomBytes(16), secret: deps.randomBytes(32) });
    const hashed = { id: credential.generation, sha256: hashCredential(credential.text) };
    unrecorded.add(hashed.id);
    change(entry.uid, (now) => beginMint(now, demand, hashed, clock.nowMs()));
    return { uid: entry.uid, key: tokenKey(entry), namespace: entry.namespace, secretName, demand, credential, before: entry };
  }

  function beginDue(demands: Demands): readonly Minted[] {
    const nowMs = clock.nowMs();
    return ledger.get().tokens.flatMap((entry) => {
      const demand = demands.get(tokenKey(entry));
      if (demand === undefined || entry.secretName === undefined) return [];
      return (mintDueAtMs(entry, demand, nowMs) ?? Infinity) <= nowMs ? [begin(entry, entry.secretName, demand)] : [];
    });
  }

  /** Gives back what made room. What was cut or dropped of the others meanwhile stays so. */
  function undo({ uid, before, credential }: Minted): void {
    const madeRoom = before.generations.filter(({ state }) => state !== 'Current');
    change(uid, (now) => ({ ...now, generations: [...madeRoom, ...now.generations.filter(({ id }) => id !== credential.generation)] }));
    unrecorded.delete(credential.generation);
  }

  async function record(minted: readonly Minted[]): Promise<void> {
    try {
      await ledger.save();
    } catch (error) {
      for (const each of minted) undo(each);
      throw error;
    }
    for (const { credential } of minted) unrecorded.delete(credential.generation);
  }

  function isPending({ uid, credential }: Minted): boolean {
    const entry = ledger.get().tokens.find((each) => each.uid === uid);
    return entry?.generations.some(({ id }) => id === credential.generation) ?? false;
  }

  async function deliver(minted: Minted): Promise<void> {
    // Deleted or expired meanwhile.
    if (!isPending(minted)) return;
    try {
      await files.write(minted.namespace, minted.secretName, minted.credential.text);
    } catch (error) {
      // The other tokens are not held up; this one is due again at the next run.
      undo(minted);
      log.error('token file not written', { token: minted.key, path: files.pathOf(minted.namespace, minted.secretName), error });
      return;
    }
    change(minted.uid, (entry) => promote(entry, minted.credential.generation, minted.demand, clock.nowMs()));
    log.info('token minted', { token: minted.key, generation: minted.credential.generation, path: files.pathOf(minted.namespace, minted.secretName) });
  }

  return {
    isRecorded: (generation) => !unrecorded.has(generation),
    async recover(demands) {
      for (const { uid, namespace, secretName } of ledger.get().tokens) {
        const sha256 = secretName === undefined ? undefined : await files.hashOf(namespace, secretName);
        change(uid, (entry) => recover(entry, sha256, demands.get(tokenKey(entry)), clock.nowMs()));
      }
      const owned = new Set(ledger.get().tokens.map((entry) => `${entry.namespace}/${entry.secretName ?? ''}`));
      await files.sweep((namespace, secretName) => owned.has(`${namespace}/${secretName}`));
    },
    async run(demands) {
      const gone = forgotten.splice(0);
      const minted = beginDue(demands);
      await record(minted).catch((error: unknown) => {
        forgotten.push(...gone);
        throw error;
      });
      for (const { namespace, secretName = '' } of gone) if (secretName !== '' && !isOwned(ledger, namespace, secretName)) await files.remove(namespace, secretName);
      if (minted.length === 0) return;
      deps.publish();
      for (const each of minted) await deliver(each);
      await ledger.save();
      deps.publish();
    },
    forget: (entries) => void forgotten.push(...entries),
    missingFiles: () => missingFiles(ledger, files),
  };
}

async function missingFiles(ledger: LedgerStore, files: TokenFiles): Promise<readonly string[]> {
  const expected = ledger.get().tokens.filter(({ mintedAtMs, generations }) => mintedAtMs !== undefined && generations.length > 0);
  const looked = expected.map(async ({ namespace, secretName = '' }) =>
    (await files.isThere(namespace, secretName)) ? [] : [files.pathOf(namespace, secretName)],
  );
  return (await Promise.all(looked)).flat();
}

/** The name may have a new owner, whose file replaces the old one. */
function isOwned(ledger: LedgerStore, namespace: string, secretName: string): boolean {
  return ledger.get().tokens.some((entry) => entry.namespace === namespace && entry.secretName === secretName);
}
