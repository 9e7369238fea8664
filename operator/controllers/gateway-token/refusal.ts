/** Tokens that are not taken on record, and so are never in force, whatever else they say. Pure. */
import type { ConditionReason } from '../../../api/conditions.ts';
import type { LedgerToken } from '../../../api/ledger.ts';

export interface TokenRefusal {
  readonly reason: ConditionReason;
  /** One sentence that says what to do. */
  readonly message: string;
}

export interface RefusalFacts {
  /** What is on record under its name, made for whichever object. */
  readonly entry: LedgerToken | undefined;
  /** Tokens of its namespace that are on record. */
  readonly onRecord: number;
}

/** Less than half of what the ledger holds (ledger/shards.ts): no namespace takes the room of all others. Far more than people look after. */
export const TOKENS_PER_NAMESPACE = 10_000;

/** Who is on record stays there: nobody's new token ends an established one. */
export function refusalOf({ entry, onRecord }: RefusalFacts): TokenRefusal | undefined {
  if (entry !== undefined || onRecord < TOKENS_PER_NAMESPACE) return undefined;
  return { reason: 'TooManyTokens', message: `The namespace has ${String(TOKENS_PER_NAMESPACE)} tokens, which is the most; delete some that are no longer used.` };
}
