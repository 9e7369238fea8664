import { describe, expect, test } from '@jest/globals';
import { errorResponse } from '../../../../sidecar/respond/error-response.ts';
import type { Denial } from '../../../../core/denial.ts';
import { Credential } from '../../../../sidecar/authenticate/credential.ts';
import { requireLive, verifyGatewayToken } from '../../../../sidecar/authenticate/gateway-token.ts';
import { aServer, denialOf, liveToken, NOW, presentedOf } from '../kit.ts';

const LIVE = liveToken();
const EXPIRED = liveToken({ name: 'late', expiresAtMs: NOW });
const REVOKED = liveToken({ name: 'gone', revoked: true });
const BOTH = liveToken({ name: 'both', revoked: true, expiresAtMs: NOW - 1 });
const UNKNOWN = liveToken({ name: 'stranger' });
const SERVER = aServer({ tokens: [LIVE, EXPIRED, REVOKED, BOTH] });
const refusalOf = (text: string, nowMs = NOW): Denial => denialOf(() => verifyGatewayToken(new Credential('bearer', text), SERVER, nowMs)) as Denial;

describe('a gateway token', () => {
  test('is live until the very millisecond of its expiry', () => {
    expect(verifyGatewayToken(new Credential('bearer', LIVE.text), SERVER, NOW + 59_999)).toBe(presentedOf(SERVER, LIVE));
    expect(refusalOf(LIVE.text, NOW + 60_000).code).toBe('ERR_CREDENTIAL_EXPIRED');
  });

  /** The last character of the secret, so that generation and shape stay right and only checksum or hash tell. */
  const forged = `${LIVE.text.slice(0, -8)}${LIVE.text.at(-8) === 'a' ? 'b' : 'a'}${LIVE.text.slice(-7)}`;
  test.each([
    ['unknown', UNKNOWN.text, 'ERR_CREDENTIAL_INVALID'],
    ['malformed', 'nonsense', 'ERR_CREDENTIAL_INVALID'],
    ['altered', forged, 'ERR_CREDENTIAL_INVALID'],
    ['expired', EXPIRED.text, 'ERR_CREDENTIAL_EXPIRED'],
    ['revoked', REVOKED.text, 'ERR_CREDENTIAL_REVOKED'],
    ['revoked and expired, of which revoked is what its owner did', BOTH.text, 'ERR_CREDENTIAL_REVOKED'],
  ])('that is %s is refused with a code of its own and an answer that all of them share', (_name, text, code) => {
    const denial = refusalOf(text);
    expect(denial.code).toBe(code);
    expect(errorResponse(denial, { requestId: 'r' })).toEqual(errorResponse(refusalOf(UNKNOWN.text), { requestId: 'r' }));
    expect(JSON.stringify(errorResponse(denial, { requestId: 'r' }))).not.toMatch(/EXPIRED|REVOKED/);
  });

  test('with the public id of a known generation and another secret is refused, also where the hash on file is not one', () => {
    const stolen = { ...LIVE.token, generations: [{ ...LIVE.token.generations[0]!, sha256: '0'.repeat(64) }] };
    const server = aServer({ tokens: [{ text: '', token: stolen }] });
    expect(denialOf(() => verifyGatewayToken(new Credential('bearer', LIVE.text), server, NOW))).toMatchObject({ code: 'ERR_CREDENTIAL_INVALID' });
  });

  test('requireLive accepts what is neither revoked nor expired', () => {
    expect(() => requireLive(presentedOf(SERVER, LIVE), NOW)).not.toThrow();
  });
});
