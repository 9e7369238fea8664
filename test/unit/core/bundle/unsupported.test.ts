import { expect, test } from '@jest/globals';
import type { GatewayTokenSpec, MCPServerSpec } from '../../../../api/v1alpha1/index.ts';
import { unsupportedServerFields, unsupportedTokenFields } from '../../../../core/bundle/unsupported.ts';
import { aServer, aToken } from './kit.ts';

test.each<[Partial<MCPServerSpec>, string[]]>([
  [{}, []],
  [{ identity: { assertion: 'Disabled' } }, []],
  [{ identity: { assertion: 'Enabled' } }, ['spec.identity.assertion']],
  [{ upstream: { port: 1, path: '/', transport: 'HTTPWithSSE', directAccess: 'Blocked' } }, ['spec.upstream.transport']],
  [{ authentication: { oidc: [], clientCertificates: [] } }, ['spec.authentication.oidc', 'spec.authentication.clientCertificates']],
])('of a server with %j it names %j', (spec, fields) => {
  const problems = unsupportedServerFields(aServer('github', spec));
  expect(problems.map(({ field }) => field)).toEqual(fields);
  expect(problems.every(({ problem, reason }) => problem === 'is not supported by this release' && reason === 'NotSupported')).toBe(true);
});

test.each<[Partial<GatewayTokenSpec>, string[]]>([
  [{}, []],
  [{ type: 'APIKey' }, []],
  [{ type: 'ClientCertificate', binding: 'Certificate' }, ['spec.type', 'spec.binding']],
])('of a token with %j it names %j', (spec, fields) => {
  expect(unsupportedTokenFields(aToken('t', spec)).map(({ field }) => field)).toEqual(fields);
});
