/** What one MCPServer amounts to in the cluster: the objects that belong to it, and what its status says. Pure. */
import { SERVER_LABEL } from '../../../api/annotations.ts';
import type { ConditionReason, MCPServerConditionType } from '../../../api/conditions.ts';
import type { MCPServer, MCPServerStatus } from '../../../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../../../core/bundle/problem.ts';
import type { Condition, Finding } from '../../kube/conditions.ts';
import { setConditions } from '../../kube/conditions.ts';
import { serviceName } from '../../service-name.ts';
import { PORT_NAMES } from '../../webhook/names.ts';

/** The pods that bear the server's label, as far as sidecars go. */
export interface SidecarCount {
  readonly desired: number;
  /** Sidecars that acknowledged what is published now. */
  readonly ready: number;
  /** Pods without a sidecar of ours, or with one of former settings. */
  readonly outdated: number;
}

/** PEM texts. */
export interface AuthoritiesPem {
  /** Of the operator's stream: for sidecars. */
  readonly stream: string;
  /** Of the sidecars' serving certificates: for clients in the cluster. */
  readonly serving: string;
}

export interface ServerFacts {
  readonly server: MCPServer;
  readonly problems: readonly ObjectProblem[];
  readonly sidecars: SidecarCount;
  /** An object of a name that belongs to this server exists and was made by somebody else. */
  readonly foreign: readonly string[];
  readonly ports: { readonly https: number };
  readonly authorities: AuthoritiesPem;
  readonly authoritiesConfigMap: string;
  readonly nowMs: number;
}

/** Guaranteed: the Service targets the sidecar's port by name, never the server's. */
export function serverObjects(facts: ServerFacts) {
  const { server, ports } = facts;
  const { namespace, name } = server.metadata;
  const labels = { 'app.kubernetes.io/managed-by': 'mcpgateway', [SERVER_LABEL]: name };
  const metadata = (objectName: string) => ({ namespace, name: objectName, labels, ownerReferences: [ownerReference(server)] });
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: metadata(serviceName(server)),
      spec: {
        selector: { [SERVER_LABEL]: name },
        ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: PORT_NAMES.https }],
      },
    },
    networkPolicy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadata(serviceName(server)),
      spec: {
        podSelector: { matchLabels: { [SERVER_LABEL]: name } },
        policyTypes: ['Ingress'],
        ingress: [{ ports: [{ protocol: 'TCP', port: ports.https }] }],
      },
    },
  };
}

/** One per namespace, for all servers there: each server's owner reference keeps it while any of them is left. */
export function authoritiesObject({ server, authorities, authoritiesConfigMap }: ServerFacts) {
  const { namespace } = server.metadata;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name: authoritiesConfigMap, labels: { 'app.kubernetes.io/managed-by': 'mcpgateway' }, ownerReferences: [{ ...ownerReference(server), controller: false }] },
    data: { 'ca.crt': authorities.stream, 'serving-ca.crt': authorities.serving },
  };
}

function ownerReference({ apiVersion, kind, metadata }: MCPServer) {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: false };
}

/** `former`: the conditions that are there now, whose transition times are kept. */
export function serverStatus(facts: ServerFacts, former: readonly Condition[]): MCPServerStatus {
  const { server, sidecars, nowMs } = facts;
  const findings = [ready(facts), accepted(facts), sidecarsReady(sidecars)];
  return { conditions: setConditions(former, findings, { generation: server.metadata.generation ?? 0, nowMs }), sidecars };
}

type ServerFinding = Finding<MCPServerConditionType, ConditionReason>;

/** True when every part of it is: what is wrong first is what it says. */
function ready(facts: ServerFacts): ServerFinding {
  const fault = [accepted(facts), sidecarsReady(facts.sidecars)].find(({ status }) => status !== 'True');
  if (fault !== undefined) return { ...fault, type: 'Ready', status: 'False' };
  return { type: 'Ready', status: 'True', reason: 'AllReady', message: 'Every pod of the server is guarded by the current policy.' };
}

function accepted({ problems, foreign }: ServerFacts): ServerFinding {
  const [problem] = problems;
  const not = (reason: ConditionReason, message: string): ServerFinding => ({ type: 'Accepted', status: 'False', reason, message });
  if (problem !== undefined) return not(problem.problem.startsWith('is already an address') ? 'PublicURLTaken' : 'Invalid', `${problem.field} ${problem.problem}`);
  if (foreign.length > 0) return not('ServiceNotOurs', `${foreign.join(', ')} exists and was not made for this server: delete it, or set spec.service.name.`);
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The declaration is in force.' };
}

function sidecarsReady({ desired, ready: enforcing, outdated }: SidecarCount): ServerFinding {
  const not = (reason: ConditionReason, message: string): ServerFinding => ({ type: 'SidecarsReady', status: 'False', reason, message });
  if (desired === 0) return not('NoPods', `No pod bears the label ${SERVER_LABEL} with the name of this server.`);
  if (outdated > 0) return not('PodsUnguarded', `${String(outdated)} of ${String(desired)} pods have no sidecar of the present settings: restart their workload.`);
  if (enforcing < desired) return not('Waiting', `${String(enforcing)} of ${String(desired)} sidecars have acknowledged the current policy.`);
  return { type: 'SidecarsReady', status: 'True', reason: 'AllReady', message: `All ${String(desired)} sidecars have acknowledged the current policy.` };
}
