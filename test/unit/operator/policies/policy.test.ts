import { expect, test } from '@jest/globals';
import { list, policyWithBinding, text } from '../../../../operator/policies/policy.ts';

test('a policy refuses what it cannot evaluate, and is bound everywhere', () => {
  const rule = { operations: ['CREATE' as const], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
  expect(policyWithBinding({ name: 'p', resourceRules: [rule], labelled: 'l', validations: [{ expression: 'true', message: 'm' }] })).toEqual([
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'p' },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { matchPolicy: 'Equivalent', resourceRules: [rule], objectSelector: { matchExpressions: [{ key: 'l', operator: 'Exists' }] } },
        matchConditions: [],
        variables: [],
        validations: [{ expression: 'true', message: 'm', reason: 'Forbidden' }],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'p' },
      spec: { policyName: 'p', validationActions: ['Deny'] },
    },
  ]);
});

test('with a kind of parameters it is judged for each of those in the namespace, and lets pass where there is none', () => {
  const paramKind = { apiVersion: 'example.com/v1', kind: 'Thing' };
  expect(policyWithBinding({ name: 'p', resourceRules: [], paramKind, validations: [] })).toMatchObject([
    { spec: { failurePolicy: 'Fail', paramKind } },
    { spec: { validationActions: ['Deny'], paramRef: { selector: {}, parameterNotFoundAction: 'Allow' } } },
  ]);
});

test('a value cannot end the literal that it is in', () => {
  expect(text('a"b\\c\n')).toBe('"a\\"b\\\\c\\n"');
  expect(list(['a', 'b"'])).toBe('["a", "b\\""]');
});
