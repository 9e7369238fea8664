import { describe, expect, test } from '@jest/globals';
import { authoritiesObject, serverObjects, serverStatus } from '../../../../../operator/controllers/mcp-server/derive.ts';
import type { ServerFacts } from '../../../../../operator/controllers/mcp-server/derive.ts';
import type { Condition } from '../../../../../operator/kube/conditions.ts';
import { PORT_NAMES } from '../../../../../operator/webhook/names.ts';
import { aServer } from '../../../core/bundle/kit.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const PROBLEM = { kind: 'MCPServer', namespace: 'tools', name: 'github', field: 'spec.upstream.transport', problem: 'is not supported by this release' } as const;
const ALL_READY = { desired: 2, ready: 2, outdated: 0 };

function facts(over: Partial<ServerFacts> = {}): ServerFacts {
  return {
    server: aServer('github'), problems: [], sidecars: ALL_READY, foreign: [], ports: { https: 15_443 },
    authorities: { stream: 'STREAM\n', serving: 'SERVING\n' }, authoritiesConfigMap: 'mcpgateway-authorities', nowMs: NOW, ...over,
  };
}

const conditionsOf = (over: Partial<ServerFacts> = {}): readonly Condition[] => serverStatus(facts(over), []).conditions ?? [];
const told = (over: Partial<ServerFacts> = {}) => Object.fromEntries(conditionsOf(over).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
const messageOf = (type: string, over: Partial<ServerFacts>) => conditionsOf(over).find((condition) => condition.type === type)?.message;

const OWNER = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', name: 'github', uid: 'server-github', controller: true, blockOwnerDeletion: false };

describe('the Service of a server', () => {
  test('targets the sidecar\'s port by its name, whatever port the server listens on', () => {
    const { service } = serverObjects(facts({ server: aServer('github', { upstream: { port: 443, path: '/mcp', transport: 'StreamableHTTP' } }), ports: { https: 9000 } }));
    expect(service.spec.ports).toEqual([{ name: 'https', protocol: 'TCP', port: 443, targetPort: PORT_NAMES.https }]);
    expect(service.spec.selector).toEqual({ 'mcpgateway.dev/server': 'github' });
  });

  test('has the name that the server asks for', () => {
    expect(serverObjects(facts()).service.metadata).toMatchObject({ namespace: 'tools', name: 'github-mcp' });
    expect(serverObjects(facts({ server: aServer('github', { service: { name: 'hub' } }) })).service.metadata.name).toBe('hub');
  });
});

describe('the NetworkPolicy of a server', () => {
  test('admits the sidecar\'s port and no other to the pods of the server', () => {
    expect(serverObjects(facts({ ports: { https: 9000 } })).networkPolicy.spec).toEqual({
      podSelector: { matchLabels: { 'mcpgateway.dev/server': 'github' } }, policyTypes: ['Ingress'], ingress: [{ ports: [{ protocol: 'TCP', port: 9000 }] }],
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

describe('the status of a server', () => {
  test('says what is in force, of the generation that was judged', () => {
    const status = serverStatus(facts(), []);
    expect(status.sidecars).toEqual(ALL_READY);
    expect(told()).toEqual({ Ready: 'True AllReady', Accepted: 'True Accepted', SidecarsReady: 'True AllReady' });
    expect(status.conditions?.every(({ observedGeneration }) => observedGeneration === 2)).toBe(true);
  });

  test.each<[string, Partial<ServerFacts>, Readonly<Record<string, string>>]>([
    ['at fault', { problems: [PROBLEM] }, { Ready: 'False Invalid', Accepted: 'False Invalid', SidecarsReady: 'True AllReady' }],
    ['younger than another with its URL', { problems: [{ ...PROBLEM, field: 'spec.publicURLs[0]', problem: 'is already an address of MCPServer a/b' }] }, { Ready: 'False PublicURLTaken', Accepted: 'False PublicURLTaken' }],
    ['without a Service of its own', { foreign: ['Service github-mcp'] }, { Ready: 'False ServiceNotOurs', Accepted: 'False ServiceNotOurs' }],
    ['at fault in two ways', { problems: [PROBLEM], foreign: ['Service github-mcp'] }, { Ready: 'False Invalid', Accepted: 'False Invalid' }],
    ['without pods', { sidecars: { desired: 0, ready: 0, outdated: 0 } }, { Ready: 'False NoPods', Accepted: 'True Accepted', SidecarsReady: 'False NoPods' }],
    ['with a pod that is not guarded', { sidecars: { desired: 2, ready: 1, outdated: 1 } }, { Ready: 'False PodsUnguarded', SidecarsReady: 'False PodsUnguarded' }],
    ['guarded by former settings though all acknowledged', { sidecars: { desired: 2, ready: 2, outdated: 1 } }, { Ready: 'False PodsUnguarded', SidecarsReady: 'False PodsUnguarded' }],
    ['not enforced everywhere', { sidecars: { desired: 2, ready: 1, outdated: 0 } }, { Ready: 'False Waiting', Accepted: 'True Accepted', SidecarsReady: 'False Waiting' }],
    ['at fault and without pods', { problems: [PROBLEM], sidecars: { desired: 0, ready: 0, outdated: 0 } }, { Ready: 'False Invalid', Accepted: 'False Invalid', SidecarsReady: 'False NoPods' }],
  ])('tells of a server that is %s', (_what, over, expected) => {
    expect(told(over)).toMatchObject(expected);
  });

  test('says the first fault in the words of the condition at fault', () => {
    const over = { foreign: ['Service github-mcp', 'NetworkPolicy github-mcp'], sidecars: { desired: 0, ready: 0, outdated: 0 } };
    expect(messageOf('Ready', over)).toBe(messageOf('Accepted', over));
    expect(messageOf('Ready', over)).toBe('Service github-mcp, NetworkPolicy github-mcp exists and was not made for this server: delete it, or set spec.service.name.');
  });

  test.each<[string, Partial<ServerFacts>, string, string]>([
    ['the field at fault', { problems: [PROBLEM] }, 'Accepted', 'spec.upstream.transport is not supported by this release'],
    ['the label that no pod bears', { sidecars: { desired: 0, ready: 0, outdated: 0 } }, 'SidecarsReady', 'No pod bears the label mcpgateway.dev/server with the name of this server.'],
    ['how many pods are not guarded', { sidecars: { desired: 3, ready: 1, outdated: 2 } }, 'SidecarsReady', '2 of 3 pods have no sidecar of the present settings: restart their workload.'],
    ['how many sidecars acknowledged', { sidecars: { desired: 3, ready: 1, outdated: 0 } }, 'SidecarsReady', '1 of 3 sidecars have acknowledged the current policy.'],
    ['that all did', {}, 'SidecarsReady', 'All 2 sidecars have acknowledged the current policy.'],
  ])('says %s', (_what, over, type, message) => {
    expect(messageOf(type, over)).toBe(message);
  });

  test('keeps the time of a transition while the status is the same, and conditions that others wrote', () => {
    const others: Condition = { type: 'LoopbackOnly', status: 'Unknown', reason: 'Waiting', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const before = serverStatus(facts(), [others]).conditions ?? [];
    const later = serverStatus(facts({ nowMs: NOW + 3_600_000, sidecars: { desired: 2, ready: 1, outdated: 0 } }), before).conditions ?? [];
    expect(Object.fromEntries(later.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]))).toEqual({
      Ready: '2026-06-01T01:00:00Z', Accepted: '2026-06-01T00:00:00Z', SidecarsReady: '2026-06-01T01:00:00Z', LoopbackOnly: '2026-01-01T00:00:00Z',
    });
  });

  test('is the same for the same facts', () => {
    const before = serverStatus(facts(), []);
    expect(serverStatus(facts({ nowMs: NOW + 1 }), before.conditions ?? [])).toEqual(before);
  });
});
