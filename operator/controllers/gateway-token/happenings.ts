/** What people are told of a token's life, as Events beside it. Pure; no Event holds anything secret. */
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import type { Occurrence } from '../../kube/event-series.ts';
import type { TokenStep } from './derive.ts';
import type { StepOutcome } from './mint.ts';
import type { TokenFacts } from './observe.ts';

/** The Events of one step that has been carried out; `facts` are those it was derived from. */
export function happeningsOf(step: TokenStep, { token, entry }: TokenFacts, outcome: StepOutcome): readonly Occurrence[] {
  if (token === undefined) return [];
  const regarding = referenceTo(token);
  if (isRevocation(step, entry)) {
    return [{ regarding, type: 'Normal', reason: 'Revoked', action: 'Revoke', note: 'The token is revoked; its open streams are being cut.' }];
  }
  const secret = `Secret ${token.spec.secretRef?.name ?? ''}`;
  if (outcome === 'refused') return [{ regarding, type: 'Warning', reason: 'SecretNameTaken', action: 'Mint', note: `${secret} belongs to somebody else; nothing was written.` }];
  if (step.do !== 'deliver' || outcome === 'dropped') return [];
  return [{ regarding, type: 'Normal', reason: hasCurrent(entry) ? 'Rotated' : 'Minted', action: 'Mint', note: `Generation ${step.generation} is in ${secret}.` }];
}

function isRevocation(step: TokenStep, entry: LedgerToken | undefined): boolean {
  return step.do === 'record' && step.entry.revoked && entry?.revoked !== true;
}

function hasCurrent(entry: LedgerToken | undefined): boolean {
  return entry?.generations.some(({ state }) => state === 'Current') === true;
}

function referenceTo({ apiVersion, kind, metadata }: GatewayToken): Occurrence['regarding'] {
  const { namespace, name, uid } = metadata;
  return { apiVersion, kind, namespace, name, ...(uid === undefined ? {} : { uid }) };
}
