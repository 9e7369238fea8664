/** Why an object is not in force. The text never holds a value of the object that could be secret. */
import type { ObjectMeta } from '../../api/v1alpha1/index.ts';

export interface ObjectProblem {
  readonly kind: 'MCPServer' | 'GatewayToken';
  readonly namespace: string;
  readonly name: string;
  /** Path of the field at fault, for example `spec.expiresAt`. */
  readonly field: string;
  readonly problem: string;
}

export interface ProblematicObject {
  readonly kind: ObjectProblem['kind'];
  readonly metadata: ObjectMeta;
}

export function problemOf(object: ProblematicObject, field: string, problem: string): ObjectProblem {
  const { namespace, name } = object.metadata;
  return { kind: object.kind, namespace, name, field, problem };
}
