/** D and C16, as far as they concern gateway tokens: what a refusal says, where a credential may travel, what is remembered. */
import { describe, expect, test } from '@jest/globals';
import { aRawRequest, bearer, expectRefused, JSON_TYPE, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { sendRaw } from '../../kit/raw-http.ts';

const BODY = JSON.stringify(ECHO);
const HOSTILE = 'x", error="none", resource_metadata="https://evil.example';

describe('the challenge', () => {
  test.each([
    ['the token', [bearer(HOSTILE.replaceAll(' ', ''))]],
    ['the scheme', [`Authorization: ${HOSTILE}`]],
    ['the key', [`X-API-Key: ${HOSTILE}`]],
    ['a forwarded host', ['X-Forwarded-Host: evil.example', 'Forwarded: host=evil.example']],
    ['the version', [`MCP-Protocol-Version: ${HOSTILE}`]],
  ])('D5 repeats nothing of %s', async (_name, headers) => {
    const refused = await expectRefused(await guarded(), aRawRequest({ headers: [...headers, JSON_TYPE], body: BODY }), 401);
    expect(['Bearer', 'Bearer error="invalid_token"']).toContain(refused.headers['www-authenticate']);
    expect(JSON.stringify(refused.rawHeaders) + refused.text).not.toContain('evil');
  });

  test('D6 says what is lacking: 401 without error, 401 invalid_token, 403 without a challenge', async () => {
    const stranger = aToken({ name: 'bob', grants: [] });
    const running = await guarded({ tokens: [aToken(), stranger] });
    const missing = await expectRefused(running, aRawRequest({ headers: [JSON_TYPE], body: BODY }), 401);
    const wrong = await expectRefused(running, aRawRequest({ headers: [bearer('wrong'), JSON_TYPE], body: BODY }), 401);
    const lacking = await expectRefused(running, aRawRequest({ headers: [bearer(stranger.text), JSON_TYPE], body: BODY }), 403);
    expect([missing, wrong, lacking].map(({ headers }) => headers['www-authenticate'])).toEqual(['Bearer', 'Bearer error="invalid_token"', undefined]);
    expect([missing, wrong, lacking].map(refusalCode)).toEqual(['ERR_CREDENTIAL_MISSING', 'ERR_CREDENTIAL_INVALID', 'ERR_SERVER_NOT_GRANTED']);
    expect(missing.text + wrong.text + lacking.text).not.toMatch(/echo|default\/server|alice/);
  });

  test('D16 M5 holds no token, whatever was wrong with it', async () => {
    const running = await guarded();
    for (const headers of [[bearer(`${running.text}x`)], [`Authorization: Basic ${running.text}`], [`X-API-Key: ${running.text}`], [bearer(running.text), `X-API-Key: ${running.text}`]]) {
      const answer = await sendRaw(running.sidecar.port, aRawRequest({ headers: [...headers, JSON_TYPE], body: BODY }));
      expect([400, 401]).toContain(answer.status);
      expect(JSON.stringify(answer.rawHeaders) + answer.text).not.toContain(running.text.slice(13, 56));
    }
    expect(running.spy.untouched).toBe(true);
  });
});

describe('a good token in the wrong place', () => {
  test.each([
    ['the query', (text: string) => aRawRequest({ path: `/mcp?access_token=${text}`, headers: [JSON_TYPE], body: BODY }), 400],
    ['the fragment', (text: string) => aRawRequest({ path: `/mcp#access_token=${text}`, headers: [JSON_TYPE], body: BODY }), 400],
    ['the user part of the target', (text: string) => aRawRequest({ path: `http://x:${text}@localhost/mcp`, headers: [JSON_TYPE], body: BODY }), 400],
    ['a form', (text: string) => aRawRequest({ headers: ['Content-Type: application/x-www-form-urlencoded'], body: `access_token=${text}` }), 415],
    ['the body', (text: string) => aRawRequest({ headers: [JSON_TYPE], body: JSON.stringify({ ...ECHO, params: { ...ECHO.params, _meta: { authorization: `Bearer ${text}` } } }) }), 401],
    ['a cookie', (text: string) => aRawRequest({ headers: [JSON_TYPE, `Cookie: access_token=${text}; Authorization=Bearer ${text}`], body: BODY }), 401],
    ['Proxy-Authorization', (text: string) => aRawRequest({ headers: [JSON_TYPE, `Proxy-Authorization: Bearer ${text}`], body: BODY }), 401],
    ['the header of forwarded tokens', (text: string) => aRawRequest({ headers: [JSON_TYPE, `X-Forwarded-Access-Token: ${text}`], body: BODY }), 401],
    ['a subprotocol', (text: string) => aRawRequest({ headers: [JSON_TYPE, `Sec-WebSocket-Protocol: bearer, ${text}`], body: BODY }), 401],
  ])('D7 %s is refused', async (_name, request, status) => {
    const running = await guarded();
    await expectRefused(running, request(running.text), status);
  });
});

describe('what is remembered of a credential', () => {
  test('C16 is nothing that outlives a change: permissions, identity, generation and end count at once', async () => {
    const token = aToken();
    const { sidecar, spy } = await guarded({ tokens: [token] });
    const ask = async (): Promise<unknown> => {
      const answer = await sendRaw(sidecar.port, aCall(token.text, ECHO));
      return answer.status === 200 && !answer.text.includes('"error"') ? 'allowed' : refusalCode(answer);
    };
    const publish = (change: Partial<typeof token.token>): void => sidecar.publish([aBundle({ port: spy.port, tokens: [{ ...token, token: { ...token.token, ...change } }] })]);
    const [generation] = token.token.generations;
    if (generation === undefined) throw new Error('no generation');
    expect(await ask()).toBe('allowed');
    publish({ grants: [{ rule: 'narrowed', allow: { tools: ['other'], prompts: [], resources: [] } }] });
    expect(await ask()).toBe('ERR_PERMISSION_DENIED');
    publish({ identity: { ...token.token.identity, user: 'renamed' } });
    expect(await ask()).toBe('allowed');
    expect(spy.requests.at(-1)?.values('x-forwarded-user')).toEqual(['renamed']);
    publish({ generations: [{ ...generation, sha256: '0'.repeat(64) }] });
    expect(await ask()).toBe('ERR_CREDENTIAL_INVALID');
    publish({ generations: [{ ...generation, expiresAtMs: Date.now() - 1 }] });
    expect(await ask()).toBe('ERR_CREDENTIAL_INVALID');
    expect(spy.requests.length).toBe(2);
  });

  test('C16 is not shared by tokens that begin or end alike', async () => {
    const [alice, bob] = [aToken(), aToken({ name: 'bob' })];
    const running = await guarded({ tokens: [alice, bob] });
    expect((await sendRaw(running.sidecar.port, aCall(alice.text, ECHO))).status).toBe(200);
    const before = running.spy.requests.length;
    for (const text of [alice.text.slice(0, 56) + bob.text.slice(56), alice.text.slice(0, 13) + bob.text.slice(13), bob.text.slice(0, 13) + alice.text.slice(13)]) {
      expect((await sendRaw(running.sidecar.port, aCall(text, ECHO))).status).toBe(401);
    }
    expect(running.spy.requests.length).toBe(before);
  });
});
