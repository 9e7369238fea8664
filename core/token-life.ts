/**
 * Generations of one minted token, as pure steps over its ledger entry: pending, current, previous, gone. At most two
 * are live. Whoever executes them puts storage and publication between the steps.
 */
import type { LedgerGeneration, LedgerToken } from '../api/ledger.ts';

/** What a valid GatewayToken asks of the mint, with every bound already applied. */
export interface TokenDemand {
  /** The shortest of `spec.lifetime` and what the lifetime policy allows. */
  readonly lifetimeMs: number;
  /** `spec.expiresAt`. */
  readonly endsAtMs?: number;
  readonly rotation?: { readonly everyMs: number; readonly overlapMs?: number };
  /** Value of the annotation that asks for a rotation. */
  readonly rotateRequest?: string;
}

/** How long a replaced generation lives on where `rotation.overlap` is absent. */
export const DEFAULT_OVERLAP_MS = 3_600_000;

/** When a new generation is to be minted: a time in the past means now, `undefined` means not without a request. */
export function mintDueAtMs(entry: LedgerToken, demand: TokenDemand, nowMs: number): number | undefined {
  if (entry.revoked || hasEnded(demand, nowMs)) return undefined;
  if (entry.generations.some(({ state }) => state === 'Pending')) return undefined;
  if (entry.mintedAtMs === undefined) return nowMs;
  if (demand.rotateRequest !== undefined && demand.rotateRequest !== entry.observedRotateRequest) return nowMs;
  return demand.rotation === undefined ? undefined : entry.mintedAtMs + demand.rotation.everyMs;
}

/** Makes room first: a third live generation would outlast the second rotation within one overlap. */
export function beginMint(entry: LedgerToken, demand: TokenDemand, hashed: { id: string; sha256: string }, nowMs: number): LedgerToken {
  const pending: LedgerGeneration = {
    ...hashed,
    issuedAtMs: nowMs,
    expiresAtMs: boundOf(nowMs, demand),
    state: 'Pending',
  };
  return { ...entry, generations: [...entry.generations.filter(({ state }) => state === 'Current'), pending] };
}

/** The pending generation becomes current; the one it replaces lives on for the overlap, never longer than before. */
export function promote(entry: LedgerToken, id: string, demand: TokenDemand | undefined, nowMs: number): LedgerToken {
  const overlapMs = demand?.rotation?.overlapMs ?? DEFAULT_OVERLAP_MS;
  const pending = entry.generations.find((generation) => generation.id === id && generation.state === 'Pending');
  if (pending === undefined) return entry;
  const generations = entry.generations.flatMap((generation): LedgerGeneration[] => {
    if (generation === pending) return [{ ...generation, state: 'Current' }];
    if (generation.state !== 'Current') return [];
    return [{ ...generation, state: 'Previous', expiresAtMs: Math.min(generation.expiresAtMs, nowMs + overlapMs) }];
  });
  const observed = demand?.rotateRequest === undefined ? {} : { observedRotateRequest: demand.rotateRequest };
  return { ...entry, ...observed, mintedAtMs: pending.issuedAtMs, generations };
}

/**
 * Bounds that became shorter cut generations minted under longer ones, for good; what has expired is dropped. Minted by a
 * clock that was ahead and has been set back, a generation does not live longer for it.
 */
export function settle(entry: LedgerToken, demand: TokenDemand | undefined, nowMs: number): LedgerToken {
  const generations = entry.generations
    .map((generation) => {
      const bound = demand === undefined ? Infinity : boundOf(Math.min(generation.issuedAtMs, nowMs), demand);
      return bound < generation.expiresAtMs ? { ...generation, expiresAtMs: bound } : generation;
    })
    .filter((generation) => generation.expiresAtMs > nowMs);
  const unchanged =
    generations.length === entry.generations.length && generations.every((each, i) => each === entry.generations[i]);
  return unchanged ? entry : { ...entry, generations };
}

/** After a crash: a pending generation whose secret never reached its file can be shown to nobody any more. */
export function recover(
  entry: LedgerToken,
  fileSha256: string | undefined,
  demand: TokenDemand | undefined,
  nowMs: number,
): LedgerToken {
  const pending = entry.generations.find(({ state }) => state === 'Pending');
  if (pending === undefined) return entry;
  // Somebody may have read the file already, and it was published before it was written.
  if (pending.sha256 === fileSha256) return promote(entry, pending.id, demand, nowMs);
  return { ...entry, generations: entry.generations.filter((generation) => generation !== pending) };
}

/** The next moment at which time alone changes this token. */
export function nextChangeMs(entry: LedgerToken, demand: TokenDemand | undefined, nowMs: number): number {
  const due = demand === undefined ? undefined : mintDueAtMs(entry, demand, nowMs);
  return Math.min(due ?? Infinity, ...entry.generations.map(({ expiresAtMs }) => expiresAtMs));
}

function hasEnded(demand: TokenDemand, nowMs: number): boolean {
  return demand.endsAtMs !== undefined && demand.endsAtMs <= nowMs;
}

function boundOf(issuedAtMs: number, demand: TokenDemand): number {
  return Math.min(issuedAtMs + demand.lifetimeMs, demand.endsAtMs ?? Infinity);
}
