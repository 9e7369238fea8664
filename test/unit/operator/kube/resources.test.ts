import { expect, test } from '@jest/globals';
import { apiVersionOf, collectionPath, GATEWAY_TOKENS, MUTATING_WEBHOOK_CONFIGURATIONS, objectPath, PODS, SECRETS } from '../../../../operator/kube/resources.ts';

test('the core group is served under /api, every other under /apis', () => {
  expect(collectionPath(PODS, 'a')).toBe('/api/v1/namespaces/a/pods');
  expect(collectionPath(GATEWAY_TOKENS)).toBe('/apis/mcpgateway.dev/v1alpha1/gatewaytokens');
  expect([apiVersionOf(PODS), apiVersionOf(GATEWAY_TOKENS)]).toEqual(['v1', 'mcpgateway.dev/v1alpha1']);
});

test('an object has its own segment, and a subresource one more', () => {
  expect(objectPath(PODS, { namespace: 'a', name: 'b' }, 'status')).toBe('/api/v1/namespaces/a/pods/b/status');
  expect(objectPath(MUTATING_WEBHOOK_CONFIGURATIONS, { name: 'x' })).toBe('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/x');
  expect(objectPath(SECRETS, { namespace: 'a/b', name: 'c?d#e' })).toBe('/api/v1/namespaces/a%2Fb/secrets/c%3Fd%23e');
});

test.each(['', '.', '..'])('a name %j would be another path', (name) => {
  expect(() => objectPath(PODS, { namespace: 'a', name })).toThrow(TypeError);
  expect(() => collectionPath(PODS, name)).toThrow(TypeError);
});

test('a namespaced object without a namespace is misuse', () => {
  expect(() => objectPath(PODS, { name: 'a' })).toThrow('Pod is namespaced');
});
