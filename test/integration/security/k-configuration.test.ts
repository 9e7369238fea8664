/** K: the whole process over a directory in which something is missing or wrong. */
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { aRawRequest, bearer, refusalCode } from '../../kit/attack.ts';
import { aBundle, aToken } from '../../kit/bundles.ts';
import { aCall, ECHO } from '../../kit/calls.ts';
import { guarded } from '../../kit/guarded.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../kit/gateway.ts';
import { createOwner } from '../../kit/owner.ts';
import { sendRaw } from '../../kit/raw-http.ts';
import { type SpyUpstream, startSpyUpstream } from '../../kit/spy-upstream.ts';
import { untilStatus } from '../../kit/until.ts';

const owner = createOwner();
afterEach(() => owner.stopAll());

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

const PAT = { upstream: { credentials: [{ header: 'Authorization', prefix: 'Bearer ', secretRef: { name: 'pat', key: 'token' } }] } };

interface Case {
  readonly title: string;
  readonly spec: Readonly<Record<string, unknown>>;
  /** The Secret `pat-<index>`; absent: none. */
  readonly secret?: string;
}

const secretCases: readonly Case[] = [
  ['that is missing', undefined],
  ['that is empty', secretFile({})],
  ['without data', secretFile(undefined)],
  ['with another key', secretFile({ Token: 'upstream-secret' })],
  ['with an empty value', secretFile({ token: '' })],
  ['with a line end inside', secretFile({ token: 'upstream\r\nX-Admin: 1' })],
  ['with characters beyond ASCII', secretFile({ token: 'g\u00e9heim' })],
  ['of another namespace', secretFile({ token: 'x' }).replace('"name":"pat"', '"name":"pat","namespace":"other"')],
].map(([title = '', secret]) => ({ title, spec: PAT, ...(secret === undefined ? {} : { secret }) }));

/** One gateway for all cases: each is a server of its own, and what is wrong with one is no matter of another. */
async function withCases(cases: readonly Case[]): Promise<{ gateway: Gateway; spies: readonly SpyUpstream[] }> {
  const spies = await Promise.all(cases.map(async () => shared.own(await startSpyUpstream())));
  const servers = cases.map(({ spec }, index) => {
    const { port } = spies[index] ?? { port: 0 };
    const upstream = { port, path: '/mcp', ...(spec['upstream'] as object | undefined) };
    return { name: `case-${String(index)}`, port, spec: JSON.parse(JSON.stringify({ ...spec, upstream }).replaceAll('"pat"', `"pat-${String(index)}"`)) as Record<string, unknown> };
  });
  const permissions = [{ serverRefs: servers.map(({ name }) => ({ name })), tools: ['*'] }];
  const files = Object.fromEntries(cases.flatMap(({ secret }, index) => (secret === undefined ? [] : [[`secret-${String(index)}.yaml`, secret.replace('"name":"pat"', `"name":"pat-${String(index)}"`)]])));
  return { gateway: shared.own(await startGateway({ servers, tokens: [{ name: 'alice', permissions }], files })), spies };
}

const shared = createOwner();
afterAll(() => shared.stopAll());

describe('a Secret of the upstream', () => {
  let started: Awaited<ReturnType<typeof withCases>>;
  beforeAll(async () => {
    started = await withCases(secretCases);
  });

  test.each(secretCases.map(({ title }, index) => [title, index] as const))('K1 %s denies every call with 503 and is named', async (_title, index) => {
    const { gateway, spies } = started;
    const refused = await sendRaw(gateway.port, callTo(gateway, 'alice', gateway.path(`case-${String(index)}`)));
    expect([refused.status, refusalCode(refused), spies[index]?.untouched]).toEqual([503, 'ERR_UPSTREAM_CREDENTIAL_MISSING', true]);
    expect(gateway.logLines.join('\n')).toContain(`MCPServer/default/case-${String(index)} spec.upstream.credentials[0].secretRef`);
  });

  test('K1 that comes later opens the server, and one that goes closes it again', async () => {
    const { gateway, spy } = await running({ spec: PAT });
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
  const rule = (more: object): Readonly<Record<string, unknown>> => ({ access: [{ name: 'r', effect: 'Deny', principals: [{ everyone: true }], tools: ['x'], ...more }] });

  const cases: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
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
  ];
  let started: Awaited<ReturnType<typeof withCases>>;
  beforeAll(async () => {
    started = await withCases(cases.map(([title, spec]) => ({ title, spec })));
  });

  test.each(cases.map(([title], index) => [title, index] as const))('%s is named and closes the server', async (_title, index) => {
    const { gateway, spies } = started;
    const refused = await sendRaw(gateway.port, callTo(gateway, 'alice', gateway.path(`case-${String(index)}`)));
    expect({ closed: [404, 503].includes(refused.status), untouched: spies[index]?.untouched }).toEqual({ closed: true, untouched: true });
    expect(gateway.logLines.join('\n')).toContain(`MCPServer/default/case-${String(index)}`);
  });

  test.each([
    ['K3 a misspelt one', { listener: { address: '127.0.0.1', port: 0, plainHttp: true } }],
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

test('K17 no package is there that an older Node would silently swap for one with known faults', () => {
  const { packages } = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8')) as { packages: Readonly<Record<string, { dev?: boolean }>> };
  const shipped = Object.keys(packages).filter((path) => path !== '' && packages[path]?.dev !== true);
  expect(shipped).toContain('node_modules/undici');
  expect(shipped.filter((path) => /\/(http-proxy|http-proxy-middleware|httpxy)$/.test(path))).toEqual([]);
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
