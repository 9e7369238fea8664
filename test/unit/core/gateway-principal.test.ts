import { expect, test } from '@jest/globals';
import { gatewayPrincipal } from '../../../core/gateway-principal.ts';

test.each([['Bearer', 'bearer'], ['APIKey', 'api-key']] as const)('a %s token speaks for its user within its namespace', (type, method) => {
  const identity = { user: 'alice', groups: ['staff'], roles: [], attributes: {} };
  const token = { uid: 'u1', namespace: 'tools', name: 'ci', type, revoked: false, identity, grants: [], generations: [] };
  expect(gatewayPrincipal(token, { id: 'k7Qd2mXa', sha256: 'a'.repeat(64), expiresAtMs: 5 })).toEqual({
    issuer: 'gateway-tokens/tools',
    subject: 'alice',
    from: 'gatewayTokens',
    method,
    identity,
    credential: { uid: 'u1', name: 'tools/ci', generation: 'k7Qd2mXa', expiresAtMs: 5 },
  });
});
