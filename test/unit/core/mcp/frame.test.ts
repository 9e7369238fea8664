import { describe, expect, test } from '@jest/globals';
import { readFrame } from '../../../../core/mcp/frame.ts';
import { denialOf } from '../kit.ts';

const refusal = (value: unknown): { message: string; rpcId: unknown; rpcCode: unknown } => {
  const { code, message, detail } = denialOf(() => readFrame(value));
  expect(code).toBe('ERR_REQUEST_MALFORMED');
  return { message, rpcId: detail.rpcId, rpcCode: detail.rpcCode };
};

test('reads a request, a notification and both kinds of response', () => {
  expect(readFrame({ jsonrpc: '2.0', id: 1, method: 'm', params: { _meta: { x: 1 } } })).toEqual({ kind: 'request', id: 1, method: 'm', params: { _meta: { x: 1 } }, meta: { x: 1 } });
  expect(readFrame({ jsonrpc: '2.0', method: 'm' })).toEqual({ kind: 'notification', method: 'm', params: {}, meta: undefined });
  expect(readFrame({ jsonrpc: '2.0', id: 'a', result: {} })).toEqual({ kind: 'response', id: 'a' });
  expect(readFrame({ jsonrpc: '2.0', id: 0, error: { code: -1, message: 'no' } })).toEqual({ kind: 'response', id: 0 });
});

describe('G10 an id', () => {
  test.each(['', 'x'.repeat(256), 0, -1, Number.MAX_SAFE_INTEGER])('may be %j', (id) => {
    expect(readFrame({ jsonrpc: '2.0', id, method: 'm' })).toMatchObject({ id });
  });

  test.each(['9007199254740993', '1e400', '-0', '1.5', 'null', 'true', '{}', '[]', '"\\ud800"', `"${'x'.repeat(257)}"`])('must not be %s', (id) => {
    const message = 'id must be a string of at most 256 characters or a safe integer';
    expect(refusal(JSON.parse(`{"jsonrpc":"2.0","id":${id},"method":"m"}`))).toEqual({ message, rpcId: undefined, rpcCode: -32600 });
    expect(refusal(JSON.parse(`{"jsonrpc":"2.0","id":${id},"result":{}}`)).message).toBe(message);
  });
});

describe('G8 a method', () => {
  test.each([1, null, [], {}, true, 'x'.repeat(257), 'a\ud800'])('must not be %j', (method) => {
    expect(refusal({ jsonrpc: '2.0', id: 1, method })).toEqual({ message: 'method must be a string of at most 256 characters', rpcId: 1, rpcCode: -32600 });
  });

  test('must not be missing', () => {
    expect(refusal({ jsonrpc: '2.0', id: 1 }).message).toBe('A message needs a method, a result or an error');
  });
});

describe('G9 params', () => {
  test.each([[[]], [['a']], [null], ['x'], [1], [true]])('must not be %j', (params) => {
    expect(refusal({ jsonrpc: '2.0', id: 1, method: 'm', params })).toEqual({ message: 'params must be an object', rpcId: 1, rpcCode: -32602 });
  });

  test.each([null, [], 'x', 1])('must not hold the _meta %j', (_meta) => {
    expect(refusal({ jsonrpc: '2.0', id: 1, method: 'm', params: { _meta } })).toEqual({ message: 'params._meta must be an object', rpcId: 1, rpcCode: -32602 });
  });
});

describe('members', () => {
  const BASE = { jsonrpc: '2.0', id: 1, method: 'm' };

  test.each(['Method', 'METHOD', 'params\u0000', 'paramſ', 'ID', '__proto__', 'extra', 'result', 'error'])('G3 a request with %j as well is refused', (key) => {
    expect(refusal(JSON.parse(`{"jsonrpc":"2.0","id":1,"method":"m",${JSON.stringify(key)}:{}}`)).message).toBe('The message has a member that JSON-RPC does not define');
  });

  test('G3 a parameter or a member of _meta that looks like a protocol key is refused', () => {
    expect(refusal({ ...BASE, params: { name: 'a', Name: 'b' } }).message).toBe('params has a key that looks like a protocol key');
    expect(refusal({ ...BASE, params: { _meta: { ProgressToken: 1 } } }).message).toBe('params._meta has a key that looks like a protocol key');
  });

  test('G3 keys inside arguments are the business of the tool', () => {
    expect(readFrame({ ...BASE, params: { arguments: { Name: 1, METHOD: 2, ' name': 3 } } })).toMatchObject({ kind: 'request' });
  });

  test.each([undefined, 2, '2', '1.0', '2.0 ', null])('jsonrpc must not be %j', (jsonrpc) => {
    expect(refusal({ ...BASE, jsonrpc })).toEqual({ message: 'jsonrpc must be "2.0"', rpcId: 1, rpcCode: -32600 });
  });

  test.each([
    { result: {}, error: {} },
    { result: null },
    { result: [] },
    { error: 'x' },
    { result: {}, extra: 1 },
  ])('a response must not be %j', (outcome) => {
    expect(refusal({ jsonrpc: '2.0', id: 1, ...outcome })).toMatchObject({ rpcId: 1, rpcCode: -32600 });
  });

  test('a response needs an id', () => {
    expect(refusal({ jsonrpc: '2.0', result: {} }).message).toBe('The message is not a valid JSON-RPC response');
  });

  test.each([null, 1, 'x', true, [], [[]]])('%j is no message', (value) => {
    expect(refusal(value).message).toBe('A JSON-RPC message must be an object');
  });
});
