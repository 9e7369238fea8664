import { beforeEach, expect, test } from '@jest/globals';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import type { Declared } from '../../../operator/cluster-view.ts';
import type { Occurrence } from '../../../operator/kube/event-series.ts';
import type { Change } from '../../../operator/kube/object-store.ts';
import { createTokenDeletions } from '../../../operator/token-deletions.ts';
import type { TokenDeletionsDeps } from '../../../operator/token-deletions.ts';
import { aServer, aToken } from '../core/bundle/kit.ts';

let change: (change: Change<Declared<GatewayToken>>) => void;
let told: Occurrence[];
let forgotten: ReturnType<typeof createTokenDeletions>;

beforeEach(() => {
  told = [];
  forgotten = createTokenDeletions({
    view: {
      tokens: { onChange: (listener: typeof change) => { change = listener; return () => undefined; } },
      servers: { get: (namespace: string, name: string) => (namespace === 'tools' ? { object: aServer(name) } : undefined) },
    } as unknown as TokenDeletionsDeps['view'],
    record: (occurrence) => void told.push(occurrence),
  });
});

const declared = (name: string, ...servers: string[]): Declared<GatewayToken> =>
  ({ object: aToken(name, { permissions: [{ serverRefs: servers.map((server) => ({ name: server })), tools: ['*'] }] }), status: undefined, conditions: [] });
const named = (): readonly string[] => told.map(({ regarding, note }) => `${regarding.name}: ${note.split(' ', 2).join(' ')}`);
const entryOf = (name: string) => ({ uid: `token-${name}`, namespace: 'tools', name });

test('each server that a deleted token named is told once', () => {
  change({ name: 'ci', namespace: 'tools', type: 'deleted', old: declared('ci', 'github', 'jira') });
  expect(told).toEqual([]);
  forgotten(entryOf('ci'));
  expect(named()).toEqual(['github: GatewayToken tools/ci', 'jira: GatewayToken tools/ci']);
  forgotten(entryOf('ci'));
  expect(told).toHaveLength(2);
});

test('what was named before it could not be read any more is told as well', () => {
  change({ name: 'ci', namespace: 'tools', type: 'refused', problem: 'x', old: declared('ci', 'github') });
  change({ name: 'ci', namespace: 'tools', type: 'forgotten' });
  forgotten(entryOf('ci'));
  expect(named()).toEqual(['github: GatewayToken tools/ci']);
});

test('nobody is told of a token whose deletion was not seen, and no server that is gone', () => {
  forgotten(entryOf('ci'));
  change({ name: 'ci', namespace: 'prod', type: 'deleted', old: { ...declared('ci', 'github'), object: aToken('ci', {}, { namespace: 'prod' }) } });
  forgotten(entryOf('ci'));
  expect(told).toEqual([]);
});

test('only so many are remembered, the newest', () => {
  for (let index = 0; index <= 1_000; index += 1) change({ name: `t${String(index)}`, namespace: 'tools', type: 'deleted', old: declared(`t${String(index)}`, 'github') });
  forgotten(entryOf('t0'));
  expect(told).toEqual([]);
  forgotten(entryOf('t1000'));
  expect(told).toHaveLength(1);
});
