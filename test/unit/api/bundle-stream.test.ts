import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { MAX_EXPOSURE_BYTES, parseAcknowledgement, parseExposureReport, parseStreamMessage, parseStreamPath, parseUsageReport, streamPath, USAGE_LIMITS } from '../../../api/bundle-stream.ts';
import { WireError } from '../../../api/wire-shape.ts';
import { diffBundles } from '../../../core/bundle/patch.ts';
import { aRevision, revoking } from '../../kit/bundle-changes.ts';
import { aGenerationUsage, aPermissionUsage, aReport } from '../../kit/usage.ts';

const bundle = aRevision(['alice']);
const revision = 'a'.repeat(64);
const permission = aPermissionUsage(0, { tools: ['t'] });
const usage = aGenerationUsage('u', { uses: 1, lastUsedAtMs: 1_000, permissions: [permission] });

test.each([
  { format: 1, type: 'bundle', epoch: 0, bundle },
  { format: 1, type: 'patch', epoch: 0, patch: diffBundles(bundle, revoking(bundle, 'alice', 2)) },
  { format: 1, type: 'heartbeat', epoch: 3, progressAgeMs: 0, nowMs: 1 },
  { format: 1, type: 'retract', epoch: 0, order: { MCPServer: '7' } },
])('reads $type', (message) => {
  expect(parseStreamMessage(JSON.stringify(message))).toEqual(message);
});

test.each([
  ['another version', { format: 2, type: 'heartbeat', epoch: 0, progressAgeMs: 0, nowMs: 1 }],
  ['an unknown type', { format: 1, type: 'command', epoch: 0 }],
  ['an unknown member', { format: 1, type: 'heartbeat', epoch: 0, progressAgeMs: 0, nowMs: 1, run: 'x' }],
  ['an age below zero, which would be fresher than fresh', { format: 1, type: 'heartbeat', epoch: 0, progressAgeMs: -1, nowMs: 1 }],
  ['no age', { format: 1, type: 'heartbeat', epoch: 0, nowMs: 1 }],
  ['no epoch', { format: 1, type: 'retract', order: {} }],
])('refuses a message with %s', (_case, message) => {
  expect(() => parseStreamMessage(JSON.stringify(message))).toThrow(WireError);
});

test('throws nothing but a WireError, whatever the line, and never quotes it', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
    for (const parse of [parseStreamMessage, parseAcknowledgement, parseUsageReport, parseExposureReport]) expect(() => parse(line)).toThrow(WireError);
  }));
  expect(() => parseStreamMessage('hunter2')).toThrow(/^is not JSON$/);
});

test('an acknowledgement says one revision and nothing else', () => {
  expect(parseAcknowledgement(JSON.stringify({ format: 1, revision })).revision).toBe(revision);
  expect(() => parseAcknowledgement(JSON.stringify({ format: 1, revision, pod: 'another' }))).toThrow(WireError);
});

test('an exposure says a port and one of three outcomes, and nothing else', () => {
  const longest = { format: 1, port: 65_535, outcome: 'LoopbackOnly' };
  expect(JSON.stringify(longest).length).toBeLessThan(MAX_EXPOSURE_BYTES);
  expect(parseExposureReport(JSON.stringify(longest))).toEqual(longest);
  for (const wrong of [{ ...longest, outcome: 'Fine' }, { ...longest, port: '1' }, { ...longest, pod: 'another' }, { format: 1, port: 1 }]) {
    expect(() => parseExposureReport(JSON.stringify(wrong))).toThrow(WireError);
  }
});

test.each([
  ['too many generations', Array.from({ length: USAGE_LIMITS.generations + 1 }, () => usage)],
  ['too many permissions', [{ ...usage, permissions: Array.from({ length: USAGE_LIMITS.permissions + 1 }, (_, index) => aPermissionUsage(index)) }]],
  ['a permission twice', [{ ...usage, permissions: [permission, permission] }]],
  ['too many tools', [{ ...usage, permissions: [{ ...permission, tools: Array.from({ length: USAGE_LIMITS.tools + 1 }, String) }] }]],
  ['a tool name that is too long', [{ ...usage, permissions: [{ ...permission, tools: ['x'.repeat(129)] }] }]],
  ['a tool name that is not printable', [{ ...usage, permissions: [{ ...permission, tools: ['x\u001b[2J'] }] }]],
  ['a time that is none', [{ ...usage, lastUsedAtMs: 1.5 }]],
  ['a count below zero', [{ ...usage, uses: -1 }]],
])('refuses usage with %s', (_case, generations) => {
  expect(parseUsageReport(JSON.stringify(aReport([usage]))).generations).toEqual([usage]);
  expect(() => parseUsageReport(JSON.stringify({ ...aReport([]), generations }))).toThrow(WireError);
});

test('paths name an endpoint and a server, and nothing else is one', () => {
  const server = { namespace: 'tools', name: 'github.v2' };
  expect(parseStreamPath(streamPath('usage', server))).toEqual({ endpoint: 'usage', server });
  for (const path of ['/v1/bundles/tools', '/v1/bundles/tools/x/', '/v1/bundles/tools/x?y', '/v1/bundles/to.ols/x', '/v1/bundles//x', '/v2/bundles/tools/x', '/v1/bundles/tools/%78']) {
    expect(parseStreamPath(path)).toBeUndefined();
  }
});
