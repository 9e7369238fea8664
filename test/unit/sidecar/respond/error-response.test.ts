import { describe, expect, test } from '@jest/globals';
import type { DenialCode } from '../../../../core/denial.ts';
import { Denial, DENIAL_CODES } from '../../../../core/denial.ts';
import { errorResponse } from '../../../../sidecar/respond/error-response.ts';

/** code: status, JSON-RPC code, headers beside the common ones. */
const TABLE: Readonly<Record<DenialCode, readonly [status: number, rpcCode: number, ...headers: string[]]>> = {
  ERR_REQUEST_MALFORMED: [400, -32600],
  ERR_HEADER_MISMATCH: [400, -32020],
  ERR_PROTOCOL_VERSION_UNSUPPORTED: [400, -32022],
  ERR_CREDENTIAL_AMBIGUOUS: [400, -31400],
  ERR_CREDENTIAL_MISSING: [401, -31401, 'WWW-Authenticate', 'Bearer'],
  ERR_CREDENTIAL_INVALID: [401, -31401, 'WWW-Authenticate', 'Bearer error="invalid_token"'],
  ERR_CREDENTIAL_EXPIRED: [401, -31401, 'WWW-Authenticate', 'Bearer error="invalid_token"'],
  ERR_CREDENTIAL_REVOKED: [401, -31401, 'WWW-Authenticate', 'Bearer error="invalid_token"'],
  ERR_IDENTITY_CHANGED: [503, -31503, 'Retry-After', '1'],
  ERR_SERVER_NOT_GRANTED: [403, -31403],
  ERR_PERMISSION_DENIED: [403, -31403],
  ERR_METHOD_UNKNOWN: [404, -32601],
  ERR_SESSION_UNKNOWN: [404, -31404],
  ERR_SESSION_HOLDER_UNREACHABLE: [404, -31404],
  ERR_HOST_FORBIDDEN: [403, -31403],
  ERR_ORIGIN_FORBIDDEN: [403, -31403],
  ERR_PATH_UNKNOWN: [404, -31404],
  ERR_HTTP_METHOD_NOT_ALLOWED: [405, -31405, 'Allow', 'GET, POST, DELETE, OPTIONS'],
  ERR_BODY_TOO_LARGE: [413, -31413],
  ERR_MEDIA_TYPE_UNSUPPORTED: [415, -31415],
  ERR_SNAPSHOT_UNAVAILABLE: [503, -31503, 'Retry-After', '5'],
  ERR_SERVER_NOT_ACCEPTED: [503, -31503, 'Retry-After', '30'],
  ERR_UPSTREAM_CREDENTIAL_MISSING: [503, -31503, 'Retry-After', '30'],
  ERR_UPSTREAM_UNREACHABLE: [502, -31502],
  ERR_UPSTREAM_RESPONSE_INVALID: [502, -31502],
  ERR_UPSTREAM_CREDENTIAL_REFUSED: [502, -31502],
  ERR_UPSTREAM_TIMEOUT: [504, -31504],
  ERR_SHUTTING_DOWN: [503, -31503, 'Retry-After', '1'],
  ERR_INTERNAL: [500, -32603],
};
const COMMON = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];
const HIDDEN: Readonly<Partial<Record<DenialCode, DenialCode>>> = {
  ERR_CREDENTIAL_EXPIRED: 'ERR_CREDENTIAL_INVALID', ERR_CREDENTIAL_REVOKED: 'ERR_CREDENTIAL_INVALID', ERR_SESSION_HOLDER_UNREACHABLE: 'ERR_SESSION_UNKNOWN',
};
/** What the protocols themselves define within their reserved range. */
const PROTOCOL_CODES = [-32600, -32601, -32603, -32020, -32022];

describe('the answer to a denial', () => {
  test.each(DENIAL_CODES)('%s is the one in the table, for a request that named no id', (code) => {
    const [status, rpcCode, ...headers] = TABLE[code];
    const answer = errorResponse(new Denial(code, 'No.'), { requestId: 'r-1' });
    expect([answer.status, answer.headers]).toEqual([status, [...COMMON, ...headers]]);
    expect(JSON.parse(answer.body)).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: rpcCode, message: 'No.', data: { code: HIDDEN[code] ?? code, requestId: 'r-1' } },
    });
    expect(PROTOCOL_CODES.includes(rpcCode) || rpcCode > -32000 || rpcCode < -32768).toBe(true);
  });

  test.each(DENIAL_CODES)('%s keeps its status for a request with an id, unless it is the refusal of one call', (code) => {
    const statusIn = (era: 'legacy' | 'modern'): number => errorResponse(new Denial(code, 'No.', { rpcId: 7 }), { requestId: 'r', era }).status;
    const [status] = TABLE[code];
    expect(statusIn('modern')).toBe(code === 'ERR_PERMISSION_DENIED' ? 200 : status);
    expect(statusIn('legacy')).toBe(code === 'ERR_PERMISSION_DENIED' || code === 'ERR_METHOD_UNKNOWN' ? 200 : status);
  });

  test.each([[0], [''], ['seven'], [-1.5]])('repeats the id %j', (rpcId) => {
    const { status, body } = errorResponse(new Denial('ERR_PERMISSION_DENIED', 'No.', { rpcId }), { requestId: 'r' });
    expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ id: rpcId })]);
  });

  test('uses the code and the data that the protocol prescribes', () => {
    const denial = new Denial('ERR_PROTOCOL_VERSION_UNSUPPORTED', 'No.', { rpcCode: -32004, rpcData: { supported: ['a'] } });
    expect(JSON.parse(errorResponse(denial, { requestId: 'r' }).body)).toMatchObject({ error: { code: -32004, data: { supported: ['a'] } } });
  });

  test('shows neither cause nor rule', () => {
    const denial = new Denial('ERR_PERMISSION_DENIED', 'No.', { cause: new Error('secret-cause'), rule: 'secret-rule' });
    expect(JSON.stringify(errorResponse(denial, { requestId: 'r' }))).not.toContain('secret');
  });
});
