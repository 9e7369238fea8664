/** What a token is now, in one word and one time, as far as files tell. */
import type { LedgerToken } from '../api/ledger.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';

export type TokenStateName = 'Active' | 'Expired' | 'Pending' | 'Revoked' | 'Unknown';

export interface TokenSummary {
  readonly state: TokenStateName;
  /** When what is valid now ends; absent where nothing is, or nobody knows. */
  readonly expiresAtMs?: number;
}

/** `Unknown` for a generated token where the ledger cannot be read. */
export function summarizeToken({ spec }: GatewayToken, entry: LedgerToken | undefined, nowMs: number): TokenSummary {
  if (spec.revoked || entry?.revoked === true) return { state: 'Revoked' };
  const endMs = spec.expiresAt === undefined ? Infinity : Date.parse(spec.expiresAt);
  if (endMs <= nowMs) return { state: 'Expired', expiresAtMs: endMs };
  if (spec.source.type === 'Hash') return { state: 'Active', expiresAtMs: endMs };
  return entry === undefined ? { state: 'Unknown' } : summarizeEntry(entry, endMs, nowMs);
}

function summarizeEntry(entry: LedgerToken, endMs: number, nowMs: number): TokenSummary {
  const current = entry.generations.find(({ state, expiresAtMs }) => state === 'Current' && expiresAtMs > nowMs);
  if (current !== undefined) return { state: 'Active', expiresAtMs: Math.min(current.expiresAtMs, endMs) };
  return { state: entry.mintedAtMs === undefined ? 'Pending' : 'Expired' };
}
