import { expect, test } from '@jest/globals';
import { serviceHosts, serviceName, unambiguousHosts } from '../../../operator/service-name.ts';
import { aServer } from '../core/bundle/kit.ts';

test('a Service is called after its server, unless the server says otherwise', () => {
  expect(serviceName(aServer('github'))).toBe('github-mcp');
  expect(serviceName(aServer('github', { service: { name: 'hub' } }))).toBe('hub');
});

test('clients reach a server by every name of its Service, from the shortest to the whole', () => {
  expect(serviceHosts(aServer('github', { service: { name: 'hub' } }, { namespace: 'prod' }))).toEqual(['hub', 'hub.prod', 'hub.prod.svc', 'hub.prod.svc.cluster.local']);
  expect(serviceHosts(aServer('github'))[1]).toBe('github-mcp.tools');
});

test('a name that may be somebody else\'s is not certified, whatever Service and namespace are called', () => {
  const server = aServer('github', { service: { name: 'svc' } }, { namespace: 'svcs' });
  expect(unambiguousHosts(server)).toEqual(['svc.svcs.svc', 'svc.svcs.svc.cluster.local']);
});
