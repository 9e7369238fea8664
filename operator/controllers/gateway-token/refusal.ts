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
  /** Its hash was in force before, and is not to be again. */
  readonly isRetired: boolean;
}

/** Less than half of what the ledger holds (ledger/shards.ts): no namespace takes the room of all others. Far more than people look after. */
export const TOKENS_PER_NAMESPACE = 10_000;

/** In the order in which they cannot be helped. Who is on record stays there: nobody's new token ends an established one. */
export function refusalOf({ entry, onRecord, isRetired }: RefusalFacts): TokenRefusal | undefined {
  if (isRetired) return { reason: 'HashRetired', message: 'This hash was revoked or deleted before: make a new token.' };
  if (entry !== undefined || onRecord < TOKENS_PER_NAMESPACE) return undefined;
  return { reason: 'TooManyTokens', message: `The namespace has ${String(TOKENS_PER_NAMESPACE)} tokens, which is the most; delete some that are no longer used.` };
}
