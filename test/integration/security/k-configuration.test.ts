/** K, F12, F13, F15: the whole process over a directory in which something is missing, wrong or taken away. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { aRawRequest, bearer, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { aCall, ECHO, guarded } from '../../kit/guarded.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../kit/gateway.ts';
import { createOwner } from '../../kit/owner.ts';
import { sendRaw } from '../../kit/raw-http.ts';
import { type SpyUpstream, startSpyUpstream } from '../../kit/spy-upstream.ts';
import { untilMinted, untilStatus } from '../../kit/until.ts';

const owner = createOwner();
afterEach(() => owner.stopAll());

const API = { apiVersion: 'mcpgateway.dev/v1alpha1' };
const ALL = [{ serverRefs: [{ name: 'server' }], tools: ['*'] }];

async function running(options: Partial<GatewayOptions> & { readonly spec?: Readonly<Record<string, unknown>> } = {}): Promise<{ gateway: Gateway; spy: SpyUpstream }> {
  const { spec = {}, ...rest } = options;
  const spy = owner.own(await startSpyUpstream());
  const servers = [{ name: 'server', port: spy.port, spec: { upstream: { port: spy.port, path: '/mcp', ...(spec['upstream'] as object | undefined) }, ...without(spec, 'upstream') } }];
  const gateway = owner.own(await startGateway({ servers, tokens: [{ name: 'alice', permissions: ALL }], ...rest }));
  return { gateway, spy };
}

function without(spec: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(spec).filter(([name]) => name !== key));
}

function callTo(gateway: Gateway, token = 'alice', path = gateway.path('server')): string {
  return aCall(gateway.tokens[token] ?? '', ECHO).replace('POST /mcp ', `POST ${path} `);
}

const secretFile = (stringData: object | undefined): string => JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pat' }, type: 'Opaque', ...(stringData === undefined ? {} : { stringData }) });

describe('K1 a Secret of the upstream', () => {
  const spec = { upstream: { credentials: [{ header: 'Authorization', prefix: 'Bearer ', secretRef: { name: 'pat', key: 'token' } }] } };

  test.each([
    ['that is missing', undefined],
    ['that is empty', secretFile({})],
    ['without data', secretFile(undefined)],
    ['with another key', secretFile({ Token: 'upstream-secret' })],
    ['with an empty value', secretFile({ token: '' })],
    ['with a line end inside', secretFile({ token: 'upstream\r\nX-Admin: 1' })],
    ['with characters beyond ASCII', secretFile({ token: 'g\u00e9heim' })],
    ['of another namespace', secretFile({ token: 'x' }).replace('"name":"pat"', '"name":"pat","namespace":"other"')],
  ])('K1 %s denies every call with 503', async (_name, file) => {
    const { gateway, spy } = await running({ spec, ...(file === undefined ? {} : { files: { 'secret.yaml': file } }) });
    const refused = await sendRaw(gateway.port, callTo(gateway));
    expect([refused.status, refusalCode(refused), spy.untouched]).toEqual([503, 'ERR_UPSTREAM_CREDENTIAL_MISSING', true]);
    expect(gateway.logLines.join('\n')).toContain('spec.upstream.credentials[0].secretRef');
  });

  test('K1 that comes later opens the server, and one that goes closes it again', async () => {
    const { gateway, spy } = await running({ spec });
    expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(503);
    expect(spy.untouched).toBe(true);
    await writeFile(join(gateway.dir, 'secret.yaml'), secretFile({ token: 'upstream-secret' }));
    await untilStatus(gateway.port, callTo(gateway), 200);
    expect((await spy.request(0)).values('authorization')).toEqual(['Bearer upstream-secret']);
    await rm(join(gateway.dir, 'secret.yaml'));
    await untilStatus(gateway.port, callTo(gateway), 503);
    const before = spy.requests.length;
    expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(503);
    expect(spy.requests.length).toBe(before);
  });
});

describe('a declaration at fault', () => {
  const rule = (more: object): object => ({ access: [{ name: 'r', effect: 'Deny', principals: [{ everyone: true }], tools: ['x'], ...more }] });

  test.each([
    ['K2 an empty list of tools', rule({ tools: [] })],
    ['K2 no principals', rule({ principals: [] })],
    ['K2 a principal without a condition', rule({ principals: [{}] })],
    ['K2 empty groups', rule({ principals: [{ groups: [] }] })],
    ['K2 no authentication', { authentication: {} }],
    ['K2 tokens that cannot be presented', { authentication: { gatewayTokens: {} } }],
    ['K2 a provider without an issuer', { authentication: { gatewayTokens: { bearer: true }, oidc: [{ name: 'x', issuer: '' }] } }],
    ['K2 empty audiences', { authentication: { gatewayTokens: { bearer: true }, oidc: [{ name: 'x', issuer: 'https://idp.example', audiences: [] }] } }],
    ['K3 a field in another case', { authentication: { GatewayTokens: { bearer: true } } }],
    ['K3 a misspelt field', { acces: [] }],
    ['K3 a misspelt field of a rule', rule({ tool: ['x'] })],
    ['K3 an enum in another case', rule({ effect: 'deny' })],
    ['K3 text for a boolean', { authentication: { gatewayTokens: { bearer: 'true' } } }],
    ['K3 a method that this release does not know', { authentication: { gatewayTokens: { bearer: true }, passwords: true } }],
    ['K8 an upstream by address', { upstream: { host: '169.254.169.254' } }],
    ['K8 an upstream by URL', { upstream: { url: 'http://kubernetes.default.svc/' } }],
    ['K8 an upstream path that is an authority', { upstream: { path: '//169.254.169.254/latest' } }],
    ['K9 a rule name with a line end', rule({ name: 'r\nX-Admin: 1' })],
    ['K9 a rule name with a template', rule({ name: '${jndi:ldap}`id`' })],
    ['F12 K7 a Secret in another namespace', { upstream: { credentials: [{ header: 'X-Key', secretRef: { name: 'pat', namespace: 'kube-system', key: 'token' } }] } }],
  ])('%s is named and closes the server', async (_title, spec) => {
    const { gateway, spy } = await running({ spec });
    const refused = await sendRaw(gateway.port, callTo(gateway));
    expect({ closed: [404, 503].includes(refused.status), untouched: spy.untouched }).toEqual({ closed: true, untouched: true });
    expect(gateway.logLines.join('\n')).toContain('MCPServer/default/server');
  });

  test.each([
    ['K3 an unknown member', { Listener: {} }],
    ['K3 a misspelt one', { listener: { address: '127.0.0.1', port: 0, plainHttp: true } }],
    ['K3 a port that is none', { listener: { address: '127.0.0.1', port: '8080', plainHTTP: true } }],
    ['K2 neither TLS nor the wish for none', { listener: { address: '127.0.0.1', port: 0 } }],
  ])('%s in gateway-config.json ends the start with code 64', async (_title, config) => {
    await expect(startGateway({ servers: [], config })).rejects.toThrow(/exited with 64/);
  });
});

test('K5 no request sees a mix of two of six versions that change while it runs, and none is dropped', async () => {
  const token = aToken();
  const { sidecar, spy } = await guarded({ tokens: [token] });
  const bundles = ['v1', 'v2', 'v3', 'v4', 'v5', 'v6'].map((version) => ({
    version,
    bundle: aBundle({ port: spy.port, tokens: [{ ...token, token: { ...token.token, identity: { ...token.token.identity, team: version, groups: [version] } } }] }),
  }));
  const publish = (turn: number): void => {
    const { version = '', bundle } = bundles[turn % bundles.length] ?? {};
    if (bundle !== undefined) sidecar.publish([bundle], [{ name: 'x-upstream-key', value: version, reference: 'secret/key#key' }]);
  };
  publish(0);
  let turn = 0;
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const seen = new Set<number>();
      for (let call = 0; call < 60; call += 1) {
        publish((turn += 1));
        seen.add((await sendRaw(sidecar.port, aCall(token.text, ECHO))).status);
      }
      return [...seen];
    }),
  );
  expect(statuses.flat().every((status) => status === 200)).toBe(true);
  const mixed = spy.requests.filter((request) => new Set(['x-upstream-key', 'x-mcp-gateway-team', 'x-forwarded-groups'].map((name) => request.values(name).join())).size !== 1);
  expect([spy.requests.length, mixed.length]).toEqual([480, 0]);
  expect(new Set(spy.requests.map((request) => request.values('x-upstream-key')[0])).size).toBe(6);
});

describe('K6 what is taken away', () => {
  test.each([
    ['the server', 'mcpserver-server.yaml', 404],
    ['the token', 'gatewaytoken-alice.yaml', 401],
    ['the whole directory', '.', 404],
  ])('K6 %s: calls are denied', async (_name, file, status) => {
    const { gateway, spy } = await running();
    expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(200);
    await rm(join(gateway.dir, file), { recursive: true });
    await untilStatus(gateway.port, callTo(gateway), status);
    const before = spy.requests.length;
    expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(status);
    expect(spy.requests.length).toBe(before);
  });

  test('K6 the policy that allowed: the call is denied', async () => {
    const { gateway, spy } = await running();
    await gateway.write(gateway.tokenObject('alice', { permissions: [{ serverRefs: [{ name: 'server' }], tools: ['other'] }] }));
    const endMs = performance.now() + 8_000;
    while (refusalCode(await sendRaw(gateway.port, callTo(gateway))) !== 'ERR_PERMISSION_DENIED') expect(performance.now()).toBeLessThan(endMs);
    const before = spy.requests.length;
    expect(refusalCode(await sendRaw(gateway.port, callTo(gateway)))).toBe('ERR_PERMISSION_DENIED');
    expect(spy.requests.length).toBe(before);
  });
});

describe('across namespaces and objects', () => {
  const elsewhere = (name: string, object: { kind: string; metadata: { name: string } }): string => JSON.stringify({ ...object, metadata: { name, namespace: 'elsewhere' } });

  test('F12 K7 a token of another namespace is nobody where the server does not admit that namespace', async () => {
    const { gateway, spy } = await running();
    const permissions = [{ serverRefs: [{ name: 'server', namespace: 'default' }], tools: ['*'] }];
    // The same credential moves, so that nothing but its namespace differs.
    await rm(join(gateway.dir, 'gatewaytoken-alice.yaml'));
    await untilStatus(gateway.port, callTo(gateway), 401);
    await writeFile(join(gateway.dir, 'moved.yaml'), elsewhere('alice', gateway.tokenObject('alice', { permissions })));
    const before = gateway.auditLines().length;
    await gateway.audited((record) => record['event'] === 'snapshot.applied' && gateway.auditLines().indexOf(record) >= before);
    expect((await sendRaw(gateway.port, callTo(gateway))).status).toBe(401);
    expect(spy.untouched).toBe(true);
  });

  test('F13 two objects with one hash are both refused, and what somebody wrote into status counts for nothing', async () => {
    const { gateway, spy } = await running();
    await untilStatus(gateway.port, callTo(gateway), 200);
    const before = spy.requests.length;
    const twin = { ...gateway.tokenObject('alice'), metadata: { name: 'twin' } };
    await gateway.write(twin);
    await untilStatus(gateway.port, callTo(gateway), 401);
    await rm(join(gateway.dir, 'gatewaytoken-twin.yaml'));
    await untilStatus(gateway.port, callTo(gateway), 200);
    const status = { conditions: [{ type: 'Revoked', status: 'False' }], generations: [{ id: 'aaaaaaaa', state: 'Current' }] };
    await gateway.write({ ...gateway.tokenObject('alice', { revoked: true }), ...{ status } });
    await untilStatus(gateway.port, callTo(gateway), 401);
    expect(spy.requests.length).toBeGreaterThanOrEqual(before);
  });

  test('F15 a lower longest lifetime ends a token that was promised more', async () => {
    const { gateway, spy } = await running({ files: { 'made.yaml': JSON.stringify({ ...API, kind: 'GatewayToken', metadata: { name: 'made' }, spec: { type: 'Bearer', source: { type: 'Generated' }, secretRef: { name: 'made' }, lifetime: '24h', identity: { user: 'made' }, permissions: ALL } }) } });
    const text = await untilMinted(gateway.dir, 'made');
    const call = aCall(text, ECHO).replace('POST /mcp ', `POST ${gateway.path('server')} `);
    await untilStatus(gateway.port, call, 200);
    const listener = { address: '127.0.0.1', port: 0, plainHTTP: true };
    const tokens = { lifetimePolicies: [{ name: 'short', namespaceSelector: { matchLabels: {} }, minLifetime: '1ms', maxLifetime: '50ms' }] };
    await writeFile(join(gateway.dir, 'gateway-config.json'), JSON.stringify({ listener, admin: { address: '127.0.0.1', port: 0 }, tokens }));
    await untilStatus(gateway.port, call, 401);
    expect(spy.requests.length).toBeGreaterThan(0);
  });
});

describe('K14 the admin port', () => {
  test('K14 M3 tells no secret, changes nothing and knows three paths', async () => {
    const spec = { upstream: { credentials: [{ header: 'X-Key', secretRef: { name: 'pat', key: 'token' } }] } };
    const { gateway } = await running({ spec, files: { 'secret.yaml': secretFile({ token: 'canary-upstream-value' }) } });
    await untilStatus(gateway.port, callTo(gateway), 200);
    const port = Number(new URL(gateway.adminUrl).port);
    const texts: string[] = [];
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const answer = await sendRaw(port, aRawRequest({ method: 'GET', path, headers: ['Connection: close'] }));
      expect([path, answer.status]).toEqual([path, 200]);
      texts.push(answer.text);
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        expect((await sendRaw(port, aRawRequest({ method, path, headers: ['Connection: close'] }))).status).toBe(405);
      }
    }
    for (const path of ['/', '/debug/pprof', '/config', '/metrics/', '/metrics/..', '/%6detrics', '/METRICS', '/quitquitquit', '/json', gateway.path('server')]) {
      const answer = await sendRaw(port, aRawRequest({ method: 'GET', path, headers: [bearer(gateway.tokens['alice'] ?? ''), 'Connection: close'] }));
      expect([path, answer.status]).toEqual([path, 404]);
      texts.push(answer.text);
    }
    for (const secret of [gateway.tokens['alice'] ?? '?', 'canary-upstream-value']) expect(texts.join('\n')).not.toContain(secret);
  });
});
