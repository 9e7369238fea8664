import { describe, expect, test } from '@jest/globals';
import type { Message } from '../../../../core/mcp/message.ts';
import * as module from '../../../../sidecar/authorize/authorize.ts';
import { authorize, Permit } from '../../../../sidecar/authorize/authorize.ts';
import { aRequest, aServer, denialOf, ECHO, liveToken, presentedOf } from '../kit.ts';

const TOKEN = liveToken({ tools: ['echo'] });
const SERVER = aServer({ tokens: [TOKEN] });
const { principal } = presentedOf(SERVER, TOKEN);
const OTHER = aRequest('tools/call', { kind: 'tool', name: 'other' });
const real = authorize(principal, ECHO, SERVER.policy);

describe('authorize', () => {
  test('gives a permit that names the rule', () => {
    expect(Permit.isPermit(real)).toBe(true);
    expect(real.rule).toBe('GatewayToken/default/alice#permissions[0]');
  });

  test('denies with the code, the rule and the id of the request', () => {
    expect(denialOf(() => authorize(principal, OTHER, SERVER.policy))).toMatchObject({
      code: 'ERR_PERMISSION_DENIED',
      message: 'What the request names does not exist here or is not permitted to this credential',
      detail: { rule: 'default-deny', rpcId: 7 },
    });
  });

  test.each<[string, Message]>([
    ['a batch', { kind: 'batch', era: 'legacy', entries: [ECHO, OTHER].flatMap((message) => (message.kind === 'single' ? [message.entry] : [])) }],
    ['a notification', { kind: 'single', era: 'legacy', entry: { kind: 'notification', method: 'unknown', target: { kind: 'none' } } }],
  ])('a denial of %s has no id of a request to answer', (_name, message) => {
    expect(denialOf(() => authorize(principal, message, SERVER.policy))).not.toHaveProperty('detail.rpcId');
  });

  test('a principal without a grant here is refused whatever it asks', () => {
    const stranger = { ...principal, credential: { ...principal.credential, uid: 'other' } };
    for (const message of [ECHO, { kind: 'stream', era: 'legacy' } as const, { kind: 'terminate', era: 'legacy' } as const]) {
      expect(denialOf(() => authorize(stranger, message, SERVER.policy))).toMatchObject({ code: 'ERR_SERVER_NOT_GRANTED' });
    }
  });
});

describe('a permit', () => {
  test.each<[string, unknown]>([
    ['a look-alike', { rule: 'r' }],
    ['an object of its prototype', Object.create(Permit.prototype)],
    ['a copy', Object.assign({}, real)],
    ['a clone with its prototype', Object.setPrototypeOf({ rule: 'r' }, Permit.prototype)],
    ['a proxy of a real one', new Proxy(real, {})],
    ['its class', Permit],
    ['null', null],
    ['undefined', undefined],
  ])('is not %s', (_name, candidate) => {
    expect(Permit.isPermit(candidate)).toBe(false);
  });

  test('is minted by no export but authorize', () => {
    expect(Object.keys(module).sort()).toEqual(['Permit', 'authorize']);
    expect(Object.getOwnPropertyNames(Permit).sort()).toEqual(['isPermit', 'length', 'name', 'prototype']);
    expect(Object.getOwnPropertyNames(Permit.prototype).sort()).toEqual(['constructor', 'rule']);
  });
});
