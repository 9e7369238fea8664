/** Every admission policy of the gateway, with its binding, for the chart and for tests. */
import type { JsonObject } from '../webhook/json.ts';
import { guardedPodsPolicies } from './guarded-pods.ts';
import type { GuardedPodsSettings } from './guarded-pods.ts';
import { operatorAccountPolicies } from './operator-account.ts';
import type { OperatorAccount } from './operator-account.ts';
import { tokenAuthorsPolicies } from './token-authors.ts';

export interface AdmissionPolicySettings {
  readonly guardedPods: GuardedPodsSettings;
  readonly operator: OperatorAccount;
}

export function admissionPolicies({ guardedPods, operator }: AdmissionPolicySettings): readonly JsonObject[] {
  return [...guardedPodsPolicies(guardedPods), ...tokenAuthorsPolicies(), ...operatorAccountPolicies(operator)];
}
