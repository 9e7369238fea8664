import { expect, test } from '@jest/globals';
import { METHODS } from '../../../../core/mcp/method.ts';
import type { Message } from '../../../../core/mcp/message.ts';
import { methodLabel } from '../../../../sidecar/audit/method-label.ts';
import { aCall } from './kit.ts';

test('every method of the protocol is its own label', () => {
  for (const { method } of METHODS) expect(methodLabel(aCall('x', method))).toBe(method);
});

test('L2: ten thousand distinct names make one label', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `tools/call${index}`);
  const labels = new Set([...names, 'Tools/Call', '__proto__', 'constructor', ''].map((method) => methodLabel(aCall('x', method))));
  expect([...labels]).toEqual(['other']);
});

test.each<[string, Message | undefined]>([
  ['none', undefined],
  ['stream', { kind: 'stream', era: 'legacy' }],
  ['terminate', { kind: 'terminate', era: 'legacy' }],
  ['batch', { kind: 'batch', era: 'legacy', entries: [{ kind: 'response', id: 1 }] }],
  ['response', { kind: 'single', era: 'legacy', entry: { kind: 'response', id: 1 } }],
])('the label is %s where there is no method', (label, message) => {
  expect(methodLabel(message)).toBe(label);
});
