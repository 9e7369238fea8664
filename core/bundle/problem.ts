/** Why an object is not in force. The text never holds a value of the object that could be secret. */
import type { ConditionReason } from '../../api/conditions.ts';
import type { ObjectMeta } from '../../api/v1alpha1/index.ts';

/** What kind of fault it is, in the word that the condition of the object gives for it. */
export type ProblemReason = Extract<ConditionReason, 'Invalid' | 'NotSupported' | 'PathTaken' | 'PublicURLTaken' | 'LifetimeNotAllowed'>;

export interface ObjectProblem {
  readonly kind: 'MCPServer' | 'GatewayToken';
  readonly namespace: string;
  readonly name: string;
  /** Path of the field at fault, for example `spec.expiresAt`. */
  readonly field: string;
  readonly problem: string;
  readonly reason: ProblemReason;
}

export interface ProblematicObject {
  readonly kind: ObjectProblem['kind'];
  readonly metadata: ObjectMeta;
}

export function problemOf(object: ProblematicObject, field: string, problem: string, reason: ProblemReason = 'Invalid'): ObjectProblem {
  const { namespace, name } = object.metadata;
  return { kind: object.kind, namespace, name, field, problem, reason };
}
