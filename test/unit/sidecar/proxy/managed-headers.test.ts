import { expect, test } from '@jest/globals';
import { isManagedHeader } from '../../../../sidecar/proxy/managed-headers.ts';

test.each([
  'x-forwarded-user', 'x-forwarded-email', 'x-forwarded-groups', 'x-forwarded-preferred-username', 'x-forwarded-access-token',
  'x-forwarded-uri', 'x-forwarded-for', 'x-forwarded-client-cert', 'x-auth-request-user', 'remote-user', 'x-pomerium-jwt-assertion',
  'x-goog-iap-jwt-assertion', 'tailscale-user-login', 'teleport-jwt-assertion', 'cf-access-jwt-assertion', 'client-cert',
  'client-cert-chain', 'x-amzn-oidc-data', 'x-ms-client-principal', 'x-ms-client-principal-name', 'kubeflow-userid', 'forwarded',
  'x-original-url', 'x-rewrite-url', 'ssl-client-s-dn', 'x-mcp-gateway-issuer', 'x-mcp-gateway-assertion',
])('%s belongs to the gateway', (name) => {
  expect(isManagedHeader(name)).toBe(true);
});

test.each(['accept', 'user-agent', 'mcp-name', 'x-request-id', 'traceparent', 'x-vendor'])('%s belongs to the client', (name) => {
  expect(isManagedHeader(name)).toBe(false);
});
