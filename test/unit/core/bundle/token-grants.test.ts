import { describe, expect, test } from '@jest/globals';
import { grantsFor, patternsOf } from '../../../../core/bundle/token-grants.ts';
import { aServer, aToken } from './kit.ts';

const LABELS = new Map([['partners', { tier: 'gold' }]]);
const from = (label: string, tools: readonly string[]) => ({ namespaceSelector: { matchLabels: { tier: label } }, tools });

test('a token has one grant for each permission that names the server', () => {
  const token = aToken('ci', {
    permissions: [
      { serverRefs: [{ name: 'github' }], tools: ['a'] },
      { serverRefs: [{ name: 'other' }], tools: ['b'] },
      { serverRefs: [{ name: 'other' }, { name: 'github', namespace: 'tools' }], resources: ['c'] },
      { serverRefs: [{ name: 'github', namespace: 'elsewhere' }], tools: ['d'] },
    ],
  });
  expect(grantsFor(token, aServer('github'), LABELS)).toEqual([
    { rule: 'GatewayToken/tools/ci#permissions[0]', allow: { tools: ['a'], prompts: [], resources: [] } },
    { rule: 'GatewayToken/tools/ci#permissions[2]', allow: { tools: [], prompts: [], resources: ['c'] } },
  ]);
});

describe('F12 and K7 a token of another namespace', () => {
  const token = aToken('ci', { permissions: [{ serverRefs: [{ name: 'github', namespace: 'tools' }], tools: ['*'] }] }, { namespace: 'partners' });

  test('is nobody where the server admits no namespace', () => {
    expect(grantsFor(token, aServer('github'), LABELS)).toEqual([]);
    expect(grantsFor(token, aServer('github', { tokens: { from: [from('silver', ['*'])] } }), LABELS)).toEqual([]);
    expect(grantsFor(token, aServer('github', { tokens: { from: [from('gold', ['*'])] } }), new Map())).toEqual([]);
  });

  test('gets what the server admits as a cap', () => {
    const server = aServer('github', { tokens: { from: [from('gold', ['get_*']), from('silver', ['set_*']), from('gold', ['list'])] } });
    expect(grantsFor(token, server, LABELS)).toEqual([
      {
        rule: 'GatewayToken/partners/ci#permissions[0]',
        allow: { tools: ['*'], prompts: [], resources: [] },
        caps: [{ tools: ['get_*'], prompts: [], resources: [] }, { tools: ['list'], prompts: [], resources: [] }],
      },
    ]);
  });

  test('does not mean the server of the same name in another namespace', () => {
    expect(grantsFor(aToken('ci', {}, { namespace: 'partners' }), aServer('github', { tokens: { from: [from('gold', ['*'])] } }), LABELS)).toEqual([]);
  });
});

test('a token of the same namespace is not cut', () => {
  const server = aServer('github', { tokens: { from: [{ namespaceSelector: {}, tools: [] }] } });
  expect(grantsFor(aToken('ci'), server, LABELS)[0]).not.toHaveProperty('caps');
});

test('an absent list matches nothing', () => {
  expect(patternsOf({ tools: ['a'] })).toEqual({ tools: ['a'], prompts: [], resources: [] });
});
