import { describe, expect, test } from '@jest/globals';
import { serverStatus } from '../../../../../operator/controllers/mcp-server/status.ts';
import type { StatusFacts, WrittenObjects } from '../../../../../operator/controllers/mcp-server/status.ts';
import type { Condition } from '../../../../../operator/kube/conditions.ts';
import { aServer } from '../../../core/bundle/kit.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const PROBLEM = { kind: 'MCPServer', namespace: 'tools', name: 'github', field: 'spec.upstream.transport', problem: 'is wrong', reason: 'Invalid' } as const;
const ALL_READY = { desired: 2, ready: 2, unguarded: [], outdated: [] };
const NO_PODS = { desired: 0, ready: 0, unguarded: [], outdated: [] };
const ALL_WRITTEN: WrittenObjects = { foreign: [], refused: [], areAuthoritiesForeign: false };
const REPORT = { format: 1, port: 3000, outcome: 'LoopbackOnly' } as const;
const pods = ['a', 'b'].map((uid) => ({ name: `pod-${uid}`, uid, isEnding: false, report: REPORT }));
const bypassed = (over: Readonly<Record<string, 'Open' | 'Unknown'>> = {}, services: readonly string[] = []): Pick<StatusFacts, 'bypass'> =>
  ({ bypass: { serverPort: 3000, reach: new Map(pods.map(({ uid }) => [uid, over[uid] ?? 'Blocked'])), services } });
const written = (over: Partial<WrittenObjects>): Pick<StatusFacts, 'written'> => ({ written: { ...ALL_WRITTEN, ...over } });

function facts(over: Partial<StatusFacts> = {}): StatusFacts {
  return { server: aServer('github'), problems: [], sidecars: ALL_READY, written: ALL_WRITTEN, authoritiesConfigMap: 'mcpgateway-authorities', pods, ...bypassed(), nowMs: NOW, ...over };
}

const conditionsOf = (over: Partial<StatusFacts> = {}): readonly Condition[] => serverStatus(facts(over), []).conditions ?? [];
const told = (over: Partial<StatusFacts> = {}) => Object.fromEntries(conditionsOf(over).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
const messageOf = (type: string, over: Partial<StatusFacts>) => conditionsOf(over).find((condition) => condition.type === type)?.message;
const tolerant = aServer('github', { upstream: { port: 3000, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Tolerated' } });

describe('the status of a server', () => {
  test('says what is in force, of the generation that was judged', () => {
    const status = serverStatus(facts(), []);
    expect(status.sidecars).toEqual({ desired: 2, ready: 2, outdated: 0 });
    expect(told()).toEqual({ Ready: 'True AllReady', Accepted: 'True Accepted', SidecarsReady: 'True AllReady', LoopbackOnly: 'True LoopbackOnly', BypassBlocked: 'True BypassBlocked' });
    expect(status.conditions?.every(({ observedGeneration }) => observedGeneration === 2)).toBe(true);
  });

  test.each<[string, Partial<StatusFacts>, Readonly<Record<string, string>>]>([
    ['at fault', { problems: [PROBLEM] }, { Ready: 'False Invalid', Accepted: 'False Invalid', SidecarsReady: 'True AllReady' }],
    ['younger than another with its URL', { problems: [{ ...PROBLEM, reason: 'PublicURLTaken' }] }, { Ready: 'False PublicURLTaken', Accepted: 'False PublicURLTaken' }],
    ['asking for what this release does not have', { problems: [{ ...PROBLEM, reason: 'NotSupported' }] }, { Ready: 'False NotSupported', Accepted: 'False NotSupported' }],
    ['without a Service of its own', written({ foreign: ['Service github-mcp'] }), { Ready: 'False ServiceNotOurs', Accepted: 'False ServiceNotOurs' }],
    ['at fault in two ways', { problems: [PROBLEM], ...written({ foreign: ['Service github-mcp'] }) }, { Ready: 'False Invalid', Accepted: 'False Invalid' }],
    ['without pods', { sidecars: NO_PODS }, { Ready: 'False NoPods', Accepted: 'True Accepted', SidecarsReady: 'False NoPods' }],
    ['with a pod that is not guarded', { sidecars: { desired: 2, ready: 1, unguarded: ['pod-b'], outdated: [] } }, { Ready: 'False PodsUnguarded', SidecarsReady: 'False PodsUnguarded' }],
    ['guarded by former settings though all acknowledged', { sidecars: { desired: 2, ready: 2, unguarded: [], outdated: ['pod-b'] } }, { Ready: 'False PodsOutdated', SidecarsReady: 'False PodsOutdated' }],
    ['kept from its authorities', written({ areAuthoritiesForeign: true }), { Ready: 'False AuthoritiesNotOurs', Accepted: 'False AuthoritiesNotOurs' }],
    ['refused an object', written({ refused: ['Service github-mcp (403 Forbidden)'] }), { Ready: 'False WriteRefused', Accepted: 'False WriteRefused' }],
    ['reachable past its sidecar', bypassed({ b: 'Open' }), { Ready: 'False ServerReachable', Accepted: 'True Accepted', BypassBlocked: 'False ServerReachable' }],
    ['reachable, which it tolerates', { server: tolerant, ...bypassed({ b: 'Open' }) }, { Ready: 'True AllReady', BypassBlocked: 'False ServerReachable' }],
    ['perhaps reachable', bypassed({ b: 'Unknown' }), { Ready: 'False SidecarUnreachable', BypassBlocked: 'Unknown SidecarUnreachable' }],
    ['perhaps reachable, which it tolerates', { server: tolerant, ...bypassed({ b: 'Unknown' }) }, { Ready: 'True AllReady', BypassBlocked: 'Unknown SidecarUnreachable' }],
    ['listening for others too', { pods: [{ name: 'pod-a', uid: 'a', isEnding: false, report: { ...REPORT, outcome: 'Exposed' } }] }, { Ready: 'True AllReady', LoopbackOnly: 'False ServerExposed' }],
    ['not enforced everywhere', { sidecars: { ...ALL_READY, ready: 1 } }, { Ready: 'False Waiting', Accepted: 'True Accepted', SidecarsReady: 'False Waiting' }],
    ['at fault and without pods', { problems: [PROBLEM], sidecars: NO_PODS }, { Ready: 'False Invalid', Accepted: 'False Invalid', SidecarsReady: 'False NoPods' }],
  ])('tells of a server that is %s', (_what, over, expected) => {
    expect(told(over)).toMatchObject(expected);
  });

  test('says the first fault in the words of the condition at fault', () => {
    const over = { ...written({ foreign: ['Service github-mcp', 'NetworkPolicy github-mcp'] }), sidecars: NO_PODS };
    expect(messageOf('Ready', over)).toBe(messageOf('Accepted', over));
    expect(messageOf('Ready', over)).toBe('Service github-mcp, NetworkPolicy github-mcp exists and was not made for this server: delete it, or set spec.service.name.');
  });

  test.each<[string, Partial<StatusFacts>, string, string]>([
    ['the field at fault', { problems: [PROBLEM] }, 'Accepted', 'spec.upstream.transport is wrong'],
    ['the label that no pod bears', { sidecars: NO_PODS }, 'SidecarsReady', 'No pod bears the label mcpgateway.dev/server with the name of this server.'],
    ['how many pods are not guarded', { sidecars: { desired: 3, ready: 1, unguarded: ['pod-c', 'pod-b'], outdated: ['pod-a'] } }, 'SidecarsReady', '2 of 3 pods have no sidecar (pod-b, pod-c): restart their workload.'],
    ['how many pods have another sidecar', { sidecars: { desired: 3, ready: 3, unguarded: [], outdated: ['pod-a'] } }, 'SidecarsReady', '1 of 3 pods have a sidecar of former settings (pod-a): restart their workload.'],
    ['what is in the place of the authorities', written({ areAuthoritiesForeign: true }), 'Accepted', 'ConfigMap mcpgateway-authorities exists and was not made by the operator, whose authorities the pods of this namespace expect in it: delete it.'],
    ['what was refused', written({ refused: ['Service github-mcp (403 Forbidden)'] }), 'Accepted', 'Service github-mcp (403 Forbidden) cannot be written: see the log of the operator for the reason, often a quota or an admission policy.'],
    ['how many sidecars acknowledged', { sidecars: { ...ALL_READY, desired: 3, ready: 1 } }, 'SidecarsReady', '1 of 3 sidecars have acknowledged the current policy.'],
    ['that all did', {}, 'SidecarsReady', 'All 2 sidecars have acknowledged the current policy.'],
  ])('says %s', (_what, over, type, message) => {
    expect(messageOf(type, over)).toBe(message);
  });

  test('keeps the time of a transition while the status is the same, and conditions that others wrote', () => {
    const others: Condition = { type: 'CredentialsResolved', status: 'Unknown', reason: 'Waiting', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const before = serverStatus(facts(), [others]).conditions ?? [];
    const later = serverStatus(facts({ nowMs: NOW + 3_600_000, sidecars: { ...ALL_READY, ready: 1 } }), before).conditions ?? [];
    expect(Object.fromEntries(later.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]))).toEqual({
      Ready: '2026-06-01T01:00:00Z', Accepted: '2026-06-01T00:00:00Z', SidecarsReady: '2026-06-01T01:00:00Z', LoopbackOnly: '2026-06-01T00:00:00Z', BypassBlocked: '2026-06-01T00:00:00Z', CredentialsResolved: '2026-01-01T00:00:00Z',
    });
  });

  test('counts pods without a sidecar and pods with a former one as outdated', () => {
    const { sidecars } = serverStatus(facts({ sidecars: { desired: 3, ready: 1, unguarded: ['pod-b'], outdated: ['pod-c'] } }), []);
    expect(sidecars).toEqual({ desired: 3, ready: 1, outdated: 2 });
  });

  test('is the same for the same facts', () => {
    const before = serverStatus(facts(), []);
    expect(serverStatus(facts({ nowMs: NOW + 1 }), before.conditions ?? [])).toEqual(before);
  });
});
