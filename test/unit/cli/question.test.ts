import { expect, test } from '@jest/globals';
import { parseQuestion } from '../../../cli/question.ts';

test.each<[string, readonly string[], string, object]>([
  ['call tool', ['call', 'tool', 'x'], 'tools/call', { kind: 'tool', name: 'x' }],
  ['the method', ['tools/call', 'x'], 'tools/call', { kind: 'tool', name: 'x' }],
  ['get prompt', ['get', 'prompt', 'x'], 'prompts/get', { kind: 'prompt', name: 'x' }],
  ['read resource', ['read', 'resource', 'a://b'], 'resources/read', { kind: 'resource', uri: 'a://b' }],
  ['subscribe resource', ['subscribe', 'resource', 'a://b'], 'resources/subscribe', { kind: 'resource', uri: 'a://b' }],
  ['list tools', ['list', 'tools'], 'tools/list', { kind: 'none' }],
])('understands %s', (_title, words, method, target) => {
  expect(parseQuestion(words)).toEqual({ era: 'legacy', method, target });
});

test.each([[[]], [['call']], [['call', 'tool']], [['call', 'tool', 'x', 'y']], [['list', 'tools', 'x']], [['tools/call']], [['made/up', 'x']]])('refuses %j', (words) => {
  expect(() => parseQuestion(words)).toThrow('can-i: ');
});
