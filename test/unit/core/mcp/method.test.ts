import { describe, expect, test } from '@jest/globals';
import type { Target } from '../../../../core/mcp/message.ts';
import { findMethod, listKindOf, METHODS } from '../../../../core/mcp/method.ts';

const methodsOf = (era: 'legacy' | 'modern', form: 'request' | 'notification'): readonly string[] =>
  METHODS.filter((row) => row.form === form && row.eras.includes(era)).map(({ method }) => method).sort();

describe('the table of methods', () => {
  test('has every request of the legacy era that a client may send', () => {
    expect(methodsOf('legacy', 'request')).toEqual([
      'completion/complete', 'initialize', 'logging/setLevel', 'ping', 'prompts/get', 'prompts/list', 'resources/list', 'resources/read',
      'resources/subscribe', 'resources/templates/list', 'resources/unsubscribe', 'tasks/cancel', 'tasks/get', 'tasks/list', 'tasks/result',
      'tools/call', 'tools/list',
    ]);
  });

  test('has every request of the modern era', () => {
    expect(methodsOf('modern', 'request')).toEqual([
      'completion/complete', 'prompts/get', 'prompts/list', 'resources/list', 'resources/read', 'resources/templates/list', 'server/discover',
      'subscriptions/listen', 'tools/call', 'tools/list',
    ]);
  });

  test('has the notifications that a client may send', () => {
    expect(methodsOf('legacy', 'notification')).toEqual([
      'notifications/cancelled', 'notifications/initialized', 'notifications/progress', 'notifications/roots/list_changed', 'notifications/tasks/status',
    ]);
    expect(methodsOf('modern', 'notification')).toEqual(['notifications/cancelled']);
  });

  test('names each method once', () => {
    expect(new Set(METHODS.map(({ method }) => method)).size).toBe(METHODS.length);
  });

  test.each(['sampling/createMessage', 'roots/list', 'elicitation/create', 'notifications/message', 'constructor', '__proto__', 'toString', ''])('G7 and G8 does not know %j', (method) => {
    for (const era of ['legacy', 'modern'] as const) {
      expect(findMethod(era, 'request', method)).toBeUndefined();
      expect(findMethod(era, 'notification', method)).toBeUndefined();
    }
    expect(listKindOf(method)).toBeUndefined();
  });

  test('does not take a request for a notification or the other way round', () => {
    expect(findMethod('legacy', 'notification', 'tools/call')).toBeUndefined();
    expect(findMethod('legacy', 'request', 'notifications/initialized')).toBeUndefined();
  });

  test.each([['tools/list', 'tools'], ['prompts/list', 'prompts'], ['resources/list', 'resources'], ['resources/templates/list', 'resourceTemplates'], ['tools/call', undefined]] as const)(
    'the answer to %s is a list of %s',
    (method, kind) => {
      expect(listKindOf(method)).toBe(kind);
    },
  );
});

describe('targets', () => {
  const read = (method: string, params: Readonly<Record<string, unknown>>): Target | undefined =>
    METHODS.find((row) => row.method === method)?.acts.read(params);

  test.each<[string, Record<string, unknown>, Target]>([
    ['tools/call', { name: 'get' }, { kind: 'tool', name: 'get' }],
    ['prompts/get', { name: 'p' }, { kind: 'prompt', name: 'p' }],
    ['resources/read', { uri: 'a://b' }, { kind: 'resource', uri: 'a://b' }],
    ['resources/subscribe', { uri: 'a://b' }, { kind: 'resource', uri: 'a://b' }],
    ['resources/unsubscribe', { uri: 'a://b' }, { kind: 'resource', uri: 'a://b' }],
    ['tasks/get', { taskId: 't' }, { kind: 'task', taskId: 't' }],
    ['tasks/result', { taskId: 't' }, { kind: 'task', taskId: 't' }],
    ['tasks/cancel', { taskId: 't' }, { kind: 'task', taskId: 't' }],
    ['tools/list', { cursor: 'x' }, { kind: 'none' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }, { kind: 'prompt', name: 'p' }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'a://{b}' } }, { kind: 'template', uriTemplate: 'a://{b}' }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: ['a://1', 'a://2'] } }, { kind: 'resources', uris: ['a://1', 'a://2'] }],
    ['subscriptions/listen', { notifications: { toolsListChanged: true } }, { kind: 'resources', uris: [] }],
  ])('%s with %j', (method, params, target) => {
    expect(read(method, params)).toEqual(target);
  });

  test.each<[string, Record<string, unknown>]>([
    ['tools/call', {}],
    ['tools/call', { name: null }],
    ['tools/call', { name: ['get'] }],
    ['tools/call', { name: { toString: 'get' } }],
    ['tools/call', { name: 1 }],
    ['tools/call', { name: '' }],
    ['tools/call', { name: 'x'.repeat(1025) }],
    ['tools/call', { name: 'a\ud800' }],
    ['resources/read', { uri: 'x'.repeat(8193) }],
    ['resources/read', { name: 'x' }],
    ['tasks/get', {}],
    ['completion/complete', {}],
    ['completion/complete', { ref: 'p' }],
    ['completion/complete', { ref: { type: 'ref/tool', name: 'p' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', uri: 'p' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'p', uri: 'a://b' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'p', Name: 'q' } }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'a://b', name: 'p' } }],
    ['subscriptions/listen', {}],
    ['subscriptions/listen', { notifications: [] }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: 'a://b' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: [1] } }],
    ['subscriptions/listen', { notifications: { resource_subscriptions: ['a://b'] } }],
    ['subscriptions/listen', { notifications: { taskIds: ['t'] } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: Array.from({ length: 1001 }, () => 'a://b') } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: Array.from({ length: 17 }, () => `a://${'b'.repeat(8000)}`) } }],
  ])('G9 %s refuses %j', (method, params) => {
    expect(read(method, params)).toBeUndefined();
  });

  test('every row reads only targets of the kinds it names, and says what it needs', () => {
    const params = { name: 'n', uri: 'u', taskId: 't', notifications: {}, ref: { type: 'ref/prompt', name: 'n' } };
    for (const { acts } of METHODS) {
      expect(acts.kinds).toContain(acts.read(params)?.kind);
      if (acts.read({}) === undefined) expect(acts.needs).not.toBe('');
    }
  });
});
