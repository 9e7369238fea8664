import { beforeEach, describe, expect, test } from '@jest/globals';
import type { GenerationUsage, UsageReport } from '../../../../api/bundle-stream.ts';
import type { BundleToken } from '../../../../api/bundle.ts';
import type { GatewayToken } from '../../../../api/v1alpha1/index.ts';
import { compileBundles } from '../../../../core/bundle/compile.ts';
import { permissionDigest } from '../../../../operator/usage/token-usage.ts';
import { createUsageMemory } from '../../../../operator/usage/usage-memory.ts';
import type { UsageMemory } from '../../../../operator/usage/usage-memory.ts';
import { createMetrics } from '../../../../runtime/metrics.ts';
import type { Metrics } from '../../../../runtime/metrics.ts';
import { POD } from '../../../kit/bundle-replica.ts';
import { aGenerationUsage, aPermissionUsage, aReport } from '../../../kit/usage.ts';
import { anInput, aServer, aToken } from '../../core/bundle/kit.ts';

const NOW = 1_000_000;
const GITHUB = { serverRefs: [{ name: 'github' }], tools: ['get_*'] };
const PROMPTS = { serverRefs: [{ name: 'github' }], prompts: ['*'] };
const JIRA = { serverRefs: [{ name: 'jira' }], tools: ['*'] };

let token: GatewayToken | undefined;
let metrics: Metrics;
let memory: UsageMemory;

beforeEach(() => {
  token = aToken('ci', { permissions: [GITHUB, JIRA, PROMPTS] });
  metrics = createMetrics();
  memory = createUsageMemory({ tokenOf: () => token, clock: { nowMs: () => NOW }, metrics });
});

/** As the bundle of server `github` has them. */
function bundled(): ReadonlyMap<string, BundleToken> {
  const [bundle] = compileBundles(anInput({ servers: [aServer('github')], tokens: token === undefined ? [] : [token] })).bundles;
  return new Map(bundle?.tokens.map((each) => [each.uid, each]));
}

let sequence = 0;
function receive(usage: Partial<GenerationUsage>, over: Partial<UsageReport> = {}, podUid = POD.uid): void {
  sequence += 1;
  memory.receive({ pod: { ...POD, uid: podUid }, tokens: bundled(), report: aReport([aGenerationUsage('token-ci', usage)], { sequence, ...over }) });
}

/** By index of the permission. */
const used = () => Object.fromEntries([GITHUB, JIRA, PROMPTS].flatMap((permission, index) => {
  const use = memory.of('token-ci')?.permissions.get(permissionDigest(permission));
  return use === undefined ? [] : [[index, { ...use, tools: [...use.tools] }]];
}));
const counters = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries([...(await metrics.render()).text.matchAll(/^mcpgateway_token_(\w+)_total (\d+)$/gm)].map(([, name = '', value = '']) => [name, value]));

describe('a report', () => {
  test('is known by permission, with the times and the tools', async () => {
    receive({ uses: 2, failures: 1, lastUsedAtMs: 50, lastDeniedAtMs: 40, permissions: [aPermissionUsage(0, { lastUsedAtMs: 50, tools: ['get_issue'] }), aPermissionUsage(2, { lastUsedAtMs: 45 })] }, { uncounted: 4 });
    expect(memory.of('token-ci')).toMatchObject({ namespace: 'tools', name: 'ci', lastUsedAtMs: 50, lastDeniedAtMs: 40 });
    expect(used()).toEqual({ 0: { lastUsedAtMs: 50, tools: ['get_issue'], moreTools: false }, 2: { lastUsedAtMs: 45, tools: [], moreTools: false } });
    expect(memory.takeChanged()).toEqual(['token-ci']);
    expect(memory.takeChanged()).toEqual([]);
    expect(await counters()).toEqual({ uses: '2', failures: '1', usage_uncounted: '4' });
  });

  test('that is sent again under its number is counted once; one of another process of the pod, or of another pod, is another', async () => {
    const again = { uses: 1, lastUsedAtMs: 1 };
    receive(again, { sequence: 5 });
    receive(again, { sequence: 5 });
    receive(again, { sequence: 4 });
    expect((await counters())['uses']).toBe('1');
    receive(again, { sequence: 5, reporter: 'fedcba9876543210' });
    receive(again, { sequence: 5 }, 'another-pod');
    expect((await counters())['uses']).toBe('3');
  });

  test('says no time of the future', () => {
    receive({ lastUsedAtMs: NOW + 1, lastDeniedAtMs: Number.MAX_SAFE_INTEGER, permissions: [aPermissionUsage(0, { lastUsedAtMs: NOW + 9, tools: ['get_x'] })] });
    expect(memory.of('token-ci')).toMatchObject({ lastUsedAtMs: NOW, lastDeniedAtMs: NOW });
    expect(used()).toEqual({ 0: { lastUsedAtMs: NOW, tools: ['get_x'], moreTools: false } });
  });

  test('counts for no permission on another server, and for no tool that the token may not call there', () => {
    receive({ lastUsedAtMs: 1, permissions: [aPermissionUsage(1, { tools: ['delete_all', 'get_issue'] }), aPermissionUsage(7)] });
    expect(used()).toEqual({ 0: { lastUsedAtMs: 1_000, tools: ['get_issue'], moreTools: false } });
  });

  test('on a token that is not in the bundle of the pod\'s server changes nothing', async () => {
    memory.receive({ pod: POD, tokens: bundled(), report: aReport([aGenerationUsage('token-of-another', { uses: 9, lastUsedAtMs: 1 })]) });
    expect(memory.of('token-of-another')).toBeUndefined();
    expect(memory.takeChanged()).toEqual([]);
    expect((await counters())['uses']).toBe('0');
  });

  test('on a token that was made again under its name says nothing about the new one', () => {
    const tokens = bundled();
    token = aToken('ci', {}, { uid: 'token-ci-2' });
    memory.receive({ pod: POD, tokens, report: aReport([aGenerationUsage('token-ci', { lastUsedAtMs: 1 })]) });
    expect(memory.of('token-ci')).toBeUndefined();
  });
});

describe('what is known', () => {
  test('is forgotten of a permission that was changed', () => {
    receive({ lastUsedAtMs: 1, permissions: [aPermissionUsage(0), aPermissionUsage(2)] });
    token = aToken('ci', { permissions: [{ ...GITHUB, tools: ['*'] }, JIRA, PROMPTS] });
    receive({ lastUsedAtMs: 2 });
    expect(used()).toEqual({ 2: { lastUsedAtMs: 1_000, tools: [], moreTools: false } });
    expect(memory.of('token-ci')?.permissions.size).toBe(1);
  });

  test('is forgotten of tokens that are gone', () => {
    receive({ lastUsedAtMs: 1 });
    memory.keep(new Set(['token-other']));
    expect(memory.of('token-ci')).toBeUndefined();
    expect(memory.takeChanged()).toEqual([]);
  });
});
