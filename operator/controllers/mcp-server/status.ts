/** The status of an MCPServer: made anew from what is known; nothing ever reads it back. Pure. */
import { SERVER_LABEL } from '../../../api/annotations.ts';
import type { ConditionReason, MCPServerConditionType } from '../../../api/conditions.ts';
import type { MCPServer, MCPServerStatus } from '../../../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../../../core/bundle/problem.ts';
import type { Condition, Finding } from '../../kube/conditions.ts';
import { setConditions } from '../../kube/conditions.ts';
import { bypassBlocked, loopbackOnly } from './exposure.ts';
import type { BypassFacts, PodExposure } from './exposure.ts';
import { named } from './named.ts';

/** The pods that bear the server's label, as far as sidecars go. */
export interface SidecarFacts {
  readonly desired: number;
  /** Sidecars that acknowledged what is published now. */
  readonly ready: number;
  /** Names of pods without a sidecar of ours. */
  readonly unguarded: readonly string[];
  /** Names of pods with one of former settings. */
  readonly outdated: readonly string[];
}

/** What became of writing the objects that belong to a server. */
export interface WrittenObjects {
  /** Objects of their names that somebody else made, as `<kind> <name>`; none of them was changed. */
  readonly foreign: readonly string[];
  /** Those that the API server refused for another reason, as `<kind> <name> (<its answer>)`. */
  readonly refused: readonly string[];
  /** The ConfigMap with the authorities is somebody else's. */
  readonly areAuthoritiesForeign: boolean;
}

export interface StatusFacts extends BypassFacts {
  readonly server: MCPServer;
  readonly problems: readonly ObjectProblem[];
  readonly sidecars: SidecarFacts;
  readonly written: WrittenObjects;
  readonly authoritiesConfigMap: string;
  readonly pods: readonly PodExposure[];
  readonly nowMs: number;
}

export type ServerFinding = Finding<MCPServerConditionType, ConditionReason>;

/** `former`: the conditions that are there now, whose transition times are kept. */
export function serverStatus(facts: StatusFacts, former: readonly Condition[]): MCPServerStatus {
  const { server, sidecars, nowMs } = facts;
  const { desired, ready: enforcing, unguarded, outdated } = sidecars;
  const findings = [ready(facts), accepted(facts), sidecarsReady(sidecars), loopbackOnly(facts), bypassBlocked(facts)];
  return {
    conditions: setConditions(former, findings, { generation: server.metadata.generation ?? 0, nowMs }),
    sidecars: { desired, ready: enforcing, outdated: unguarded.length + outdated.length },
  };
}

/** True when every part of it is: what is wrong first is what it says. */
function ready(facts: StatusFacts): ServerFinding {
  const isTolerated = facts.server.spec.upstream.directAccess === 'Tolerated';
  const parts = [accepted(facts), sidecarsReady(facts.sidecars), ...(isTolerated ? [] : [bypassBlocked(facts)])];
  const fault = parts.find(({ status }) => status !== 'True');
  if (fault !== undefined) return { ...fault, type: 'Ready', status: 'False' };
  return { type: 'Ready', status: 'True', reason: 'AllReady', message: 'Every pod of the server is guarded by the current policy.' };
}

function accepted({ problems, written, authoritiesConfigMap }: StatusFacts): ServerFinding {
  const [problem] = problems;
  const { foreign, refused, areAuthoritiesForeign } = written;
  const not = (reason: ConditionReason, message: string): ServerFinding => ({ type: 'Accepted', status: 'False', reason, message });
  if (problem !== undefined) return not(problem.reason, `${problem.field} ${problem.problem}`);
  if (foreign.length > 0) return not('ServiceNotOurs', `${foreign.join(', ')} exists and was not made for this server: delete it, or set spec.service.name.`);
  if (areAuthoritiesForeign) {
    return not('AuthoritiesNotOurs', `ConfigMap ${authoritiesConfigMap} exists and was not made by the operator, whose authorities the pods of this namespace expect in it: delete it.`);
  }
  if (refused.length > 0) return not('WriteRefused', `${refused.join(', ')} cannot be written: see the log of the operator for the reason, often a quota or an admission policy.`);
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The declaration is in force.' };
}

function sidecarsReady({ desired, ready: enforcing, unguarded, outdated }: SidecarFacts): ServerFinding {
  const not = (reason: ConditionReason, message: string): ServerFinding => ({ type: 'SidecarsReady', status: 'False', reason, message });
  const of = (count: number): string => `${String(count)} of ${String(desired)}`;
  if (desired === 0) return not('NoPods', `No pod bears the label ${SERVER_LABEL} with the name of this server.`);
  if (unguarded.length > 0) return not('PodsUnguarded', `${of(unguarded.length)} pods have no sidecar (${named(unguarded)}): restart their workload.`);
  if (outdated.length > 0) return not('PodsOutdated', `${of(outdated.length)} pods have a sidecar of former settings (${named(outdated)}): restart their workload.`);
  if (enforcing < desired) return not('Waiting', `${of(enforcing)} sidecars have acknowledged the current policy.`);
  return { type: 'SidecarsReady', status: 'True', reason: 'AllReady', message: `All ${String(desired)} sidecars have acknowledged the current policy.` };
}
