/** What every policy has in common; what each decides is shown on a real API server, test/integration/injection.test.ts. */
import { describe, expect, test } from '@jest/globals';
import { admissionPolicies } from '../../../../operator/policies/admission-policies.ts';
import { allowedRepositories } from '../../../../operator/webhook/overrides.ts';
import { SETTINGS } from '../../../kit/pod-examples.ts';

const { operatorAddress, audiencePrefix, authoritiesConfigMap, ports } = SETTINGS;
const all = admissionPolicies({
  guardedPods: { images: [SETTINGS.image], repositories: allowedRepositories(SETTINGS), operatorAddress, audiencePrefix, authoritiesConfigMap, ports },
  operator: { namespace: 'mcpgateway-system', serviceAccount: 'mcpgateway-operator' },
}) as readonly { kind: string; metadata: { name: string }; spec: Record<string, unknown> }[];
const policies = all.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');

describe('the admission policies', () => {
  test('are nine, each with its binding', () => {
    expect(policies.map(({ metadata }) => metadata.name)).toEqual([
      'mcpgateway-guarded-pods',
      'mcpgateway-guarded-pods-of-servers',
      'mcpgateway-guarded-pods-changed',
      'mcpgateway-token-authors-user',
      'mcpgateway-token-authors-groups',
      'mcpgateway-token-authors-roles',
      'mcpgateway-operator-secrets',
      'mcpgateway-operator-owned',
      'mcpgateway-operator-webhooks',
    ]);
    const bound = all.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding').map(({ spec }) => spec['policyName']);
    expect(bound).toEqual(policies.map(({ metadata }) => metadata.name));
  });

  test('fail closed, and say of each refusal why', () => {
    for (const { spec } of policies) {
      expect(spec['failurePolicy']).toBe('Fail');
      for (const validation of spec['validations'] as Record<string, string>[]) {
        expect((validation['message'] ?? validation['messageExpression'] ?? '').length).toBeGreaterThan(20);
      }
    }
  });

  test('stay within what the API server takes of expressions and conditions', () => {
    for (const { spec } of policies) {
      expect((spec['matchConditions'] as unknown[]).length).toBeLessThanOrEqual(64);
      for (const { expression = '', message = '' } of spec['validations'] as { expression?: string; message?: string }[]) {
        expect(expression.length).toBeLessThan(16_384);
        expect(message).not.toContain('\n');
      }
    }
  });
});
