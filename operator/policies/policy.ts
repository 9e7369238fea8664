/** A ValidatingAdmissionPolicy with its binding, as objects for the API server. */
import type { Json, JsonObject } from '../webhook/json.ts';

export interface NamedExpression {
  readonly name: string;
  readonly expression: string;
}

export interface Validation {
  readonly expression: string;
  /** One sentence; CEL that makes it, where it must name something. */
  readonly message?: string;
  readonly messageExpression?: string;
}

export interface ResourceRule {
  readonly operations: readonly ('CREATE' | 'UPDATE')[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
}

export interface PolicyFacts {
  readonly name: string;
  readonly resourceRules: readonly ResourceRule[];
  /** Objects with this label, before or after the change. */
  readonly labelled?: string;
  /** Judged once for each object of this kind in the namespace of what is judged, as `params`; where there is none, not at all. */
  readonly paramKind?: { readonly apiVersion: string; readonly kind: string };
  readonly matchConditions?: readonly NamedExpression[];
  readonly variables?: readonly NamedExpression[];
  readonly validations: readonly Validation[];
}

/** Guaranteed: whatever cannot be evaluated is refused, and the policy holds in every namespace. */
export function policyWithBinding(facts: PolicyFacts): readonly JsonObject[] {
  const { name, resourceRules, labelled, paramKind, matchConditions = [], variables = [], validations } = facts;
  const selector = labelled === undefined ? {} : { objectSelector: { matchExpressions: [{ key: labelled, operator: 'Exists' }] } };
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        ...(paramKind === undefined ? {} : { paramKind }),
        matchConstraints: { matchPolicy: 'Equivalent', resourceRules: resourceRules.map(asJson), ...selector },
        matchConditions: matchConditions.map(asJson),
        variables: variables.map(asJson),
        validations: validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'], ...(paramKind === undefined ? {} : { paramRef: EVERY_PARAM }) },
    },
  ];
}

/**
 * Of the namespace of what is judged. `Allow`, because API servers were seen that find no parameter after a policy was
 * deleted and made again, until they are restarted: such a policy only narrows what another one judges.
 */
const EVERY_PARAM: JsonObject = { selector: {}, parameterNotFoundAction: 'Allow' };

/** A copy, in which an interface has become a plain object. */
const asJson = <T extends { readonly [K in keyof T]: Json }>(value: T): JsonObject => ({ ...value });

/** CEL literals. JSON's escapes are CEL's too. */
export const text = (value: string): string => JSON.stringify(value);
export const list = (values: readonly string[]): string => `[${values.map(text).join(', ')}]`;
