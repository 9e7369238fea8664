/** Brings the ledger in line with the objects of the directory and with the time. */
import { randomUUID } from 'node:crypto';
import type { Ledger, LedgerToken } from '../api/ledger.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../core/bundle/problem.ts';
import { problemOf } from '../core/bundle/problem.ts';
import { serverUid } from '../core/compile-input.ts';
import type { ManifestState } from '../manifest/load.ts';
import { objectsOfKind } from '../manifest/load.ts';
import type { LedgerStore } from './ledger.ts';
import { settle } from '../core/token-life.ts';
import type { Demands } from './minter.ts';
import type { ObservedToken } from './token-entries.ts';
import { observeTokens, tokenKey } from './token-entries.ts';

export interface SyncOptions {
  readonly nowMs: number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Whether every file of the directory could be read. */
  readonly isWhole: boolean;
}

export interface SyncOutcome {
  /** Entries of tokens that were deleted. */
  readonly forgotten: readonly LedgerToken[];
  readonly problems: readonly ObjectProblem[];
}

export type LedgerSync = (manifest: ManifestState, demands: Demands, options: SyncOptions) => SyncOutcome;

const SESSION_KEY_BYTES = 32;

export function createLedgerSync(ledger: LedgerStore): LedgerSync {
  // A token that was there before is deleted when it is away, whatever else is wrong with the directory.
  let seen: ReadonlySet<string> = new Set();

  return (manifest, demands, { nowMs, randomBytes, isWhole }) => {
    const tokens = objectsOfKind(manifest, 'GatewayToken');
    const outcome = observeTokens(ledger.get(), tokens.map(observedToken), {
      nowMs,
      newUid: randomUUID,
      // Otherwise one that was deleted while no process ran would come back to life under its old secret.
      isDeleted: (key) => seen.has(key) || (isWhole && !manifest.mayHide && !manifest.named.has(`GatewayToken/${key}`)),
      isTaken: (namespace, name) => manifest.objects.has(`Secret/${namespace}/${name}`),
    });
    seen = new Set(tokens.map(({ metadata }) => tokenKey(metadata)));
    const settled = outcome.tokens.map((entry) => settle(entry, demands.get(tokenKey(entry)), nowMs));
    const isComplete = isWhole && manifest.problems.length === 0;
    const sessionKeys = sessionKeysFor(manifest, ledger.get(), isComplete, randomBytes);
    ledger.update((now) => (sameTokens(now.tokens, settled) && sessionKeys === now.sessionKeys ? now : { ...now, tokens: settled, sessionKeys }));
    const taken = tokens.filter(({ metadata }) => outcome.nameTaken.has(tokenKey(metadata)));
    return { forgotten: outcome.forgotten, problems: [...taken.map(nameTakenProblem), ...takenBack(tokens, ledger.get())] };
  };
}

function observedToken({ metadata, spec }: GatewayToken): ObservedToken {
  const secretName = spec.source.type === 'Generated' ? spec.secretRef?.name : undefined;
  const observed = { namespace: metadata.namespace, name: metadata.name, revoked: spec.revoked };
  return secretName === undefined ? observed : { ...observed, secretName };
}

function sameTokens(before: readonly LedgerToken[], after: readonly LedgerToken[]): boolean {
  return before.length === after.length && before.every((entry, index) => entry === after[index]);
}

/** The same object where nothing changes. */
function sessionKeysFor(
  manifest: ManifestState,
  { sessionKeys }: Ledger,
  isComplete: boolean,
  randomBytes: (length: number) => Uint8Array,
): Ledger['sessionKeys'] {
  const uids = objectsOfKind(manifest, 'MCPServer').map(serverUid);
  const isKept = (uid: string): boolean => !isComplete || uids.includes(uid);
  if (uids.every((uid) => uid in sessionKeys) && Object.keys(sessionKeys).every(isKept)) return sessionKeys;
  const kept = Object.entries(sessionKeys).filter(([uid]) => isKept(uid));
  const made = uids.map((uid) => [uid, Buffer.from(randomBytes(SESSION_KEY_BYTES)).toString('base64url')] as const);
  return Object.fromEntries([...made, ...kept]);
}

function nameTakenProblem(token: GatewayToken): ObjectProblem {
  return problemOf(token, 'spec.secretRef.name', 'SecretNameTaken: another token or Secret has this name; nothing is minted');
}

function takenBack(tokens: readonly GatewayToken[], ledger: Ledger): readonly ObjectProblem[] {
  const revoked = new Set(ledger.tokens.filter((entry) => entry.revoked).map(tokenKey));
  return tokens
    .filter(({ metadata, spec }) => !spec.revoked && revoked.has(tokenKey(metadata)))
    .map((token) => problemOf(token, 'spec.revoked', 'was true before, and a revoked token stays revoked; create another GatewayToken'));
}
