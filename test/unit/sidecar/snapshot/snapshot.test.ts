import { describe, expect, test } from '@jest/globals';
import { buildSnapshot, findRoute } from '../../../../sidecar/snapshot/snapshot.ts';
import type { ServedBundle } from '../../../../sidecar/snapshot/snapshot.ts';
import { aBundle } from '../../../kit/bundles.ts';
import { aServer, liveToken, presentedOf } from '../kit.ts';

const served = (settings: Partial<Parameters<typeof aBundle>[0]> & { endpoints?: ServedBundle['bundle']['endpoints'] } = {}): ServedBundle => {
  const { endpoints, ...rest } = settings;
  const bundle = aBundle({ port: 1, ...rest });
  return { bundle: endpoints === undefined ? bundle : { ...bundle, endpoints }, upstreamHeaders: [] };
};
const labelAt = (snapshot: ReturnType<typeof buildSnapshot>, host: string, path: string): string | undefined => {
  const route = findRoute(snapshot, host, path);
  return route?.kind === 'served' ? route.server.label : route?.kind === 'refused' ? `refused ${route.label}` : undefined;
};

describe('a route', () => {
  const snapshot = buildSnapshot(
    [served({ name: 'a', path: '/a/mcp' }), served({ name: 'b', endpoints: [{ host: 'mcp.example.com', path: '/a/mcp' }, { host: 'mcp.example.com:8443', path: '/b' }] })],
    [{ label: 'default/c', path: '/c/mcp' }],
  );
  test.each([
    ['any', '/a/mcp', 'default/a'],
    ['mcp.example.com', '/a/mcp', 'default/b'],
    ['mcp.example.com:8443', '/b', 'default/b'],
    ['mcp.example.com', '/b', undefined],
    ['any', '/b', undefined],
    ['any', '/A/mcp', undefined],
    ['any', '/a/mcp/', undefined],
    ['any', '/a', undefined],
    ['any', '//a/mcp', undefined],
    ['any', '/%61/mcp', undefined],
    ['any', '/c/mcp', 'refused default/c'],
    ['mcp.example.com', '/c/mcp', 'refused default/c'],
    ['', '/', undefined],
  ])('%s %s leads to %s', (host, path, label) => {
    expect(labelAt(snapshot, host, path)).toBe(label);
  });

  test('of a refused server is never that of another, and a served one wins over its own refusal', () => {
    expect(labelAt(buildSnapshot([served({ name: 'c', path: '/c/mcp' })], [{ label: 'default/c', path: '/c/mcp' }]), 'any', '/c/mcp')).toBe('default/c');
  });

  test('admits the hosts of public URLs and no other', () => {
    expect([...snapshot.hosts].sort()).toEqual(['mcp.example.com', 'mcp.example.com:8443']);
  });
});

describe('a snapshot', () => {
  test('knows every header in which some server takes API keys', () => {
    const snapshot = buildSnapshot([served({ name: 'a', apiKeyHeader: 'x-a' }), served({ name: 'b', apiKeyHeader: 'x-b' })], []);
    expect([...snapshot.apiKeyHeaders].sort()).toEqual(['x-a', 'x-b']);
  });

  test('has a revision that goes by its bundles, in whatever order they come', () => {
    const [a, b, c] = [served({ name: 'a' }), served({ name: 'b' }), served({ name: 'b' })];
    expect(buildSnapshot([a, b], []).revision).toBe(buildSnapshot([b, a], []).revision);
    expect(buildSnapshot([a, b], []).revision).not.toBe(buildSnapshot([a, c], []).revision);
    expect(buildSnapshot([], []).revision).toMatch(/^[0-9a-f]{64}$/);
  });

  test('keeps a missing credential of the upstream missing', () => {
    const snapshot = buildSnapshot([{ ...served(), upstreamHeaders: undefined }], []);
    expect([...snapshot.servers.values()].map(({ upstreamHeaders }) => upstreamHeaders)).toEqual([undefined]);
  });

  test('holds each generation with its principal, hash and headers', () => {
    const token = liveToken({ name: 'bot', namespace: 'tools', type: 'APIKey' });
    const server = aServer({ tokens: [token, liveToken()] });
    const presented = presentedOf(server, token);
    expect(server.generations.size).toBe(2);
    expect(presented.sha256.toString('hex')).toBe(token.token.generations[0]?.sha256);
    expect(presented.principal).toMatchObject({ issuer: 'gateway-tokens/tools', subject: 'bot', method: 'api-key', from: 'gatewayTokens', credential: { name: 'tools/bot', uid: token.token.uid } });
    expect(presented.identityHeaders).toEqual(expect.arrayContaining(['x-forwarded-user', 'bot', 'x-mcp-gateway-issuer', 'gateway-tokens/tools']));
  });

  test('says that an identity is too large rather than cutting it', () => {
    const token = liveToken({ identity: { displayName: 'x'.repeat(9000) } });
    expect(presentedOf(aServer({ tokens: [token] }), token).identityHeaders).toBeUndefined();
  });

  describe('that follows another', () => {
    const [kept, changed] = [liveToken({ name: 'kept', identity: { attributes: { site: 'x' } } }), liveToken({ name: 'changed' })];
    const revoked = { ...changed, token: { ...changed.token, revoked: true } };
    const settings = { name: 'a', tokens: [kept, changed], forwardedAttributes: ['site'] };
    const before = buildSnapshot([served(settings)], []);
    const generationsOf = (snapshot: typeof before) => [...snapshot.servers.values()].flatMap(({ generations }) => [...generations.values()]);

    test('has what was made for the same tokens, and makes it anew for others', () => {
      const next = served({ ...settings, tokens: [kept, revoked] });
      const after = buildSnapshot([next], [], before);
      expect(generationsOf(after)[0]).toBe(generationsOf(before)[0]);
      expect(generationsOf(after).map(({ token }) => token.revoked)).toEqual([false, true]);
      expect(after).toEqual(buildSnapshot([next], []));
    });

    test('makes all anew where other attributes are forwarded', () => {
      const next = served({ ...settings, forwardedAttributes: [] });
      expect(buildSnapshot([next], [], before)).toEqual(buildSnapshot([next], []));
      expect(generationsOf(buildSnapshot([next], [], before))[0]?.identityHeaders).not.toEqual(generationsOf(before)[0]?.identityHeaders);
    });

    test('has nothing of a token that is gone', () => {
      expect(generationsOf(buildSnapshot([served({ ...settings, tokens: [kept] })], [], before)).map(({ token }) => token.name)).toEqual(['kept']);
    });
  });

  test('is not made with a session key of another length', () => {
    expect(() => aServer({ sessionKey: 'c2hvcnQ' })).toThrow(TypeError);
  });
});
