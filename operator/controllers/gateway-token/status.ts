/**
 * The status of a GatewayToken: a copy for people, made anew from what is known. What is there already is only shown on
 * where this process does not know better; nothing is ever decided by it. What was done with the token is another's to
 * write (operator/usage/). Pure.
 */
import type { GatewayTokenConditionType, ConditionReason } from '../../../api/conditions.ts';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken, GatewayTokenStatus } from '../../../api/v1alpha1/index.ts';
import { isRecord, own } from '../../../manifest/record.ts';
import type { Condition, Finding } from '../../kube/conditions.ts';
import { sameStatus, setConditions } from '../../kube/conditions.ts';
import type { Enforcement, TokenFacts } from './observe.ts';

type TokenFinding = Finding<GatewayTokenConditionType, ConditionReason>;

/** A grant that ends within this time is worth a look. */
const EXPIRING_SOON_MS = 72 * 3_600_000;

export type TokenStatusFacts = Pick<TokenFacts, 'problems' | 'refusal' | 'isSecretNameTaken' | 'secretRefusal' | 'enforcement' | 'nowMs' | 'demand'> & {
  readonly token: GatewayToken;
  readonly entry: LedgerToken;
};

/** What is there now: transition times are kept. */
export interface StoredTokenStatus {
  readonly conditions: readonly Condition[];
  readonly whole: unknown;
}

export function tokenStatus(facts: TokenStatusFacts, stored: StoredTokenStatus): GatewayTokenStatus {
  const { token, entry, nowMs } = facts;
  const generation = token.metadata.generation ?? 0;
  const enforcement = withStored(facts.enforcement, stored.whole, generation);
  return {
    conditions: setConditions(stored.conditions, findings({ ...facts, enforcement }), { generation, nowMs }),
    generations: generationsOf(entry),
    ...(entry.observedRotateRequest === undefined ? {} : { observedRotateRequest: entry.observedRotateRequest }),
    enforcement: {
      generation,
      sidecars: enforcement.sidecars,
      enforcing: enforcement.enforcing,
      ...(enforcement.slowestAckMs === undefined ? {} : { slowestAckMilliseconds: Math.round(enforcement.slowestAckMs) }),
    },
  };
}

/** A process that has just begun does not know how long acknowledgements took, nor yet who has acknowledged. */
function withStored(enforcement: Enforcement, whole: unknown, generation: number): Enforcement {
  const stored = own(whole, 'enforcement');
  if (own(stored, 'generation') !== generation) return enforcement;
  const [sidecars, enforcing, slowestAckMs] = ['sidecars', 'enforcing', 'slowestAckMilliseconds'].map((member) => own(stored, member));
  const known = enforcement.slowestAckMs === undefined && typeof slowestAckMs === 'number' ? { ...enforcement, slowestAckMs } : enforcement;
  if (!enforcement.isSettling || typeof sidecars !== 'number' || typeof enforcing !== 'number') return known;
  return { ...known, sidecars, enforcing };
}

/** Whether writing `status` would change nothing in the one that is stored. */
export function isShown(stored: unknown, status: GatewayTokenStatus): boolean {
  if (!isRecord(stored)) return false;
  const { lastUsedAt: _lastUsedAt, usage: _usage, ...ours } = stored;
  return sameStatus(ours, status);
}

function generationsOf({ generations }: LedgerToken): NonNullable<GatewayTokenStatus['generations']> {
  return generations
    .toSorted((one, other) => other.issuedAtMs - one.issuedAtMs)
    .map(({ id, state, issuedAtMs, expiresAtMs }) => ({ id, state, issuedAt: timestamp(issuedAtMs), expiresAt: timestamp(expiresAtMs) }));
}

function findings(facts: TokenStatusFacts): readonly TokenFinding[] {
  return [ready(facts), enforced(facts.enforcement), expiringSoon(facts), expired(facts), revoked(facts.entry), secretNameTaken(facts)];
}

/** The first fault decides: each message says what to do about it. */
function ready(facts: TokenStatusFacts): TokenFinding {
  const { entry, problems, refusal, isSecretNameTaken, secretRefusal, token } = facts;
  const not = (reason: ConditionReason, message: string): TokenFinding => ({ type: 'Ready', status: 'False', reason, message });
  if (entry.revoked) return not('Revoked', 'The token is revoked; create another GatewayToken.');
  if (isOver(facts)) return not('Expired', 'The grant has ended; create another GatewayToken.');
  if (refusal !== undefined) return not(refusal.reason, refusal.message);
  const [problem] = problems;
  if (problem !== undefined) return not(problem.reason, `${problem.field} ${problem.problem}`);
  if (isSecretNameTaken) return not('SecretNameTaken', 'spec.secretRef.name belongs to another Secret or GatewayToken; create this one anew with another name.');
  if (secretRefusal !== undefined) return not('SecretNotWritten', `The API server refuses the Secret (${secretRefusal}); it is tried again.`);
  if (token.spec.source.type === 'Generated' && !entry.generations.some(({ state }) => state === 'Current')) {
    return not('Waiting', 'A generation is being minted.');
  }
  return { type: 'Ready', status: 'True', reason: 'Minted', message: 'The token is accepted where its permissions and the servers admit it.' };
}

function enforced({ sidecars, enforcing }: Enforcement): TokenFinding {
  if (enforcing < sidecars) {
    return { type: 'Enforced', status: 'False', reason: 'Waiting', message: `${String(enforcing)} of ${String(sidecars)} sidecars have acknowledged the present state.` };
  }
  return { type: 'Enforced', status: 'True', reason: 'Acknowledged', message: `All ${String(sidecars)} sidecars have acknowledged the present state.` };
}

function expiringSoon(facts: TokenStatusFacts): TokenFinding {
  const endMs = endOf(facts);
  const isSoon = endMs !== undefined && endMs > facts.nowMs && endMs - facts.nowMs <= EXPIRING_SOON_MS;
  const message = isSoon ? 'The grant ends within three days.' : 'The grant does not end within three days.';
  return { type: 'ExpiringSoon', status: isSoon ? 'True' : 'False', reason: 'ExpiresSoon', message };
}

function expired(facts: TokenStatusFacts): TokenFinding {
  const over = isOver(facts);
  return { type: 'Expired', status: over ? 'True' : 'False', reason: 'Expired', message: over ? 'The grant has ended.' : 'The grant has not ended.' };
}

function revoked({ revoked: isRevoked }: LedgerToken): TokenFinding {
  return { type: 'Revoked', status: isRevoked ? 'True' : 'False', reason: 'Revoked', message: isRevoked ? 'The token is revoked for good.' : 'The token is not revoked.' };
}

function secretNameTaken({ isSecretNameTaken }: TokenStatusFacts): TokenFinding {
  const message = isSecretNameTaken ? 'Nothing is minted: the Secret name belongs to somebody else.' : 'The Secret name is free or owned by this token.';
  return { type: 'SecretNameTaken', status: isSecretNameTaken ? 'True' : 'False', reason: 'SecretNameTaken', message };
}

function isOver(facts: TokenStatusFacts): boolean {
  const endMs = endOf(facts);
  return endMs !== undefined && endMs <= facts.nowMs;
}

/** End of the whole grant; a token that rotates has none but its own `expiresAt`. */
function endOf({ token }: TokenStatusFacts): number | undefined {
  const { expiresAt } = token.spec;
  return expiresAt === undefined ? undefined : Date.parse(expiresAt);
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
