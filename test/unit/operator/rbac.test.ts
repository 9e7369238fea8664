import { describe, expect, test } from '@jest/globals';
import { clusterRules, homeRules, operatorAccess } from '../../../operator/rbac.ts';

const SETTINGS = { namespace: 'mcpgateway', serviceAccount: 'mcpgateway-operator', webhookConfiguration: 'mcpgateway' };
const lines = (rules: ReturnType<typeof homeRules>): readonly string[] =>
  rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
    resources.map((resource) => `${apiGroups.join()}/${resource}${resourceNames === undefined ? '' : `[${resourceNames.join()}]`}: ${verbs.join(' ')}`),
  );

describe('the account of the operator', () => {
  test('K11 may do this in every namespace, and a change of it shows here', () => {
    expect(lines(clusterRules(SETTINGS))).toEqual([
      'mcpgateway.dev/gatewaytokens: get list watch',
      'mcpgateway.dev/mcpservers: get list watch',
      'mcpgateway.dev/gatewaytokens/status: patch',
      'mcpgateway.dev/mcpservers/status: patch',
      '/namespaces: get list watch',
      '/pods: get list watch',
      '/secrets: create patch',
      '/configmaps: create patch',
      '/services: get list create patch',
      '/configmaps[mcpgateway-authorities]: get',
      'networking.k8s.io/networkpolicies: get create patch',
      'authentication.k8s.io/tokenreviews: create',
      'events.k8s.io/events: create patch',
      'admissionregistration.k8s.io/mutatingwebhookconfigurations[mcpgateway]: get patch',
    ]);
  });

  test('K11 may do this in its own namespace', () => {
    expect(lines(homeRules())).toEqual(['/secrets: get list watch create update', 'coordination.k8s.io/leases: get create update']);
  });

  test('K11 reads, lists and deletes no Secret elsewhere, and has no wildcard anywhere', () => {
    const all = [...clusterRules(SETTINGS), ...homeRules()];
    expect(all.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs])).not.toContain('*');
    const secrets = clusterRules(SETTINGS).filter(({ resources }) => resources.includes('secrets')).flatMap(({ verbs }) => verbs);
    expect(secrets.filter((verb) => ['get', 'list', 'watch', 'update', 'delete', 'deletecollection'].includes(verb))).toEqual([]);
    expect(all.some(({ verbs }) => verbs.some((verb) => ['escalate', 'bind', 'impersonate'].includes(verb)))).toBe(false);
  });

  test('is bound to its roles by name', () => {
    expect(operatorAccess(SETTINGS).map(({ kind, metadata }) => [kind, metadata])).toEqual([
      ['ServiceAccount', { namespace: 'mcpgateway', name: 'mcpgateway-operator' }],
      ['ClusterRole', { name: 'mcpgateway-operator' }],
      ['ClusterRoleBinding', { name: 'mcpgateway-operator' }],
      ['Role', { namespace: 'mcpgateway', name: 'mcpgateway-operator' }],
      ['RoleBinding', { namespace: 'mcpgateway', name: 'mcpgateway-operator' }],
    ]);
  });
});
