import { describe, expect, test } from '@jest/globals';
import { podRefused, serverHappenings, tokenDeleted } from '../../../../../operator/controllers/mcp-server/happenings.ts';
import type { Condition } from '../../../../../operator/kube/conditions.ts';
import { aServer } from '../../../core/bundle/kit.ts';

const server = aServer('github');
const REGARDING = { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', namespace: 'tools', name: 'github', uid: 'server-github' };
const condition = (type: string, status: Condition['status'], over: Partial<Condition> = {}): Condition => ({ type, status, reason: 'Because', message: `${type} is ${status}`, lastTransitionTime: '2026-01-01T00:00:00Z', ...over });
const told = (former: readonly Condition[], present: readonly Condition[]) => serverHappenings(server, former, present).map(({ type, reason }) => `${type} ${reason}`);

describe('a condition', () => {
  test.each<[string, Condition['status'], Condition['status'], string]>([
    ['Ready', 'False', 'True', 'Normal Ready'],
    ['Ready', 'True', 'False', 'Warning NotReady'],
    ['Accepted', 'True', 'False', 'Warning Because'],
    ['Accepted', 'False', 'True', 'Normal Accepted'],
    ['BypassBlocked', 'True', 'False', 'Warning Because'],
    ['BypassBlocked', 'Unknown', 'True', 'Normal BypassBlocked'],
    ['BypassBlocked', 'True', 'Unknown', 'Warning Because'],
  ])('%s that goes from %s to %s is told as %s', (type, before, now, expected) => {
    expect(told([condition(type, before)], [condition(type, now)])).toEqual([expected]);
    expect(told([condition(type, now)], [condition(type, now, { message: 'another' })])).toEqual([]);
  });

  test('is told with its message, beside the server', () => {
    expect(serverHappenings(server, [], [condition('Accepted', 'False')])).toEqual([
      { regarding: REGARDING, type: 'Warning', reason: 'Because', action: 'Reconcile', note: 'Accepted is False' },
    ]);
  });

  test('of a new server is told where it is not what every new one has', () => {
    expect(told([], [condition('Ready', 'False'), condition('Accepted', 'True'), condition('BypassBlocked', 'Unknown', { reason: 'NoPods' })])).toEqual(['Normal Accepted']);
  });

  test('that is over soon is no news', () => {
    expect(told([condition('BypassBlocked', 'True')], [condition('BypassBlocked', 'Unknown', { reason: 'Waiting' })])).toEqual([]);
    expect(told([condition('Ready', 'True')], [condition('Ready', 'False', { reason: 'Waiting' })])).toEqual([]);
    expect(told([condition('Ready', 'True')], [condition('Ready', 'False', { reason: 'NoPods' })])).toEqual(['Warning NotReady']);
  });
});

test('a pod that is not guarded is told once, and again when there is another', () => {
  const unguarded = (message: string): Condition => condition('SidecarsReady', 'False', { reason: 'PodsUnguarded', message });
  expect(serverHappenings(server, [condition('SidecarsReady', 'False', { reason: 'NoPods' })], [unguarded('a')])).toEqual([
    { regarding: REGARDING, type: 'Warning', reason: 'PodsUnguarded', action: 'Guard', note: 'a' },
  ]);
  expect(told([unguarded('a')], [unguarded('a')])).toEqual([]);
  expect(told([unguarded('a')], [unguarded('a, b')])).toEqual(['Warning PodsUnguarded']);
});

test('a refused pod is told beside its server, with the sentence that its author read; not in a dry run', () => {
  const refused = { server, pod: 'github-*', message: 'spec.hostNetwork: remove it', isDryRun: false };
  expect(podRefused(refused)).toEqual([{ regarding: REGARDING, type: 'Warning', reason: 'PodRefused', action: 'Inject', note: 'Pod github-* was refused: spec.hostNetwork: remove it' }]);
  expect(podRefused({ ...refused, isDryRun: true })).toEqual([]);
  expect(podRefused({ ...refused, server: undefined })).toEqual([]);
});

test('a deleted token is named, and each has an Event of its own', () => {
  const related = { apiVersion: REGARDING.apiVersion, kind: 'GatewayToken', namespace: 'tools', name: 'ci', uid: 'token-ci' };
  expect(tokenDeleted(server, { uid: 'token-ci', namespace: 'tools', name: 'ci' })).toMatchObject({ regarding: REGARDING, related, type: 'Normal', reason: 'TokenDeleted', note: expect.stringContaining('GatewayToken tools/ci was deleted') });
});
