/** What to do next for one GatewayToken: one step at a time, each on record before the next. Pure. */
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import { mintDueAtMs, nextChangeMs, settle } from '../../../core/token-life.ts';
import type { TokenFacts } from './observe.ts';

/** Steps in the order of a token's life. After each of them the facts are observed anew. */
export type TokenStep =
  /** The object is gone: so is everything that is known of it. */
  | { readonly do: 'forget' }
  /** The entry follows the object and the time. */
  | { readonly do: 'record'; readonly entry: LedgerToken }
  /** A new generation: recorded as pending, published, not yet readable by anybody. */
  | { readonly do: 'mint' }
  /** Another leader made the pending generation, and ended: was it handed over? */
  | { readonly do: 'recover' }
  /** Sidecars have not yet acknowledged the pending generation. */
  | { readonly do: 'wait'; readonly ms: number }
  /** Every sidecar knows it, or had its time: its owner may read it. */
  | { readonly do: 'deliver'; readonly generation: string }
  /** The name of its Secret is another's: nobody will ever read it. */
  | { readonly do: 'abandon'; readonly generation: string }
  | { readonly do: 'rest'; readonly requeueAfterMs: number | undefined };

/** How long a pending generation waits for sidecars that do not acknowledge: one that hangs must not stop every rotation. */
const DELIVER_AFTER_MS = 5_000;
/** Acknowledgements wake a reconcile; this is for those that never come. */
const WAIT_MS = 1_000;
/** What stands against it may go without a sign. */
const REFUSED_RETRY_MS = 60_000;
/** A timer of Node counts to 2^31 ms at most. */
const LONGEST_MS = 24 * 3_600_000;

export function deriveTokenStep(facts: TokenFacts): TokenStep {
  const { token, entry } = facts;
  if (token === undefined) return entry === undefined ? { do: 'rest', requeueAfterMs: undefined } : { do: 'forget' };
  if (facts.refusal !== undefined) return stepOfRefused(token, entry);
  const wanted = followObject(token, facts);
  if (wanted !== entry) return { do: 'record', entry: wanted };
  const pending = entry.generations.find(({ state }) => state === 'Pending');
  if (pending !== undefined) return stepOfPending(pending.id, facts);
  return isMintDue(facts, entry) ? { do: 'mint' } : rest(facts, entry);
}

/** What is on record of a former object goes all the same; what is of this one stays. */
function stepOfRefused({ metadata }: GatewayToken, entry: LedgerToken | undefined): TokenStep {
  return entry !== undefined && entry.uid !== metadata.uid ? { do: 'forget' } : { do: 'rest', requeueAfterMs: REFUSED_RETRY_MS };
}

function stepOfPending(generation: string, { held, heldForMs, isSecretNameTaken, enforcement }: TokenFacts): TokenStep {
  if (generation !== held) return { do: 'recover' };
  if (isSecretNameTaken) return { do: 'abandon', generation };
  if (enforcement.enforcing < enforcement.sidecars && heldForMs < DELIVER_AFTER_MS) return { do: 'wait', ms: WAIT_MS };
  return { do: 'deliver', generation };
}

/** The entry that the step puts away, with or without another one in its place: the token that it was made for is gone. */
export function entryForgotten(step: TokenStep, entry: LedgerToken | undefined): LedgerToken | undefined {
  return step.do === 'forget' || (step.do === 'record' && step.entry.uid !== entry?.uid) ? entry : undefined;
}

function isMintDue({ demand, isSecretNameTaken, nowMs }: TokenFacts, entry: LedgerToken): boolean {
  if (demand === undefined || isSecretNameTaken) return false;
  return (mintDueAtMs(entry, demand, nowMs) ?? Infinity) <= nowMs;
}

/** The entry as object and time want it; the same one where they want nothing else. */
function followObject(token: GatewayToken, facts: TokenFacts): LedgerToken {
  const { entry, demand, nowMs } = facts;
  const { uid = '', deletionTimestamp } = token.metadata;
  // One that was made again under the same name begins anew: nothing of the former is alive.
  const known = entry?.uid === uid ? entry : newEntry(token, nowMs);
  const revoked = known.revoked || token.spec.revoked || deletionTimestamp !== undefined;
  const following = revoked === known.revoked ? known : { ...known, revoked };
  return settle(entry?.uid === uid ? withDeclaredHash(following, token, facts) : following, demand, nowMs);
}

/** Once it is on record it is in bundles, unless the hash is another's: from then on its end is remembered. */
function withDeclaredHash(entry: LedgerToken, { spec }: GatewayToken, { problems }: TokenFacts): LedgerToken {
  const { sha256 } = spec.source;
  if (sha256 === undefined || sha256 === entry.declaredSha256 || entry.revoked) return entry;
  return problems.some(({ field }) => field.startsWith('spec.source')) ? entry : { ...entry, declaredSha256: sha256 };
}

/** What the record of an object begins with. */
export function newEntry({ metadata, spec }: GatewayToken, nowMs: number): LedgerToken {
  const { namespace, name, uid = '' } = metadata;
  return { namespace, name, uid, firstSeenMs: nowMs, revoked: spec.revoked, generations: [] };
}

function rest({ demand, nameRetryMs, nowMs }: TokenFacts, entry: LedgerToken): TokenStep {
  const changes = [nextChangeMs(entry, demand, nowMs), demand?.endsAtMs ?? Infinity].filter((changeMs) => changeMs > nowMs);
  const delayMs = Math.min(...changes.map((changeMs) => changeMs - nowMs), nameRetryMs ?? Infinity);
  return { do: 'rest', requeueAfterMs: Number.isFinite(delayMs) ? Math.min(delayMs, LONGEST_MS) : undefined };
}
