import { describe, expect, test } from '@jest/globals';
import { authoritiesObject, serverObjects } from '../../../../../operator/controllers/mcp-server/derive.ts';
import type { ObjectFacts } from '../../../../../operator/controllers/mcp-server/derive.ts';
import { PORT_NAMES } from '../../../../../operator/webhook/names.ts';
import { aServer } from '../../../core/bundle/kit.ts';

function facts(over: Partial<ObjectFacts> = {}): ObjectFacts {
  return { server: aServer('github'), ports: { https: 15_443, peer: 15_444 }, authorities: { stream: 'STREAM\n', serving: 'SERVING\n' }, authoritiesConfigMap: 'mcpgateway-authorities', ...over };
}

const OWNER = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', name: 'github', uid: 'server-github', controller: true, blockOwnerDeletion: false };

describe('the Service of a server', () => {
  test('targets the sidecar\'s port by its name, whatever port the server listens on', () => {
    const { service } = serverObjects(facts({ server: aServer('github', { upstream: { port: 443, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked' } }), ports: { https: 9000, peer: 9001 } }));
    expect(service.spec.ports).toEqual([{ name: 'https', protocol: 'TCP', port: 443, targetPort: PORT_NAMES.https }]);
    expect(service.spec.selector).toEqual({ 'mcpgateway.dev/server': 'github' });
  });

  test('has the name that the server asks for', () => {
    expect(serverObjects(facts()).service.metadata).toMatchObject({ namespace: 'tools', name: 'github-mcp' });
    expect(serverObjects(facts({ server: aServer('github', { service: { name: 'hub' } }) })).service.metadata.name).toBe('hub');
  });
});

describe('the NetworkPolicy of a server', () => {
  test('admits everybody to the sidecar\'s port, pods of the server to that of peers, and nobody to another', () => {
    const ofServer = { matchLabels: { 'mcpgateway.dev/server': 'github' } };
    expect(serverObjects(facts({ ports: { https: 9000, peer: 9001 } })).networkPolicy.spec).toEqual({
      podSelector: ofServer,
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: 9000 }] }, { from: [{ podSelector: ofServer }], ports: [{ protocol: 'TCP', port: 9001 }] }],
    });
  });
});

describe('what belongs to a server', () => {
  test('is in its namespace, says whose it is, and goes with it', () => {
    for (const { metadata } of Object.values(serverObjects(facts()))) {
      expect(metadata).toMatchObject({ namespace: 'tools', labels: { 'app.kubernetes.io/managed-by': 'mcpgateway', 'mcpgateway.dev/server': 'github' }, ownerReferences: [OWNER] });
    }
  });

  test('is of the very object, not of one made before under its name', () => {
    const { service } = serverObjects(facts({ server: aServer('github', {}, { uid: 'another' }) }));
    expect(service.metadata.ownerReferences[0]?.uid).toBe('another');
  });
});

test('the authorities of a namespace are owned by all its servers, controlled by none, and bear the name of none', () => {
  const { metadata, data } = authoritiesObject(facts());
  expect(data).toEqual({ 'ca.crt': 'STREAM\n', 'serving-ca.crt': 'SERVING\n' });
  expect(metadata).toEqual({ namespace: 'tools', name: 'mcpgateway-authorities', labels: { 'app.kubernetes.io/managed-by': 'mcpgateway' }, ownerReferences: [{ ...OWNER, controller: false }] });
});
