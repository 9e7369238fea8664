import { expect, test } from '@jest/globals';
import { webhookConfiguration } from '../../../../operator/webhook/configuration.ts';

const OPTIONS = { name: 'mcpgateway-injection', operatorNamespace: 'mcpgateway-system' };
const service = { name: 'mcpgateway-webhook', namespace: 'mcpgateway-system', port: 443 };

test('the registration waits for labelled pods alone, and lets none of them run without us', () => {
  expect(webhookConfiguration({ ...OPTIONS, client: { service }, labels: { a: 'b' } })).toEqual({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'mcpgateway-injection', labels: { a: 'b' } },
    webhooks: [
      {
        name: 'inject.mcpgateway.dev',
        admissionReviewVersions: ['v1'],
        clientConfig: { service: { ...service, path: '/inject' } },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: 'Namespaced' }],
        failurePolicy: 'Fail',
        objectSelector: { matchExpressions: [{ key: 'mcpgateway.dev/server', operator: 'Exists' }] },
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'kube-node-lease', 'mcpgateway-system'] }],
        },
        matchConditions: [
          { name: 'no-mirror-pods', expression: "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)" },
        ],
        matchPolicy: 'Equivalent',
        reinvocationPolicy: 'IfNeeded',
        sideEffects: 'NoneOnDryRun',
        timeoutSeconds: 5,
      },
    ],
  });
});

test('it may name a url instead, and never has a caBundle', () => {
  const configuration = webhookConfiguration({ ...OPTIONS, client: { url: 'https://127.0.0.1:9443/inject' } });
  expect(configuration).toMatchObject({ metadata: { name: 'mcpgateway-injection' }, webhooks: [{ clientConfig: { url: 'https://127.0.0.1:9443/inject' } }] });
  expect(JSON.stringify(configuration)).not.toContain('caBundle');
});

test('a namespace is excluded once', () => {
  expect(JSON.stringify(webhookConfiguration({ ...OPTIONS, operatorNamespace: 'kube-system', client: { service } }))).toContain('["kube-system","kube-node-lease"]');
});
