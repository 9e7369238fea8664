import { beforeEach, describe, expect, test } from '@jest/globals';
import { USAGE_LIMITS } from '../../../../api/bundle-stream.ts';
import { Denial } from '../../../../core/denial.ts';
import type { Message } from '../../../../core/mcp/message.ts';
import type { Principal } from '../../../../core/principal.ts';
import { createExchange } from '../../../../sidecar/audit/exchange.ts';
import type { Exchange } from '../../../../sidecar/audit/exchange.ts';
import { createUsageTally } from '../../../../sidecar/usage/tally.ts';
import type { UsageTally } from '../../../../sidecar/usage/tally.ts';
import { MAX_GENERATIONS } from '../../../../sidecar/usage/usage.ts';
import { aRequest, aServer, liveToken, presentedOf } from '../kit.ts';

const alice = liveToken();
const server = aServer({ tokens: [alice] });
const { principal } = presentedOf(server, alice);
const [generation] = alice.token.generations;
const ruleOf = (index: number): string => `GatewayToken/default/alice#permissions[${String(index)}]`;
const callOf = (name: string): Message => aRequest('tools/call', { kind: 'tool', name });

let tally: UsageTally;
beforeEach(() => {
  tally = createUsageTally();
});

function count(over: Partial<Exchange>, atMs = 5): void {
  tally.count(Object.assign(createExchange({ id: 'r', startedMonotonicMs: 0, peer: '', httpMethod: 'POST' }), { principal }, over), atMs);
}
const counted = () => [...tally.take().generations.values()];

describe('what is counted', () => {
  test('an allowed call, at its permission, with the name of its tool', () => {
    count({ permitRule: ruleOf(1), message: callOf('get_issue') }, 5);
    count({ permitRule: ruleOf(1), message: callOf('get_issue') }, 7);
    expect(counted()).toEqual([
      { uid: alice.token.uid, generation: generation?.id, lastUsedAtMs: 7, uses: 2, failures: 0, permissions: [{ index: 1, lastUsedAtMs: 7, tools: ['get_issue'], moreTools: false }] },
    ]);
    expect(counted()).toEqual([]);
  });

  test('a denied call as a failure, and neither as a use nor as a tool', () => {
    count({ denial: new Denial('ERR_PERMISSION_DENIED', 'no'), message: callOf('delete_repo') });
    expect(counted()).toEqual([{ uid: alice.token.uid, generation: generation?.id, lastDeniedAtMs: 5, uses: 0, failures: 1, permissions: [] }]);
  });

  test('nothing of what was handed to the sidecar of another pod, which counts it', () => {
    count({ permitRule: ruleOf(0), message: callOf('x'), handedTo: 'another pod' });
    expect(counted()).toEqual([]);
  });

  test('a permitted call that failed at the server as a use', () => {
    count({ permitRule: ruleOf(0), message: callOf('x'), denial: new Denial('ERR_UPSTREAM_TIMEOUT', 'late') });
    expect(counted()).toMatchObject([{ uses: 1, failures: 0 }]);
  });

  test('what needs no permission of its own as a use of the token and of none of its permissions', () => {
    count({ permitRule: 'granted-on-server', message: aRequest('tools/list') });
    expect(counted()).toMatchObject([{ uses: 1, permissions: [] }]);
  });

  test('every tool of a batch', () => {
    const entries = ['a', 'b'].map((name, id) => ({ kind: 'request', id, method: 'tools/call', target: { kind: 'tool', name } }) as const);
    count({ permitRule: ruleOf(0), message: { kind: 'batch', era: 'legacy', entries: [...entries, { kind: 'response', id: 9 }] } });
    expect(counted()[0]?.permissions[0]?.tools).toEqual(['a', 'b']);
  });

  test('nothing of somebody unknown, and nothing that was never decided', () => {
    count({ principal: undefined, denial: new Denial('ERR_CREDENTIAL_INVALID', 'no') });
    count({});
    expect(tally.take()).toEqual({ generations: new Map(), uncounted: 0 });
  });
});

describe('bounds', () => {
  test('names of tools: only so many, only printable ones, and it says that there are more', () => {
    for (let i = 0; i < USAGE_LIMITS.tools + 1; i += 1) count({ permitRule: ruleOf(0), message: callOf(`tool${String(i)}`) });
    for (const name of ['a b', '"', '\\', 'é', 'x'.repeat(129)]) count({ permitRule: ruleOf(1), message: callOf(name) });
    const [usage] = counted();
    expect(usage?.permissions.map(({ tools, moreTools }) => [tools.length, moreTools])).toEqual([[USAGE_LIMITS.tools, true], [0, true]]);
    expect(usage?.uses).toBe(USAGE_LIMITS.tools + 6);
  });

  test('generations: what there is no room for is counted all the same', () => {
    const named = (id: number): Principal => ({ ...principal, credential: { ...principal.credential, uid: `u${String(id)}` } });
    for (let id = 0; id < MAX_GENERATIONS + 3; id += 1) count({ principal: named(id), permitRule: ruleOf(0) });
    count({ principal: named(0), permitRule: ruleOf(0) });
    const { generations, uncounted } = tally.take();
    expect([generations.size, uncounted]).toEqual([MAX_GENERATIONS, 3]);
    expect(tally.take().uncounted).toBe(0);
  });
});
