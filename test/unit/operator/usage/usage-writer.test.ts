import { beforeEach, expect, test } from '@jest/globals';
import type { GatewayToken } from '../../../../api/v1alpha1/index.ts';
import { KubeError } from '../../../../operator/kube/kube-error.ts';
import type { ObjectToWrite } from '../../../../operator/kube/client.ts';
import type { TokenName, UsageMemory } from '../../../../operator/usage/usage-memory.ts';
import type { TokenUsage } from '../../../../operator/usage/token-usage.ts';
import { createUsageWriter } from '../../../../operator/usage/usage-writer.ts';
import type { StoredToken } from '../../../../operator/usage/usage-writer.ts';
import { silent } from '../../../kit/bundle-replica.ts';
import { createManualScheduler, EPOCH } from '../../../kit/kube-clock.ts';
import type { ManualScheduler } from '../../../kit/kube-clock.ts';
import { aToken } from '../../core/bundle/kit.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let clock: ManualScheduler;
let stored: Map<string, StoredToken>;
let known: Map<string, TokenUsage & TokenName>;
let changed: Set<string>;
let writes: { readonly name: string; readonly atMs: number; readonly status: unknown }[];
let failWith: Error | undefined;
let intervalMs: number;
let stop: () => Promise<void>;

const usage: Pick<UsageMemory, 'of' | 'takeChanged'> = {
  of: (uid) => known.get(uid),
  takeChanged() {
    const taken = [...changed];
    changed.clear();
    return taken;
  },
};

function start(): void {
  const over = new AbortController();
  const write = createUsageWriter({ client: { applyStatus }, usage, tokenOf: ({ name }) => stored.get(name), intervalMs: () => intervalMs, clock, log: silent });
  const ended = write(over.signal);
  stop = async () => {
    over.abort();
    await ended;
  };
}

/** As the API server and the watch would have it. */
function applyStatus(_resource: object, object: ObjectToWrite): Promise<never> {
  const { name } = object.metadata;
  writes.push({ name, atMs: clock.monotonicMs(), status: object['status'] });
  const before = stored.get(name);
  if (failWith !== undefined || before === undefined) return Promise.reject(failWith ?? new Error('nothing is stored'));
  stored.set(name, { ...before, status: object['status'] });
  return Promise.resolve(undefined as never);
}

beforeEach(() => {
  clock = createManualScheduler();
  stored = new Map();
  known = new Map();
  changed = new Set();
  writes = [];
  failWith = undefined;
  intervalMs = 5 * MINUTE;
});

function add(name: string, status?: unknown, object: GatewayToken = aToken(name)): void {
  stored.set(name, { object, status });
}

function use(name: string): void {
  known.set(`token-${name}`, { namespace: 'tools', name, lastUsedAtMs: clock.nowMs(), permissions: new Map() });
  changed.add(`token-${name}`);
}

test('a first use is written at once, with the UID of the token, and one that is known already is not', async () => {
  add('ci');
  start();
  use('ci');
  await clock.advance(1_000);
  expect(writes).toEqual([{ name: 'ci', atMs: 1_000, status: { lastUsedAt: '2026-11-23T12:00:00Z', usage: { asOf: '2026-11-23T12:00:01Z' } } }]);
  changed.add('token-ci');
  await clock.advance(HOUR);
  expect(writes).toHaveLength(1);
  await stop();
});

test('a million uses in an hour are written once in an interval, and the last of them is not lost', async () => {
  add('ci');
  start();
  for (let second = 0; second < 3_600; second += 1) {
    for (let i = 0; i < 278; i += 1) use('ci');
    await clock.advance(1_000);
  }
  expect(writes.length).toBe(12);
  const gaps = writes.slice(1).map(({ atMs }, index) => atMs - (writes[index]?.atMs ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5 * MINUTE);
  const lastUse = new Date(known.get('token-ci')?.lastUsedAtMs ?? 0).toISOString();
  await clock.advance(5 * MINUTE);
  expect(writes).toHaveLength(13);
  expect(writes[12]?.status).toMatchObject({ lastUsedAt: lastUse.replace('.000', '') });
  await stop();
}, 30_000);

test('a leader that comes new waits for the interval of the one before it', async () => {
  const asOf = new Date(EPOCH - 2 * MINUTE).toISOString();
  add('ci', { lastUsedAt: asOf, usage: { asOf } });
  start();
  use('ci');
  await clock.advance(3 * MINUTE - 1);
  expect(writes).toEqual([]);
  await clock.advance(1_001);
  expect(writes).toHaveLength(1);
  await stop();
});

test('does not wait for a time that nobody can have written', async () => {
  add('ci', { usage: { asOf: '2999-01-01T00:00:00Z' } });
  start();
  use('ci');
  await clock.advance(1_000);
  expect(writes).toHaveLength(1);
  await stop();
});

test('many tokens are written slowly, all of them, before any of them again', async () => {
  for (let i = 0; i < 35; i += 1) add(`t${String(i)}`);
  start();
  for (let i = 0; i < 35; i += 1) use(`t${String(i)}`);
  await clock.advance(1_000);
  expect(writes).toHaveLength(10);
  await clock.advance(3_000);
  expect(new Set(writes.map(({ name }) => name)).size).toBe(35);
  expect(writes).toHaveLength(35);
  await stop();
});

test('a write that fails is tried again when the next one is due, and keeps no other from being written', async () => {
  add('ci');
  start();
  failWith = new Error('the API server is away');
  use('ci');
  await clock.advance(MINUTE);
  expect(writes).toHaveLength(1);
  failWith = undefined;
  add('other');
  use('other');
  await clock.advance(1_000);
  expect(writes.map(({ name }) => name)).toEqual(['ci', 'other']);
  await clock.advance(5 * MINUTE);
  expect(writes.map(({ name }) => name)).toEqual(['ci', 'other', 'ci']);
  await stop();
});

test.each([404, 409])('a token that is gone or another by now (%i) is given up', async (status) => {
  add('ci');
  start();
  failWith = new KubeError('Refused', 'no', { status });
  use('ci');
  await clock.advance(HOUR);
  expect(writes).toHaveLength(1);
  await stop();
});

test('a token that is not there, or was made again under its name, is never written', async () => {
  add('again', undefined, aToken('again', {}, { uid: 'another' }));
  start();
  use('again');
  use('gone');
  await clock.advance(HOUR);
  expect(writes).toEqual([]);
  await stop();
});
