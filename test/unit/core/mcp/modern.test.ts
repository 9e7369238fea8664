import { describe, expect, test } from '@jest/globals';
import type { RequestFrame } from '../../../../core/mcp/frame.ts';
import { readFrame } from '../../../../core/mcp/frame.ts';
import type { MessageHeaders } from '../../../../core/mcp/message.ts';
import { envelopeMissing, hasModernClaim, requireModernNotification, requireModernRequest } from '../../../../core/mcp/modern.ts';
import { denialOf } from '../kit.ts';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const META = { [VERSION]: '2026-07-28', [CAPABILITIES]: {} };
const HEADERS: MessageHeaders = { protocolVersion: '2026-07-28', mcpMethod: 'tools/call', mcpName: 'greet' };

function aCall(name = 'greet'): RequestFrame {
  return { kind: 'request', id: 7, method: 'tools/call', params: { name, _meta: META }, meta: META };
}

const accepted = (frame: RequestFrame, meta: Readonly<Record<string, unknown>>, headers: Partial<MessageHeaders>): void => {
  expect(() => { requireModernRequest(frame, meta, { ...HEADERS, ...headers }); }).not.toThrow();
};
const refused = (meta: Readonly<Record<string, unknown>>, headers: Partial<MessageHeaders>, frame = aCall()): unknown => {
  const { code, message, detail } = denialOf(() => { requireModernRequest(frame, meta, { ...HEADERS, ...headers }); });
  return [code, message, detail];
};

test('accepts a request whose headers repeat its body', () => {
  accepted(aCall(), META, {});
});

describe('G18 and G19 the headers of a modern request', () => {
  test.each<[string, Partial<MessageHeaders>, string]>([
    ['no version', { protocolVersion: undefined }, 'The header MCP-Protocol-Version is missing'],
    ['an older version', { protocolVersion: '2025-11-25' }, 'The header MCP-Protocol-Version and the body disagree'],
    ['no method', { mcpMethod: undefined }, 'The header Mcp-Method is missing'],
    ['another method', { mcpMethod: 'tools/list' }, 'The header Mcp-Method and the body disagree'],
    ['the method in another case', { mcpMethod: 'Tools/Call' }, 'The header Mcp-Method and the body disagree'],
    ['two methods', { mcpMethod: 'tools/call, tools/call' }, 'The header Mcp-Method and the body disagree'],
    ['no name', { mcpName: undefined }, 'The header Mcp-Name is missing'],
    ['another name', { mcpName: 'secret' }, 'The header Mcp-Name and the body disagree'],
    ['the name in another case', { mcpName: 'Greet' }, 'The header Mcp-Name and the body disagree'],
    ['a broken encoding', { mcpName: '=?base64?Z3JlZXQ?=' }, 'The header Mcp-Name is not encoded as the protocol prescribes'],
    ['an encoding with spare bits', { mcpName: '=?base64?Z3JlZXR=?=' }, 'The header Mcp-Name is not encoded as the protocol prescribes'],
    ['an encoding of what is not UTF-8', { mcpName: '=?base64?/w==?=' }, 'The header Mcp-Name is not encoded as the protocol prescribes'],
    ['the marker in upper case', { mcpName: '=?BASE64?Z3JlZXQ=?=' }, 'The header Mcp-Name and the body disagree'],
  ])('%s: 400 with -32020', (_title, headers, message) => {
    expect(refused(META, headers)).toEqual(['ERR_HEADER_MISMATCH', message, { rpcId: 7, rpcCode: -32020 }]);
  });

  test('may encode the name', () => {
    accepted(aCall('grüß 日本'), META, { mcpName: `=?base64?${Buffer.from('grüß 日本').toString('base64')}?=` });
    accepted(aCall(''), META, { mcpName: '=?base64??=' });
  });

  test('Mcp-Name mirrors the uri of resources/read and is ignored where the protocol mirrors nothing', () => {
    const frame = (method: string): RequestFrame => ({ ...aCall(), method, params: { uri: 'a://b' } });
    accepted(frame('resources/read'), META, { mcpMethod: 'resources/read', mcpName: 'a://b' });
    accepted(frame('tools/list'), META, { mcpMethod: 'tools/list', mcpName: 'lie' });
    expect(refused(META, { mcpMethod: 'resources/read', mcpName: 'a://c' }, frame('resources/read'))).toMatchObject(['ERR_HEADER_MISMATCH', {}, {}]);
  });
});

describe('the envelope of a modern request', () => {
  test.each([
    [{ [VERSION]: '2026-07-28' }, { missing: [CAPABILITIES] }],
    [{ [VERSION]: 20260728, [CAPABILITIES]: {} }, { key: VERSION, problem: 'wrong type' }],
    [{ [VERSION]: '2026-07-28', [CAPABILITIES]: [] }, { key: CAPABILITIES, problem: 'wrong type' }],
  ])('%j: -32602', (meta, envelope) => {
    expect(refused(meta, {})).toMatchObject(['ERR_REQUEST_MALFORMED', {}, { rpcId: 7, rpcCode: -32602, rpcData: { envelope } }]);
  });

  test.each(['2026-07-29', '2025-11-25', '', 'x'.repeat(1000)])('a version that is not known (%#): -32022 with what is', (version) => {
    expect(refused({ ...META, [VERSION]: version }, { protocolVersion: version })).toEqual([
      'ERR_PROTOCOL_VERSION_UNSUPPORTED',
      'The protocol version is not supported here',
      { rpcId: 7, rpcCode: -32022, rpcData: { supported: ['2026-07-28'], requested: version.slice(0, 64) } },
    ]);
  });

  test('names what a request without a claim lacks', () => {
    expect(envelopeMissing(undefined, 1).detail.rpcData).toEqual({ envelope: { missing: ['_meta'] } });
    expect(envelopeMissing({}, 1).detail.rpcData).toEqual({ envelope: { missing: [VERSION, CAPABILITIES] } });
  });

  test('is claimed by the version key alone', () => {
    expect(hasModernClaim({ [VERSION]: null })).toBe(true);
    expect(hasModernClaim({ [CAPABILITIES]: {} })).toBe(false);
    expect(hasModernClaim(undefined)).toBe(false);
  });
});

describe('a modern notification', () => {
  const read = (params: object, headers: Partial<MessageHeaders>): unknown => {
    const frame = readFrame({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    if (frame.kind !== 'notification') throw new TypeError('no notification');
    requireModernNotification(frame, { protocolVersion: undefined, mcpMethod: undefined, mcpName: undefined, ...headers });
    return 'accepted';
  };

  test('needs no headers when it claims its revision, and no claim when the header names it', () => {
    expect(read({ _meta: { [VERSION]: '2026-07-28' } }, {})).toBe('accepted');
    expect(read({}, { protocolVersion: '2026-07-28', mcpMethod: 'notifications/cancelled' })).toBe('accepted');
  });

  test.each<[object, Partial<MessageHeaders>, number]>([
    [{ _meta: { [VERSION]: '2026-07-28' } }, { protocolVersion: '2025-11-25' }, -32020],
    [{ _meta: { [VERSION]: '2026-07-28' } }, { mcpMethod: 'tools/call' }, -32020],
    [{}, { protocolVersion: '2026-07-28', mcpMethod: 'tools/call' }, -32020],
    [{}, { protocolVersion: '2099-01-01' }, -32022],
    [{ _meta: { [VERSION]: '2025-11-25' } }, {}, -32022],
    [{ _meta: { [VERSION]: 1 } }, {}, -32602],
  ])('%j with %j is refused with %d', (params, headers, rpcCode) => {
    const { detail } = denialOf(() => read(params, headers));
    expect(detail).toMatchObject({ rpcCode });
    expect(Object.hasOwn(detail, 'rpcId')).toBe(false);
  });
});
