import { describe, expect, test } from '@jest/globals';
import { classifyInboundRequest } from '@modelcontextprotocol/server';
import * as fc from 'fast-check';
import type { Message, MessageHeaders } from '../../../../core/mcp/message.ts';
import { METHODS } from '../../../../core/mcp/method.ts';
import { parseBodiless, parseMessage } from '../../../../core/mcp/parse-message.ts';
import { LEGACY_REVISIONS } from '../../../../core/mcp/revision.ts';
import { denialOf } from '../kit.ts';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const META = { [VERSION]: '2026-07-28', [CAPABILITIES]: {} };
const NO_HEADERS: MessageHeaders = { protocolVersion: undefined, mcpMethod: undefined, mcpName: undefined };
const MODERN: MessageHeaders = { protocolVersion: '2026-07-28', mcpMethod: 'tools/call', mcpName: 'greet' };
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'greet' } };
const MODERN_CALL = { ...CALL, params: { name: 'greet', _meta: META } };

const parse = (body: unknown, headers: Partial<MessageHeaders> = {}): Message => parseMessage(Buffer.from(JSON.stringify(body)), { ...NO_HEADERS, ...headers });
const refusal = (body: unknown, headers: Partial<MessageHeaders> = {}): unknown => {
  const { code, detail } = denialOf(() => parse(body, headers));
  return { code, rpcCode: detail.rpcCode, rpcId: detail.rpcId };
};

test('reads a legacy call', () => {
  const entry = { kind: 'request', id: 1, method: 'tools/call', target: { kind: 'tool', name: 'greet' } };
  expect(parse(CALL)).toEqual({ kind: 'single', era: 'legacy', entry });
});

test('reads a modern call', () => {
  const entry = { kind: 'request', id: 1, method: 'tools/call', target: { kind: 'tool', name: 'greet' } };
  expect(parse(MODERN_CALL, MODERN)).toEqual({ kind: 'single', era: 'modern', entry });
});

test('reads the response of a legacy client', () => {
  expect(parse({ jsonrpc: '2.0', id: 'a', result: {} }, { protocolVersion: '2025-06-18' })).toEqual({ kind: 'single', era: 'legacy', entry: { kind: 'response', id: 'a' } });
});

test('a legacy call is not judged by mirror headers that legacy servers ignore', () => {
  expect(parse(CALL, { mcpMethod: 'tools/list', mcpName: 'other' })).toMatchObject({ era: 'legacy', entry: { target: { name: 'greet' } } });
});

describe('G5 the method is compared code point by code point', () => {
  test('escapes are decoded', () => {
    expect(parseMessage(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools\\u002fcall","params":{"name":"gr\\u0065et"}}'), NO_HEADERS)).toEqual(parse(CALL));
  });

  test.each(['Tools/call', 'tools/call ', 'tools/cal\u0131', 'tools∕call', 'tools/call\u0000'])('%j is another method, and names no target', (method) => {
    expect(parse({ ...CALL, method })).toMatchObject({ entry: { method, target: { kind: 'none' } } });
  });
});

describe('G9 a call must name its tool', () => {
  test.each([{}, { name: null }, { name: ['greet'] }, { name: { a: 1 } }, { name: 7 }, { name: '' }])('%j: -32602 with the id', (params) => {
    expect(refusal({ ...CALL, params })).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32602, rpcId: 1 });
  });

  test('no parameters at all', () => {
    expect(refusal({ jsonrpc: '2.0', id: 1, method: 'tools/call' })).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32602, rpcId: 1 });
  });
});

describe('G6 a batch', () => {
  const second = { ...CALL, id: 2, params: { name: 'other' } };

  test.each([undefined, '2025-03-26'])('is read element by element with the version %s', (protocolVersion) => {
    const message = parse([CALL, second, { jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', id: 1, result: {} }], { protocolVersion });
    expect(message).toMatchObject({ kind: 'batch', era: 'legacy', entries: [{ target: { name: 'greet' } }, { target: { name: 'other' } }, { kind: 'notification' }, { kind: 'response' }] });
  });

  test('of one is still a batch', () => {
    expect(parse([CALL])).toMatchObject({ kind: 'batch' });
  });

  test.each<[string, unknown[], Partial<MessageHeaders>]>([
    ['empty', [], {}],
    ['nested', [[CALL]], {}],
    ['of 101 messages', Array.from({ length: 101 }, (_, id) => ({ ...CALL, id })), {}],
    ['of 10,000 messages', Array.from({ length: 10_000 }, (_, id) => ({ ...CALL, id })), {}],
    ['with the same id twice', [CALL, CALL], {}],
    ['with initialize', [{ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }], {}],
    ['with a modern element', [CALL, { ...MODERN_CALL, id: 2 }], {}],
    ['with a claim of another kind', [{ ...CALL, params: { name: 'greet', _meta: { [VERSION]: null } } }], {}],
    ['with the header of a modern revision', [CALL], { protocolVersion: '2026-07-28' }],
    ['with the header of 2025-06-18', [CALL], { protocolVersion: '2025-06-18' }],
    ['with the header of 2025-11-25', [CALL], { protocolVersion: '2025-11-25' }],
    ['with a malformed element', [CALL, { ...CALL, id: 2, method: 5 }], {}],
  ])('is refused when it is %s, without any id', (_title, body, headers) => {
    expect(refusal(body, headers)).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32600, rpcId: undefined });
  });

  test('is refused whole when one element names no target', () => {
    expect(refusal([CALL, { ...CALL, id: 2, params: {} }])).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32602, rpcId: undefined });
  });

  test.each([
    ['resources/read', (uri: string) => ({ uri })],
    ['completion/complete', (uri: string) => ({ ref: { type: 'ref/resource', uri } })],
  ])('J5 is refused when its members of %s name more URIs than can be judged in a moment', (method, paramsOf) => {
    const reads = (count: number): unknown[] => Array.from({ length: count }, (_, id) => ({ jsonrpc: '2.0', id, method, params: paramsOf(`a://${'b'.repeat(8000)}`) }));
    expect(parse(reads(16))).toMatchObject({ kind: 'batch' });
    expect(refusal(reads(17))).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32600, rpcId: undefined });
  });

  test('may hold the ids 1 and "1"', () => {
    expect(parse([CALL, { ...CALL, id: '1' }])).toMatchObject({ kind: 'batch' });
  });
});

describe('G19 the version header', () => {
  test.each([undefined, ...LEGACY_REVISIONS])('%s goes with a legacy call', (protocolVersion) => {
    expect(parse(CALL, { protocolVersion })).toMatchObject({ era: 'legacy' });
  });

  test.each(['2025-11-24', '1.0', '', '2025-03-26, 2025-03-26'])('%j goes with none', (protocolVersion) => {
    const unsupported = { code: 'ERR_PROTOCOL_VERSION_UNSUPPORTED', rpcCode: -32000 };
    expect(refusal(CALL, { protocolVersion })).toEqual({ ...unsupported, rpcId: 1 });
    expect(refusal({ jsonrpc: '2.0', id: 3, result: {} }, { protocolVersion })).toEqual({ ...unsupported, rpcId: 3 });
    expect(denialOf(() => parseBodiless('stream', { ...NO_HEADERS, protocolVersion })).code).toBe('ERR_PROTOCOL_VERSION_UNSUPPORTED');
  });

  test.each(['2026-07-28', '2099-01-01'])('%s needs a modern body: -32602', (protocolVersion) => {
    expect(refusal(CALL, { protocolVersion })).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32602, rpcId: 1 });
  });

  test('never makes a modern body a legacy one', () => {
    expect(refusal(MODERN_CALL, { ...MODERN, protocolVersion: '2025-11-25' })).toEqual({ code: 'ERR_HEADER_MISMATCH', rpcCode: -32020, rpcId: 1 });
    expect(refusal(MODERN_CALL, { ...MODERN, protocolVersion: undefined })).toEqual({ code: 'ERR_HEADER_MISMATCH', rpcCode: -32020, rpcId: 1 });
  });
});

describe('initialize', () => {
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } };

  test('is legacy', () => {
    expect(parse(initialize)).toMatchObject({ era: 'legacy', entry: { method: 'initialize', target: { kind: 'none' } } });
  });

  test('contradicts a modern header', () => {
    expect(refusal(initialize, { protocolVersion: '2026-07-28' })).toEqual({ code: 'ERR_HEADER_MISMATCH', rpcCode: -32020, rpcId: 1 });
  });

  test('must not claim a modern revision in its body', () => {
    expect(refusal({ ...initialize, params: { _meta: META } }, { protocolVersion: '2026-07-28', mcpMethod: 'initialize' })).toEqual({ code: 'ERR_METHOD_UNKNOWN', rpcId: 1 });
  });
});

describe('responses and bodiless requests', () => {
  test('G7 the modern era has no responses from clients', () => {
    expect(refusal({ jsonrpc: '2.0', id: 3, result: {} }, { protocolVersion: '2026-07-28' })).toEqual({ code: 'ERR_REQUEST_MALFORMED', rpcCode: -32600, rpcId: 3 });
  });

  test.each(['stream', 'terminate'] as const)('a %s belongs to the legacy era', (kind) => {
    expect(parseBodiless(kind, { ...NO_HEADERS, protocolVersion: '2025-11-25' })).toEqual({ kind, era: 'legacy' });
    expect(denialOf(() => parseBodiless(kind, { ...NO_HEADERS, protocolVersion: '2026-07-28' })).code).toBe('ERR_PROTOCOL_VERSION_UNSUPPORTED');
  });
});

test('G23 what _meta says about the client changes nothing', () => {
  const _meta = { ...META, 'io.modelcontextprotocol/clientInfo': { name: 'admin', version: '1' }, traceparent: '00-0-0-00', principal: 'root' };
  expect(parse({ ...CALL, params: { name: 'greet', _meta } }, MODERN)).toEqual(parse(MODERN_CALL, MODERN));
});

/**
 * The era must be the one the official SDK would serve the message in. Stricter than the SDK, by intention:
 * a claim on `initialize`; a modern header on a response; batches above 100 entries, with `initialize`, with one id
 * twice, or under any version but 2025-03-26; header versions that its transports refuse one step later; -0 and long or
 * ill-formed ids; error responses without an id; keys that look like protocol keys; calls that name no target.
 */
describe('agrees with the classifier of the official SDK', () => {
  const either = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
  const version = either<unknown>('2026-07-28', '2025-11-25', '2025-03-26', '2099-01-01', 'junk', 1, null);
  const meta = fc.oneof(
    fc.constant(META),
    fc.record({ [VERSION]: version, [CAPABILITIES]: either<unknown>({}, [], null, { experimental: 1 }), progressToken: either<unknown>(1, 'a', null) }, { requiredKeys: [] }),
    either<unknown>(null, [], 'x'),
  );
  const params = fc.oneof(fc.record({ name: either<unknown>('greet', 1, ''), uri: either<unknown>('a://b', null), _meta: meta }, { requiredKeys: [] }), either<unknown>([], null, 'x'));
  const method = either<unknown>(...METHODS.map((row) => row.method), 'unknown/method', 'roots/list', 7, null);
  const id = either<unknown>(1, 'a', null, 1.5, {}, '');
  const call = fc.record({ jsonrpc: either<unknown>('2.0', '2.0', '2.0', '1.0'), id, method, params }, { requiredKeys: [] });
  const response = fc.record({ jsonrpc: fc.constant('2.0'), id, result: either<unknown>({}, null), error: either<unknown>({ code: 1, message: 'm' }, 1) }, { requiredKeys: ['jsonrpc'] });
  const likelyModern = fc.record({ jsonrpc: fc.constant('2.0'), id: fc.constant(1), method, params: fc.record({ name: fc.constant('greet'), uri: fc.constant('a://b'), _meta: fc.constant(META) }) });
  const likelyLegacy = fc.record({ jsonrpc: fc.constant('2.0'), id: either<unknown>(1, 'a'), method, params: fc.constant({ name: 'greet', uri: 'a://b', taskId: 't', ref: { type: 'ref/prompt', name: 'p' } }) });
  const likely = fc.record({ jsonrpc: fc.constant('2.0'), method, params: fc.constant({}) });
  const one = fc.oneof(call, likelyModern, likelyModern, likelyLegacy, likely, response, either<unknown>(null, 'x', 1));
  const body = fc.oneof({ arbitrary: one, weight: 6 }, { arbitrary: fc.array(one, { maxLength: 4 }), weight: 1 });
  const headers = fc.record({
    protocolVersion: either(undefined, '2026-07-28', '2026-07-28', '2025-11-25', '2025-03-26', '2099-01-01', 'junk', ''),
    mcpMethod: either(undefined, 'tools/call', 'tools/list', ...METHODS.map((row) => row.method)),
    mcpName: either(undefined, 'greet', 'a://b', 'other'),
  });

  test('whatever is accepted here is read in the same era there, or refused there', () => {
    let accepted = 0;
    fc.assert(fc.property(body, headers, (value, sent) => {
      const theirs = classifyInboundRequest({
        httpMethod: 'POST',
        body: value,
        ...(sent.protocolVersion === undefined ? {} : { protocolVersionHeader: sent.protocolVersion }),
        ...(sent.mcpMethod === undefined ? {} : { mcpMethodHeader: sent.mcpMethod }),
        ...(sent.mcpName === undefined ? {} : { mcpNameHeader: sent.mcpName }),
      });
      let ours: Message;
      try {
        ours = parse(value, sent);
      } catch {
        denialOf(() => parse(value, sent));
        return;
      }
      accepted += 1;
      if (theirs.kind !== 'reject') expect({ value, sent, era: ours.era }).toEqual({ value, sent, era: theirs.kind });
    }), { numRuns: 5000 });
    expect(accepted).toBeGreaterThan(200);
  });

  test.each<[string, unknown, Partial<MessageHeaders>]>([
    ['a legacy call', CALL, {}],
    ['a modern call', MODERN_CALL, MODERN],
    ['a claim against the header', MODERN_CALL, { ...MODERN, protocolVersion: '2025-11-25' }],
    ['a lying Mcp-Method', MODERN_CALL, { ...MODERN, mcpMethod: 'tools/list' }],
    ['a modern header without a claim', CALL, { protocolVersion: '2026-07-28' }],
    ['a modern header with half an envelope', { ...CALL, params: { _meta: { [CAPABILITIES]: {} } } }, { protocolVersion: '2026-07-28' }],
    ['an envelope without capabilities', { ...CALL, params: { _meta: { [VERSION]: '2026-07-28' } } }, MODERN],
    ['a claim that is no string', { ...CALL, params: { _meta: { ...META, [VERSION]: 5 } } }, MODERN],
    ['initialize', { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }, {}],
    ['initialize with a modern header', { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }, { protocolVersion: '2026-07-28' }],
    ['a batch', [CALL], {}],
    ['an empty batch', [], {}],
    ['a batch with a modern element', [MODERN_CALL], {}],
    ['a batch with an invalid element', [1], {}],
    ['a legacy notification', { jsonrpc: '2.0', method: 'notifications/initialized' }, {}],
    ['a modern notification by header', { jsonrpc: '2.0', method: 'notifications/cancelled' }, { protocolVersion: '2026-07-28' }],
    ['a modern notification by claim', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { _meta: META } }, {}],
    ['a notification against its header', { jsonrpc: '2.0', method: 'x', params: { _meta: META } }, { protocolVersion: '2025-11-25' }],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, {}],
    ['no message', { jsonrpc: '2.0' }, {}],
    ['a message without jsonrpc', { id: 1, method: 'ping' }, {}],
    ['an unknown member', { ...CALL, extra: 1 }, {}],
  ])('%s: the same era, or the same error code', (_title, value, sent) => {
    const headers = { ...NO_HEADERS, ...sent };
    const theirs = classifyInboundRequest({
      httpMethod: 'POST',
      body: value,
      ...(headers.protocolVersion === undefined ? {} : { protocolVersionHeader: headers.protocolVersion }),
      ...(headers.mcpMethod === undefined ? {} : { mcpMethodHeader: headers.mcpMethod }),
    });
    if (theirs.kind === 'reject') expect(denialOf(() => parse(value, sent)).detail.rpcCode).toBe(theirs.code);
    else expect(parse(value, sent).era).toBe(theirs.kind);
  });
});

test('no input makes it throw anything but a denial', () => {
  const header = fc.option(fc.string(), { nil: undefined });
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.record({ protocolVersion: header, mcpMethod: header, mcpName: header }), (value, headers) => {
    try {
      parse(value, headers);
    } catch {
      expect(denialOf(() => parse(value, headers)).message).not.toBe('');
    }
  }));
});
