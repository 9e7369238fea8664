/** What people are told of a server, as Events beside it. Pure; no Event holds anything secret. */
import type { LedgerToken } from '../../../api/ledger.ts';
import type { MCPServer } from '../../../api/v1alpha1/index.ts';
import type { Condition, ConditionStatus } from '../../kube/conditions.ts';
import type { ObjectReference, Occurrence } from '../../kube/event-series.ts';
import type { RefusedPod } from '../../webhook/inject.ts';

/** One row per condition that is worth an Event when it changes, and what it is on every new server, which is no news. */
const TOLD: readonly { readonly type: string; readonly atFirst: ConditionStatus }[] = [
  { type: 'Ready', atFirst: 'False' },
  { type: 'Accepted', atFirst: 'Unknown' },
  { type: 'BypassBlocked', atFirst: 'Unknown' },
];

/** `former` and `present`: conditions before and after. */
export function serverHappenings(server: MCPServer, former: readonly Condition[], present: readonly Condition[]): readonly Occurrence[] {
  const regarding = referenceTo(server);
  const before = new Map(former.map((condition) => [condition.type, condition]));
  const now = new Map(present.map((condition) => [condition.type, condition]));
  const changes = TOLD.flatMap(({ type, atFirst }): Occurrence[] => {
    const condition = now.get(type);
    if (condition === undefined || isPassing(condition) || condition.status === (before.get(type)?.status ?? atFirst)) return [];
    return [{ regarding, type: condition.status === 'True' ? 'Normal' : 'Warning', reason: reasonOf(condition), action: 'Reconcile', note: condition.message }];
  });
  return [...changes, ...unguarded(regarding, before.get('SidecarsReady'), now.get('SidecarsReady'))];
}

/** It is over soon, as after every change of a policy, or there is nothing to know. */
function isPassing({ status, reason }: Condition): boolean {
  return reason === 'Waiting' || (reason === 'NoPods' && status === 'Unknown');
}

/** The fault itself, so that each has an Event of its own; Ready repeats what another condition says. */
function reasonOf({ type, status, reason }: Condition): string {
  if (status === 'True') return type;
  return type === 'Ready' ? 'NotReady' : reason;
}

/** Also one more: the message names the pods. */
function unguarded(regarding: ObjectReference, before: Condition | undefined, now: Condition | undefined): readonly Occurrence[] {
  if (now?.reason !== 'PodsUnguarded' || (before?.reason === now.reason && before.message === now.message)) return [];
  return [{ regarding, type: 'Warning', reason: now.reason, action: 'Guard', note: now.message }];
}

/** None where there is no server to write it beside, and none of a dry run. */
export function podRefused({ server, pod, message, isDryRun }: RefusedPod): readonly Occurrence[] {
  if (server === undefined || isDryRun) return [];
  return [{ regarding: referenceTo(server), type: 'Warning', reason: 'PodRefused', action: 'Inject', note: `Pod ${pod} was refused: ${message}` }];
}

export function tokenDeleted(server: MCPServer, token: Pick<LedgerToken, 'uid' | 'namespace' | 'name'>): Occurrence {
  const { uid, namespace, name } = token;
  // Related, so that each token has an Event of its own.
  const related = { apiVersion: server.apiVersion, kind: 'GatewayToken', namespace, name, uid };
  const note = `GatewayToken ${namespace}/${name} was deleted; it is refused from now on and its open streams are being cut.`;
  return { regarding: referenceTo(server), related, type: 'Normal', reason: 'TokenDeleted', action: 'Revoke', note };
}

function referenceTo({ apiVersion, kind, metadata }: MCPServer): ObjectReference {
  const { namespace, name, uid } = metadata;
  return { apiVersion, kind, namespace, name, ...(uid === undefined ? {} : { uid }) };
}
