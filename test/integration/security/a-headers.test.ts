/** Section A: identity headers and forwarding. What a client, or the upstream, must not be able to say for us. */
import { describe, expect, test } from '@jest/globals';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { sendRaw } from '../../kit/raw-http.ts';
import { answerBytes, answerJson, answerRedirect } from '../../kit/spy-scripts.ts';
import type { SpyRequest } from '../../kit/spy-scripts.ts';
import { aRequest, refuses, stillServes } from './attacks.ts';

/** Of every family of headers by which some proxy vouches for an identity, an address or a route. */
const MANAGED = [
  'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username', 'X-Forwarded-Access-Token',
  'X-Forwarded-For', 'X-Forwarded-Uri', 'X-Forwarded-Method', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Prefix',
  'X-Forwarded-Port', 'X-Forwarded-Client-Cert', 'Forwarded', 'X-Real-IP', 'X-Original-URL', 'X-Rewrite-URL',
  'X-MCP-Gateway-Issuer', 'X-MCP-Gateway-Name', 'X-MCP-Gateway-Team', 'X-MCP-Gateway-Organization', 'X-MCP-Gateway-Roles',
  'X-MCP-Gateway-Attributes', 'X-MCP-Gateway-Auth-Method', 'X-MCP-Gateway-Credential-Id', 'X-MCP-Gateway-Request-Id',
  'X-MCP-Gateway-Assertion', 'X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Groups', 'Remote-User', 'Remote-Groups',
  'X-Pomerium-Jwt-Assertion', 'X-Pomerium-Claim-Email', 'X-Goog-IAP-JWT-Assertion', 'X-Goog-Authenticated-User-Email',
  'Tailscale-User-Login', 'Teleport-Jwt-Assertion', 'Cf-Access-Jwt-Assertion', 'Cf-Access-Authenticated-User-Email',
  'Client-Cert', 'Client-Cert-Chain', 'SSL-Client-S-DN', 'SSL-Client-Verify', 'X-Amzn-Oidc-Identity', 'X-Amzn-Oidc-Data',
  'X-MS-Client-Principal', 'X-MS-Client-Principal-Name', 'kubeflow-userid', 'kubeflow-groups',
] as const;
const FORGED = 'mallory';
const EVERY_CLAIM = {
  user: 'alice', email: 'alice@example.com', displayName: 'Alice', team: 'tools', organization: 'example', groups: ['dev'], roles: ['reader'],
  attributes: { site: 'north' },
} as const;

function rawText(request: SpyRequest): string {
  return request.raw.toString('latin1');
}

describe('what a client says of itself', () => {
  test.each(MANAGED)('A1 replaces or removes a client copy of %s, in any case', async (name) => {
    const token = aToken({ identity: EVERY_CLAIM });
    const { spy, sidecar } = await guarded({ tokens: [token], bundle: { forwardedAttributes: ['site'] } });
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      await sendRaw(sidecar.port, aCall(token.text, ECHO, [`${spelling}: ${FORGED}`, `${spelling}: ${FORGED}`]));
    }
    for (const request of spy.requests) {
      expect(rawText(request)).not.toContain(FORGED);
      expect(request.values(name.toLowerCase()).length).toBeLessThanOrEqual(1);
    }
    expect(spy.requests).toHaveLength(3);
  });

  test('A1 leaves a header out whose claim is missing, so that no client copy fills the gap', async () => {
    const { spy, sidecar, text } = await guarded();
    await sendRaw(sidecar.port, aCall(text, ECHO, MANAGED.map((name) => `${name}: ${FORGED}`)));
    const request = await spy.request(0);
    const managed = request.rawHeaders.map(([name]) => name.toLowerCase()).filter((name) => MANAGED.some((each) => each.toLowerCase() === name));
    expect(managed.sort()).toEqual([
      'x-forwarded-preferred-username', 'x-forwarded-user', 'x-mcp-gateway-auth-method', 'x-mcp-gateway-credential-id',
      'x-mcp-gateway-issuer', 'x-mcp-gateway-request-id',
    ]);
    expect(request.values('x-forwarded-user')).toEqual(['alice']);
  });

  test.each(['GET', 'DELETE'])('A2 strips the same from a %s, which has no message to judge', async (method) => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerJson(undefined, { headers: { 'Mcp-Session-Id': 'upstream-session' } }));
    const session = (await sendRaw(sidecar.port, aCall(text, ECHO))).headers['mcp-session-id'] ?? '';
    const lines = [`Mcp-Session-Id: ${session}`, ...MANAGED.map((name) => `${name}: ${FORGED}`)];
    expect((await sendRaw(sidecar.port, aRequest(text, `${method} /mcp HTTP/1.1`, lines))).status).toBe(200);
    expect(rawText(await spy.request(1))).not.toContain(FORGED);
  });

  test('A2 answers a preflight itself: no forged header reaches the upstream or comes back', async () => {
    const running = await guarded({ allowedOrigins: ['https://app.example'] });
    const lines = ['Origin: https://app.example', 'Access-Control-Request-Method: POST', ...MANAGED.map((name) => `${name}: ${FORGED}`)];
    const answer = await refuses(running, aRequest(running.text, 'OPTIONS /mcp HTTP/1.1', lines), 204);
    expect(JSON.stringify(answer.rawHeaders)).not.toContain(FORGED);
  });

  const separators = ['_', '.', '!', '#', '$', '%', '&', "'", '*', '+', '^', '`', '|', '~'];
  const folded = ['X-Forwarded-User', 'X-MCP-Gateway-Roles', 'Remote-User', 'Client-Cert', 'Mcp-Session-Id', 'Mcp-Name', 'Content-Length', 'X-API-Key'];
  test.each(separators.flatMap((separator) => folded.map((name) => [name.replaceAll('-', separator)])))(
    'A3 A4 refuses %s, which servers fold to a name that means something',
    async (name) => {
      const running = await guarded();
      await refuses(running, aCall(running.text, ECHO, [`${name}: 0`]), 400);
    },
  );

  test.each(['X-Forwarded_User', 'x_forwarded-user', 'X_FORWARDED-USER', 'x-forwarded_USER', 'X__Forwarded-User'])(
    'A3 refuses the mixed spelling %s, or forwards nothing of it',
    async (name) => {
      const { spy, sidecar, text } = await guarded();
      const { status } = await sendRaw(sidecar.port, aCall(text, ECHO, [`${name}: ${FORGED}`]));
      if (status === 200) expect(rawText(await spy.request(0))).not.toContain(FORGED);
      else expect([status, spy.untouched]).toEqual([400, true]);
    },
  );

  test.each([
    ['a space before the colon', 'X-Forwarded-User : mallory'],
    ['a tab before the colon', 'X-Forwarded-User\t: mallory'],
    ['a leading space', ' X-Forwarded-User: mallory'],
    ['no colon', 'X-Forwarded-User'],
    ['no name', ': mallory'],
    ['a NUL in the name', 'X-Forwarded\0User: mallory'],
    ['a byte beyond ASCII in the name', 'X-Forwarded-Us\u00e9r: mallory'],
    ['a CR in the value', 'X-Other: a\rX-Forwarded-User: mallory'],
    ['a NUL in the value', 'X-Other: a\0b'],
  ])('A4 refuses a header line with %s', async (_what, line) => {
    const running = await guarded();
    await refuses(running, Buffer.from(aCall(running.text, ECHO, [line]), 'latin1'), 400);
  });

  test('A4 forwards nothing of a header with a name of two thousand characters', async () => {
    const { spy, sidecar, text } = await guarded();
    await sendRaw(sidecar.port, aCall(text, ECHO, [`X-Forwarded-User-${'a'.repeat(2000)}: ${FORGED}`]));
    expect(rawText(await spy.request(0))).not.toContain(FORGED);
  });

  test.each([
    ['as it is', ['Connection: X-Forwarded-User, X-MCP-Gateway-Issuer, Authorization']],
    ['in lower case', ['connection: x-forwarded-user,x-mcp-gateway-issuer,authorization']],
    ['with spaces and tabs', ['Connection:  X-Forwarded-User \t,\t X-MCP-Gateway-Issuer ,, Authorization']],
    ['on two lines', ['Connection: X-Forwarded-User', 'Connection: X-MCP-Gateway-Issuer, Authorization']],
    ['behind keep-alive', ['Connection: keep-alive, X-Forwarded-User, X-MCP-Gateway-Issuer, Authorization']],
  ])('A5 keeps our headers when Connection nominates them %s', async (_how, lines) => {
    const upstreamHeaders = [{ name: 'authorization', value: 'Bearer upstream-secret', reference: 'secret/pat#token' }];
    const { spy, sidecar, text } = await guarded({ upstreamHeaders });
    expect((await sendRaw(sidecar.port, aCall(text, ECHO, lines))).status).toBe(200);
    const request = await spy.request(0);
    expect(request.values('x-forwarded-user')).toEqual(['alice']);
    expect(request.values('x-mcp-gateway-issuer')).toHaveLength(1);
    expect(request.values('authorization')).toEqual(['Bearer upstream-secret']);
    expect(request.values('connection').join().toLowerCase()).not.toContain('forwarded');
  });

  test.each(['Mcp-Name', 'mcp-session-id', 'MCP-Protocol-Version', 'Content-Type', 'Content-Length', 'Host', 'Last-Event-ID', 'Mcp-Param-Region'])(
    'A5 refuses a Connection header that nominates %s, by which the call was judged',
    async (name) => {
      const running = await guarded();
      await refuses(running, aCall(running.text, ECHO, [`Connection: close, ${name}`]), 400);
    },
  );

  test.each([
    ['another path', ['X-Original-URL: /mcp', 'X-Rewrite-URL: /mcp', 'X-Forwarded-Uri: /mcp', 'X-Forwarded-Prefix: /mcp'], 'POST /admin HTTP/1.1', 404],
    ['another method', ['X-Forwarded-Method: POST'], 'PUT /mcp HTTP/1.1', 405],
  ])('A6 is not talked into %s', async (_what, lines, line, status) => {
    const running = await guarded();
    await refuses(running, aRequest(running.text, line, ['Content-Type: application/json', 'Content-Length: 2', ...lines], '{}'), status);
  });

  test('A6 does not take the host from X-Forwarded-Host', async () => {
    const running = await guarded();
    const bytes = aCall(running.text, ECHO, ['X-Forwarded-Host: localhost', 'Forwarded: host=localhost']).replace('Host: localhost\r\n', 'Host: evil.example\r\n');
    await refuses(running, bytes, 403);
  });

  test.each(['127.0.0.1', '10.0.0.1, 127.0.0.1', '127.0.0.1, 10.0.0.1', '::ffff:127.0.0.1', 'unix:', '"[::1]:80"'])(
    'A7 puts the peer of the connection on record, not X-Forwarded-For: %s',
    async (value) => {
      const { spy, sidecar, text } = await guarded();
      await sendRaw(sidecar.port, aCall(text, ECHO, [`X-Forwarded-For: 192.0.2.7, ${value}, 192.0.2.7`, `Forwarded: for=192.0.2.7`, 'X-Real-IP: 192.0.2.7']));
      const record = await sidecar.audited(({ outcome }) => outcome === 'allowed');
      expect(record).toMatchObject({ http: { peer: '127.0.0.1' } });
      expect(rawText(await spy.request(0))).not.toContain('192.0.2.7');
    },
  );

  test.each(['X-Forwarded-Client-Cert: Hash=1;URI=spiffe://td/ns/a', 'Client-Cert: :MIIB:', 'SSL-Client-S-DN: CN=admin', 'SSL-Client-Verify: SUCCESS', 'X-SSL-Client-CN: admin'])(
    'A8 forwards no certificate that a client claims: %s',
    async (line) => {
      const { spy, sidecar, text } = await guarded();
      await sendRaw(sidecar.port, aCall(text, ECHO, [line]));
      expect(rawText(await spy.request(0))).not.toContain(line.slice(line.indexOf(' ') + 1));
    },
  );

  test.each(['kube-probe/1.34', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0', 'Prometheus/3.0', 'Envoy/HC'])(
    'A13 lets no %s in without a credential',
    async (agent) => {
      const running = await guarded();
      for (const line of ['GET /mcp HTTP/1.1', 'POST /mcp HTTP/1.1']) {
        const bytes = `${line}\r\nHost: localhost\r\nUser-Agent: ${agent}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n`;
        await refuses(running, bytes, 401);
      }
    },
  );
});

describe('credentials of clients', () => {
  const evil = aToken({ name: 'evil' });
  test.each([
    ['good, evil', (good: string) => [`Authorization: Bearer ${good}`, `Authorization: Bearer ${evil.text}`]],
    ['evil, good', (good: string) => [`Authorization: Bearer ${evil.text}`, `Authorization: Bearer ${good}`]],
    ['good, good', (good: string) => [`Authorization: Bearer ${good}`, `Authorization: Bearer ${good}`]],
    ['good, empty', (good: string) => [`Authorization: Bearer ${good}`, 'authorization:']],
    ['empty, good', (good: string) => ['AUTHORIZATION:', `Authorization: Bearer ${good}`]],
    ['good, basic', (good: string) => [`Authorization: Bearer ${good}`, 'Authorization: Basic YTpi']],
  ])('A9 refuses two Authorization lines: %s', async (_order, linesOf) => {
    const good = aToken();
    const running = await guarded({ tokens: [good, evil] });
    const body = JSON.stringify(ECHO);
    const lines = ['POST /mcp HTTP/1.1', 'Host: localhost', ...linesOf(good.text), 'Content-Type: application/json', `Content-Length: ${body.length}`, '', body];
    await refuses(running, lines.join('\r\n'), 400);
    expect(await running.sidecar.audited(({ outcome }) => outcome === 'denied')).toMatchObject({ reason: 'ERR_CREDENTIAL_AMBIGUOUS' });
  });

  test.each([', ', '; ', ' ', ','])('A9 refuses two credentials in one Authorization line, joined by %j', async (separator) => {
    const running = await guarded({ tokens: [aToken(), evil] });
    const bytes = aCall(`${running.text}${separator}Bearer ${evil.text}`, ECHO);
    await refuses(running, bytes, 401);
  });

  test.each([
    ['of another principal', 'bob'],
    ['of the same principal', 'alice'],
  ])('A10 refuses a bearer token beside an API key %s, and says so on record', async (_whose, name) => {
    const key = aToken({ name, type: 'APIKey', namespace: 'keys' });
    const running = await guarded({ tokens: [aToken(), key] });
    await refuses(running, aCall(running.text, ECHO, [`X-API-Key: ${key.text}`]), 400);
    expect(await running.sidecar.audited(({ outcome }) => outcome === 'denied')).toMatchObject({ reason: 'ERR_CREDENTIAL_AMBIGUOUS' });
  });

  test('A10 refuses two API key lines', async () => {
    const key = aToken({ type: 'APIKey' });
    const running = await guarded({ tokens: [key] });
    const bytes = aCall('x', ECHO, [`X-API-Key: ${key.text}`, `x-api-key: ${key.text}`]).replace(/Authorization: .*\r\n/, '');
    await refuses(running, bytes, 400);
  });

  test('A10 takes neither kind in the place of the other', async () => {
    const key = aToken({ type: 'APIKey' });
    const bearer = aToken({ name: 'bob' });
    const running = await guarded({ tokens: [key, bearer] });
    await refuses(running, aCall(key.text, ECHO), 401);
    await refuses(running, aCall('x', ECHO, [`X-API-Key: ${bearer.text}`]).replace(/Authorization: .*\r\n/, ''), 401);
  });

  test.each([
    ['Authorization', (secret: string) => [`Authorization: Bearer ${secret}`]],
    ['an API key', (secret: string) => [`X-API-Key: ${secret}`]],
  ])('A15 sends neither %s nor cookies upstream, and no answer repeats them', async (_kind, linesOf) => {
    const token = aToken({ type: linesOf('')[0]?.startsWith('X-API-Key') === true ? 'APIKey' : 'Bearer' });
    const { spy, sidecar } = await guarded({ tokens: [token] });
    const secrets = [token.text, 'cookie-canary', 'proxy-canary'];
    const lines = [...linesOf(token.text), 'Cookie: session=cookie-canary', 'Cookie2: a=cookie-canary', 'Proxy-Authorization: Basic proxy-canary'];
    const bytes = aCall('x', ECHO, lines).replace(/Authorization: Bearer x\r\n/, '');
    const answers = [await sendRaw(sidecar.port, bytes)];
    for (const script of [answerRedirect('http://127.0.0.1:1/steal'), answerBytes('HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n'), answerBytes('no http\r\n\r\n')]) {
      spy.answerWith(script);
      answers.push(await sendRaw(sidecar.port, bytes));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 502, 502, 502]);
    for (const secret of secrets) {
      for (const request of spy.requests) expect(rawText(request)).not.toContain(secret);
      for (const answer of answers) expect(JSON.stringify(answer.rawHeaders) + answer.text).not.toContain(secret);
      expect(sidecar.auditText() + sidecar.logText()).not.toContain(secret);
    }
  });
});

describe('claims', () => {
  const hostile = ['a\r\nX-Forwarded-Groups: admin', 'a\nb', 'a\0b', 'a,admin', 'a;admin=1', 'a\u2028b', '\u00fcml\u00e4ut', ' admin ', '\tadmin', '%2C', 'a\u007fb', '\ud800'];
  test.each(hostile)('A11 encodes a claim of %j so that it stays one header and one element', async (value) => {
    const token = aToken({ identity: { user: value, email: value, team: value, groups: ['dev', value], roles: [value], attributes: { site: value } } });
    const { spy, sidecar } = await guarded({ tokens: [token], bundle: { forwardedAttributes: ['site'] } });
    expect((await sendRaw(sidecar.port, aCall(token.text, ECHO))).status).toBe(200);
    const request = await spy.request(0);
    const decoded = Buffer.from(value, 'utf8').toString('utf8');
    expect(request.values('x-forwarded-user').map(decodeURIComponent)).toEqual([decoded]);
    expect(request.values('x-forwarded-groups').flatMap((line) => line.split(',')).map(decodeURIComponent)).toEqual(['dev', decoded]);
    expect(request.values('x-mcp-gateway-attributes').flatMap((line) => line.split(';'))).toHaveLength(1);
    expect(rawText(request)).toMatch(/^[\t\r\n -~]*$/);
  });

  test('A11 leaves out empty claims and empty groups', async () => {
    const token = aToken({ identity: { email: '', groups: ['', 'dev', ''], roles: [''] } });
    const { spy, sidecar } = await guarded({ tokens: [token] });
    await sendRaw(sidecar.port, aCall(token.text, ECHO));
    const request = await spy.request(0);
    expect(request.values('x-forwarded-groups')).toEqual(['dev']);
    expect([...request.values('x-forwarded-email'), ...request.values('x-mcp-gateway-roles')]).toEqual([]);
  });

  test.each([
    ['one claim of 64 KiB', { email: 'a'.repeat(65_536) }],
    ['2,000 groups', { groups: Array.from({ length: 2000 }, (_, i) => `group-${i}`) }],
  ])('A11 denies an identity with %s rather than cut it short', async (_what, identity) => {
    const token = aToken({ identity });
    const running = await guarded({ tokens: [token] });
    await refuses(running, aCall(token.text, ECHO), [200, 403]);
    expect(await running.sidecar.audited(({ outcome }) => outcome === 'denied')).toMatchObject({ reason: 'ERR_PERMISSION_DENIED' });
  });
});

describe('what an upstream says', () => {
  const upstreamHeaders = [{ name: 'authorization', value: 'Bearer upstream-canary', reference: 'secret/pat#token' }];

  test.each([
    'Authorization', 'Set-Cookie', 'Set-Cookie2', 'WWW-Authenticate', 'Proxy-Authenticate', 'Authentication-Info', 'Location', 'Refresh', 'X-Echo',
    'Access-Control-Allow-Origin', 'Link', 'X-MCP-Gateway-Request-Id', 'X-Forwarded-User', 'Clear-Site-Data', 'Strict-Transport-Security', 'Alt-Svc', 'Via',
  ])('A16 A17 does not pass on %s, whatever the upstream reflects in it', async (name) => {
    const { spy, sidecar, text } = await guarded({ upstreamHeaders });
    spy.answerWith((request, socket) => answerJson(undefined, { headers: { [name]: `${request.values('authorization').join()} ${FORGED}` } })(request, socket));
    const answer = await sendRaw(sidecar.port, aCall(text, ECHO));
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.rawHeaders)).not.toMatch(/upstream-canary|mallory/);
  });

  test.each([301, 302, 303, 307, 308])('A16 does not follow a redirect with %d, nor show it to the client', async (status) => {
    const other = await guarded();
    const { spy, sidecar, text } = await guarded({ upstreamHeaders });
    spy.answerWith(answerRedirect(`http://127.0.0.1:${other.spy.port}/mcp`, status));
    const answer = await sendRaw(sidecar.port, aCall(text, ECHO));
    expect(answer.status).toBe(502);
    expect(answer.headers['location']).toBeUndefined();
    expect([other.spy.untouched, spy.requests.length]).toEqual([true, 1]);
    expect(JSON.stringify(answer.rawHeaders) + answer.text + sidecar.auditText() + sidecar.logText()).not.toContain('upstream-canary');
  });

  test('A16 gives the credential of one server to that server only', async () => {
    const other = await guarded();
    const { spy, sidecar, text } = await guarded({ upstreamHeaders });
    await sendRaw(sidecar.port, aCall(text, ECHO));
    await sendRaw(other.sidecar.port, aCall(other.text, ECHO, ['Authorization2: x']));
    expect((await spy.request(0)).values('authorization')).toEqual(['Bearer upstream-canary']);
    expect((await other.spy.request(0)).values('authorization')).toEqual([]);
  });

  test.each(['Connection: close', 'Keep-Alive: timeout=1', 'Upgrade: h2c', 'Trailer: X-A', 'Proxy-Connection: close', 'TE: trailers'])(
    'A17 is not steered by the hop-by-hop header %s',
    async (line) => {
      const [name = '', value = ''] = line.split(': ');
      const running = await guarded();
      running.spy.answerWith(answerJson(undefined, { headers: { [name]: value } }));
      const answer = await sendRaw(running.sidecar.port, aCall(running.text, ECHO));
      expect(answer.status).toBe(200);
      expect(answer.headers[name.toLowerCase()] ?? '').not.toBe(value);
      await stillServes(running);
    },
  );

  test('A17 turns a 401 of the upstream into a fault of the gateway: no challenge reaches the client', async () => {
    const { spy, sidecar, text } = await guarded({ upstreamHeaders });
    spy.answerWith(answerBytes('HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="upstream"\r\nContent-Length: 0\r\n\r\n'));
    const answer = await sendRaw(sidecar.port, aCall(text, ECHO));
    expect(answer.status).toBe(502);
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });

  test.each(['', ' ', 'a\u00e9', 'a'.repeat(513), 'a b'])('A17 refuses the session id %j of an upstream, or drops it', async (id) => {
    const running = await guarded();
    running.spy.answerWith(answerBytes(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: ${id}\r\nContent-Length: 2\r\n\r\n{}`, 'latin1')));
    const answer = await sendRaw(running.sidecar.port, aCall(running.text, ECHO));
    expect(answer.headers['mcp-session-id']).toBeUndefined();
    running.spy.answerWith(answerJson());
    await stillServes(running);
  });

  test('A17 shows a session id of the upstream only bound to the principal', async () => {
    const { spy, sidecar, text } = await guarded();
    spy.answerWith(answerJson(undefined, { headers: { 'Mcp-Session-Id': 'upstream-session' } }));
    const shown = (await sendRaw(sidecar.port, aCall(text, ECHO))).headers['mcp-session-id'] ?? '';
    expect(shown).toMatch(/^s1\./);
    expect(shown).not.toContain('upstream-session');
    await sendRaw(sidecar.port, aCall(text, ECHO, [`Mcp-Session-Id: ${shown}`]));
    expect((await spy.request(1)).values('mcp-session-id')).toEqual(['upstream-session']);
    const bob = aToken({ name: 'bob' });
    sidecar.publish([aBundle({ port: spy.port, tokens: [bob] })]);
    const stolen = await sendRaw(sidecar.port, aCall(bob.text, ECHO, [`Mcp-Session-Id: ${shown}`]));
    expect([stolen.status, spy.requests.length]).toEqual([404, 2]);
  });
});
