import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Identity, Principal } from '../../../../core/principal.ts';
import { isManagedHeader } from '../../../../sidecar/proxy/managed-headers.ts';
import { prepareIdentityHeaders } from '../../../../sidecar/proxy/identity-headers.ts';

const NOBODY: Identity = { user: 'ci-bot', groups: [], roles: [], attributes: {} };

function aPrincipal(identity: Partial<Identity> = {}): Principal {
  const whole = { ...NOBODY, ...identity };
  return {
    issuer: 'gateway-tokens/tools', subject: whole.user, from: 'gatewayTokens', method: 'bearer', identity: whole,
    credential: { uid: 'u-1', name: 'tools/ci-bot', generation: 'k7Qd2mXa', expiresAtMs: 1 },
  };
}

function headersOf(identity: Partial<Identity> = {}, forwarded: readonly string[] = []): Record<string, string> {
  const flat = prepareIdentityHeaders(aPrincipal(identity), forwarded) ?? [];
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}

describe('identity headers', () => {
  test('A1 name every claim once', () => {
    const identity = {
      email: 'ci@example.com', displayName: 'CI bot', team: 'platform', organization: 'example', groups: ['ci', 'build'], roles: ['reader'],
      attributes: { costCenter: '42', secret: 'no' },
    };
    expect(headersOf(identity, ['costCenter', 'absent'])).toEqual({
      'x-forwarded-user': 'ci-bot', 'x-forwarded-email': 'ci@example.com', 'x-forwarded-preferred-username': 'ci-bot',
      'x-forwarded-groups': 'ci,build', 'x-mcp-gateway-issuer': 'gateway-tokens/tools', 'x-mcp-gateway-name': 'CI bot',
      'x-mcp-gateway-team': 'platform', 'x-mcp-gateway-organization': 'example', 'x-mcp-gateway-roles': 'reader',
      'x-mcp-gateway-attributes': 'costCenter=42', 'x-mcp-gateway-auth-method': 'bearer', 'x-mcp-gateway-credential-id': 'k7Qd2mXa',
    });
  });

  test('A1 are absent where the claim is missing or empty', () => {
    const expected = [
      'x-forwarded-user', 'x-forwarded-preferred-username', 'x-mcp-gateway-issuer', 'x-mcp-gateway-auth-method', 'x-mcp-gateway-credential-id',
    ];
    expect(Object.keys(headersOf())).toEqual(expected);
    const empty = { email: '', displayName: '', team: '', organization: '', groups: ['', ''], roles: [''] };
    expect(Object.keys(headersOf(empty))).toEqual(expected);
  });

  test('are all in the managed namespace, so that none is ever copied from a client', () => {
    const identity = { email: 'a', displayName: 'a', team: 'a', organization: 'a', groups: ['a'], roles: ['a'], attributes: { a: 'a' } };
    expect(Object.keys(headersOf(identity, ['a'])).filter((name) => !isManagedHeader(name.toLowerCase()))).toEqual([]);
  });

  test.each([
    ['a\r\nX-Forwarded-User: root', 'a%0D%0AX-Forwarded-User: root'],
    ['nul\u0000', 'nul%00'],
    ['100%', '100%25'],
    ['%0a', '%250a'],
    ['Zoë', 'Zo%C3%AB'],
    ['😀', '%F0%9F%98%80'],
    ['\u007f', '%7F'],
    [' padded  ', '%20padded%20%20'],
    ['two words', 'two words'],
    ['\ud800', '%EF%BF%BD'],
    ['a,b;c=d', 'a,b;c=d'],
  ])('A11 encode the claim %j as %s', (text, encoded) => {
    expect(headersOf({ displayName: text })['x-mcp-gateway-name']).toBe(encoded);
  });

  test('A11 never gain a group, a role or an attribute from the text of one', () => {
    expect(headersOf({ groups: ['a,admin', 'b%2Cadmin'] })['x-forwarded-groups']).toBe('a%2Cadmin,b%252Cadmin');
    expect(headersOf({ attributes: { 'a=b': 'x;role=admin,y' } }, ['a=b'])['x-mcp-gateway-attributes']).toBe('a%3Db=x%3Brole%3Dadmin%2Cy');
  });

  test('take attributes from the principal itself, never from a prototype', () => {
    expect(headersOf({}, ['constructor', 'toString', '__proto__'])['x-mcp-gateway-attributes']).toBeUndefined();
  });

  test('A11 are refused as a whole beyond 8 KiB, never cut short', () => {
    expect(prepareIdentityHeaders(aPrincipal({ displayName: 'x'.repeat(7_000) }), [])).toBeDefined();
    expect(prepareIdentityHeaders(aPrincipal({ displayName: 'x'.repeat(65_536) }), [])).toBeUndefined();
    expect(prepareIdentityHeaders(aPrincipal({ displayName: 'é'.repeat(1_500) }), [])).toBeUndefined();
  });

  test('A11 decode to the very claims, and hold printable ASCII only', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 4 }), fc.dictionary(text, text, { maxKeys: 3 }), (displayName, groups, attributes) => {
        const headers = headersOf({ displayName, groups, attributes }, Object.keys(attributes));
        for (const value of Object.values(headers)) expect(value).toMatch(/^[!-~](?:[ -~]*[!-~])?$/);
        expect(decodeURIComponent(headers['x-mcp-gateway-name'] ?? '')).toBe(displayName);
        const sent = headers['x-forwarded-groups'];
        expect((sent?.split(',') ?? []).map(decodeURIComponent)).toEqual(groups.filter((group) => group !== ''));
        const pairs = headers['x-mcp-gateway-attributes']?.split(';') ?? [];
        expect(pairs.map((pair) => pair.split('=').map(decodeURIComponent))).toEqual(Object.entries(attributes));
      }),
    );
  });
});
