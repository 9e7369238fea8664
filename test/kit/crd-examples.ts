/**
 * Objects that the CRDs accept or refuse, each with the reason. Plain JSON, so that the same table runs against our own
 * loader and against a real kube-apiserver.
 */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

export interface CrdExample {
  readonly kind: 'MCPServer' | 'GatewayToken';
  readonly title: string;
  readonly object: JsonObject;
  /** The object before, for an update. */
  readonly old?: JsonObject;
  /** Absent: accepted. `field` is where our loader reports it, `problem` a part of the message. */
  readonly refusal?: { readonly field: string; readonly problem: string };
}

/** Replaces what the patch names; `null` removes. Lists are replaced whole. */
function merged(base: JsonObject, patch: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const before = result[key];
    if (value === null) delete result[key];
    else result[key] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A valid MCPServer, changed by a patch of its spec. */
export const aServer = (spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'mcpgateway.dev/v1alpha1',
  kind: 'MCPServer',
  metadata: merged({ name: 'github', namespace: 'tools' }, metadata),
  spec: merged({ upstream: { port: 3000 }, authentication: { gatewayTokens: { bearer: true } } }, spec),
});

/** A valid GatewayToken, changed by a patch of its spec. */
export const aToken = (spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'mcpgateway.dev/v1alpha1',
  kind: 'GatewayToken',
  metadata: merged({ name: 'ci-bot', namespace: 'tools' }, metadata),
  spec: merged(
    {
      type: 'Bearer',
      source: { type: 'Generated' },
      identity: { user: 'ci-bot' },
      permissions: [{ serverRefs: [{ name: 'github' }], tools: ['get_*'] }],
      lifetime: '24h',
      secretRef: { name: 'ci-bot-token' },
    },
    spec,
  ),
});

export const HASH_SOURCE: JsonObject = { type: 'Hash', sha256: '0123456789abcdef'.repeat(4), id: 'k7Qd2mXa' };

type Row = readonly [title: string, object: JsonObject, refusal?: readonly [field: string, problem: string] | undefined, old?: JsonObject];

const rows = (kind: CrdExample['kind'], table: readonly Row[]): readonly CrdExample[] =>
  table.map(([title, object, refusal, old]) => ({
    kind,
    title,
    object,
    ...(refusal === undefined ? {} : { refusal: { field: refusal[0], problem: refusal[1] } }),
    ...(old === undefined ? {} : { old }),
  }));

const OIDC: JsonObject = { name: 'corporate', providerRef: { name: 'corporate' } };
const CERTIFICATES: JsonObject = { name: 'partner', trustBundleRef: { name: 'partner-ca' }, subjectFrom: 'DNS' };
const URLS: Json = ['https://mcp.example.com/github/mcp'];

const upstreamPath = (path: string): JsonObject => aServer({ upstream: { path } });
const publicURLs = (...urls: string[]): JsonObject => aServer({ publicURLs: urls });
const apiKeyHeader = (header: string): JsonObject => aServer({ authentication: { gatewayTokens: { apiKeyHeader: header } } });
const credentials = (...list: JsonObject[]): JsonObject =>
  aServer({ upstream: { credentials: list.map((entry) => ({ secretRef: { name: 'pat', key: 'token' }, ...entry })) } });
const oidc = (entry: JsonObject): JsonObject =>
  aServer({ publicURLs: URLS, authentication: { oidc: [merged(OIDC, entry)] } });
const certificates = (entry: JsonObject): JsonObject =>
  aServer({ authentication: { clientCertificates: [merged(CERTIFICATES, entry)] } });
const access = (rule: JsonObject): JsonObject =>
  aServer({
    publicURLs: URLS,
    authentication: { oidc: [OIDC], clientCertificates: [CERTIFICATES] },
    access: [merged({ name: 'rule', effect: 'Allow', principals: [{ from: ['corporate'] }], tools: ['get_*'] }, rule)],
  });
const admits = (from: JsonObject): JsonObject =>
  aServer({ tokens: { from: [merged({ namespaceSelector: { matchLabels: { team: 'a' } }, tools: ['*'] }, from)] } });

const sidecar = (patch: JsonObject): JsonObject => aServer({ sidecar: patch });
const memory = (request: string, limit: string): JsonObject => sidecar({ resources: { requests: { memory: request }, limits: { memory: limit } } });

const PATH = 'spec.upstream.path';
const URL_0 = 'spec.publicURLs[0]';
const KEY_HEADER = 'spec.authentication.gatewayTokens.apiKeyHeader';
const HEADER_0 = 'spec.upstream.credentials[0].header';
const RULE_0 = 'spec.access[0]';
const FROM_0 = 'spec.tokens.from[0]';
const IMAGE = 'spec.sidecar.image';
const REQUESTS = 'spec.sidecar.resources.requests';
const LIMIT = 'spec.sidecar.resources.limits.memory';
const DIGEST = `@sha256:${'0'.repeat(64)}`;

const MCP_SERVERS = rows('MCPServer', [
  ['the smallest server', aServer()],
  ['a name of 59 characters', aServer({}, { name: 'a'.repeat(59) })],
  ['a name of 60 characters', aServer({}, { name: 'a'.repeat(60) }), ['', 'spec.service.name']],
  ['a name of 63 characters with a service', aServer({ service: { name: 'github-mcp' } }, { name: 'a'.repeat(63) })],
  ['a name of 64 characters', aServer({ service: { name: 'x' } }, { name: 'a'.repeat(64) }), ['', 'at most 63 characters']],
  ['a name with a dot', aServer({}, { name: 'a.b' }), ['', 'no dot']],
  ['an unknown field', aServer({ upstream: { prt: 1 } }), ['spec.upstream.prt', 'unknown field']],
  ['no port', aServer({ upstream: { port: null } }), ['spec.upstream.port', 'is required']],
  ['port 0', aServer({ upstream: { port: 0 } }), ['spec.upstream.port', 'at least 1']],
  ['port 65536', aServer({ upstream: { port: 65536 } }), ['spec.upstream.port', 'at most 65535']],
  ['direct access that is tolerated', aServer({ upstream: { directAccess: 'Tolerated' } })],
  ['direct access that is blocked', aServer({ upstream: { directAccess: 'Blocked' } })],
  ['direct access of another word', aServer({ upstream: { directAccess: 'Allowed' } }), ['spec.upstream.directAccess', 'must be one of']],
  ['another transport', aServer({ upstream: { transport: 'Stdio' } }), ['spec.upstream.transport', 'must be one of']],
  ['a path', upstreamPath('/servers/git-hub/mcp')],
  ['a path with harmless escapes', upstreamPath('/m%C3%BCnchen/mcp')],
  ['a relative path', upstreamPath('mcp'), [PATH, "begins with '/'"]],
  ['a path with a query', upstreamPath('/mcp?x=1'), [PATH, 'without query']],
  ['a path with a backslash', upstreamPath('/a\\b'), [PATH, 'without query']],
  ['a path with a bad escape', upstreamPath('/a%zz'), [PATH, 'without query']],
  ['a path with path parameters', upstreamPath('/a/..;/b'), [PATH, 'without query']],
  ['a path with an empty segment', upstreamPath('/a//b'), [PATH, "'//'"]],
  ['a path with two dots', upstreamPath('/a/../b'), [PATH, "'..'"]],
  ['a path ending in a dot', upstreamPath('/a/.'), [PATH, "'..'"]],
  ['a path with dots in names', upstreamPath('/a..b/.well-known/...')],
  ['a path with an encoded slash', upstreamPath('/a%2fb'), [PATH, 'percent-encode']],
  ['a path with an encoded dot', upstreamPath('/a/%2E%2e/b'), [PATH, 'percent-encode']],
  ['a path with an encoded backslash', upstreamPath('/a%5Cb'), [PATH, 'percent-encode']],
  ['a path with an encoded percent sign', upstreamPath('/a%252fb'), [PATH, 'percent-encode']],
  ['a path with an encoded NUL', upstreamPath('/a%00'), [PATH, 'percent-encode']],
  ['two credentials', credentials({ header: 'Authorization', prefix: 'Bearer ' }, { header: 'X-API-Key' })],
  ['the same header twice', credentials({ header: 'X-A' }, { header: 'X-A' }), ['spec.upstream.credentials[1]', 'same header']],
  ['a header twice in another case', credentials({ header: 'X-A' }, { header: 'x-a' }), ['spec.upstream.credentials', 'upper and lower case']],
  ['a credential header with an underscore', credentials({ header: 'X_A' }), [HEADER_0, 'no underscore']],
  ['a credential as Host', credentials({ header: 'host' }), [HEADER_0, 'frames, routes']],
  ['a credential as Transfer-Encoding', credentials({ header: 'Transfer-Encoding' }), [HEADER_0, 'frames, routes']],
  ['a credential as Mcp-Session-Id', credentials({ header: 'Mcp-Session-Id' }), [HEADER_0, 'must not begin with']],
  ['a credential as X-Forwarded-User', credentials({ header: 'x-forwarded-user' }), [HEADER_0, 'must not begin with']],
  ['a credential as X-MCP-Gateway-Name', credentials({ header: 'X-MCP-Gateway-Name' }), [HEADER_0, 'must not begin with']],
  ['a prefix with a line break', credentials({ header: 'X-A', prefix: 'a\r\nb' }), ['spec.upstream.credentials[0].prefix', 'printable']],
  ['a Secret key with a slash', credentials({ header: 'X-A', secretRef: { name: 'pat', key: 'a/b' } }), ['spec.upstream.credentials[0].secretRef.key', 'must match']],
  ['public URLs', publicURLs('https://mcp.example.com', 'https://mcp.example.com:8443/a', 'http://127.0.0.1:8080/a', 'http://[::1]/a')],
  ['no public URL in the list', publicURLs(), ['spec.publicURLs', 'must not be empty']],
  ['five public URLs', publicURLs(...['a', 'b', 'c', 'd', 'e'].map((host) => `https://${host}.example`)), ['spec.publicURLs', 'at most 4']],
  ['the same URL twice', publicURLs('https://a.example/x', 'https://a.example/x'), ['spec.publicURLs', 'same URL twice']],
  ['a URL with user information', publicURLs('https://user@a.example'), [URL_0, 'without user information']],
  ['a URL with a query', publicURLs('https://a.example/x?y'), [URL_0, 'without user information']],
  ['a URL with a fragment', publicURLs('https://a.example/x#y'), [URL_0, 'without user information']],
  ['a URL with an upper-case host', publicURLs('https://A.example'), [URL_0, 'lower-case host']],
  ['plain HTTP to localhost', publicURLs('http://localhost:3000/mcp')],
  ['plain HTTP to another host', publicURLs('http://a.example'), [URL_0, 'must use https']],
  ['plain HTTP to a host that looks like loopback', publicURLs('http://127.0.0.1.example'), [URL_0, 'must use https']],
  ['the default port spelt out', publicURLs('https://a.example:443/x'), [URL_0, 'default port']],
  ['a URL with an empty segment', publicURLs('https://a.example//x'), [URL_0, "'//' in its path"]],
  ['a URL with two dots', publicURLs('https://a.example/x/..'), [URL_0, "'..'"]],
  ['a URL with an encoded slash', publicURLs('https://a.example/x%2Fy'), [URL_0, 'percent-encode']],
  ['no authentication method', aServer({ authentication: { gatewayTokens: null } }), ['spec.authentication', 'at least one of']],
  ['no authentication', aServer({ authentication: null }), ['spec.authentication', 'is required']],
  ['neither bearer nor API key', aServer({ authentication: { gatewayTokens: { bearer: false } } }), ['spec.authentication.gatewayTokens', 'bearer must be true']],
  ['an API key alone', aServer({ authentication: { gatewayTokens: { bearer: false, apiKeyHeader: 'X-API-Key' } } })],
  ['an API key header with an underscore', apiKeyHeader('X_API_Key'), [KEY_HEADER, 'no underscore']],
  ['an API key as Authorization', apiKeyHeader('authorization'), [KEY_HEADER, 'already has a meaning']],
  ['an API key as Cookie', apiKeyHeader('Cookie'), [KEY_HEADER, 'already has a meaning']],
  ['an API key as Mcp-Name', apiKeyHeader('Mcp-Name'), [KEY_HEADER, 'must not begin with']],
  ['an API key as Sec-Fetch-Mode', apiKeyHeader('Sec-Fetch-Mode'), [KEY_HEADER, 'must not begin with']],
  ['a referenced provider', oidc({})],
  ['an inline provider', oidc({ providerRef: null, issuer: 'https://id.example/realms/a', audiences: ['mcp'], claims: { groups: 'groups', attributes: { costCenter: 'cc' } } })],
  ['neither provider nor issuer', oidc({ providerRef: null }), ['spec.authentication.oidc[0]', 'exactly one of']],
  ['provider and issuer', oidc({ issuer: 'https://id.example' }), ['spec.authentication.oidc[0]', 'exactly one of']],
  ['audiences of a referenced provider', oidc({ audiences: ['a'] }), ['spec.authentication.oidc[0]', 'inline provider']],
  ['an empty list of audiences', oidc({ providerRef: null, issuer: 'https://id.example', audiences: [] }), ['spec.authentication.oidc[0].audiences', 'must not be empty']],
  ['an issuer over plain HTTP', oidc({ providerRef: null, issuer: 'http://id.example' }), ['spec.authentication.oidc[0].issuer', 'https URL']],
  ['an attribute with a dot', oidc({ providerRef: null, issuer: 'https://id.example', claims: { attributes: { 'a.b': 'c' } } }), ['spec.authentication.oidc[0].claims.attributes', 'attribute names']],
  ['oidc without publicURLs', aServer({ authentication: { oidc: [OIDC] } }), ['spec.publicURLs', 'required with authentication.oidc']],
  ['certificates by DNS name', certificates({})],
  ['certificates by URI', certificates({ subjectFrom: 'URI', trustDomain: 'partner.example' })],
  ['certificates by URI without a trust domain', certificates({ subjectFrom: 'URI' }), ['spec.authentication.clientCertificates[0]', 'trustDomain']],
  ['certificates by DNS with a trust domain', certificates({ trustDomain: 'a.example' }), ['spec.authentication.clientCertificates[0]', 'trustDomain']],
  ['one name for two methods', aServer({ publicURLs: URLS, authentication: { oidc: [OIDC], clientCertificates: [{ ...CERTIFICATES, name: 'corporate' }] } }), ['spec.authentication', 'same name']],
  ['a provider named twice', aServer({ publicURLs: URLS, authentication: { oidc: [OIDC, OIDC] } }), ['spec.authentication.oidc[1]', 'same name']],
  ['an Allow rule', access({})],
  ['an Allow rule for certificates', access({ principals: [{ from: ['partner'], users: ['a'] }], tools: null, prompts: ['*'], resources: ['repo://public/*'] })],
  ['a Deny rule for everyone', access({ effect: 'Deny', principals: [{ everyone: true }] })],
  ['a Deny rule for gateway tokens', access({ effect: 'Deny', principals: [{ from: ['gatewayTokens'], groups: ['ci'] }] })],
  ['a rule that matches nothing', access({ tools: null }), [RULE_0, 'at least one of tools']],
  ['an empty list of tools', access({ tools: [] }), [`${RULE_0}.tools`, 'must not be empty']],
  ['a pattern with a line break', access({ tools: ['get\n'] }), [`${RULE_0}.tools[0]`, 'must match']],
  ['an Allow rule for everyone', access({ principals: [{ everyone: true }] }), [`${RULE_0}.principals`, 'needs from']],
  ['an Allow rule without from', access({ principals: [{ from: ['corporate'] }, { groups: ['engineering'] }] }), [`${RULE_0}.principals`, 'needs from']],
  ['an Allow rule for gateway tokens', access({ principals: [{ from: ['gatewayTokens'] }] }), [`${RULE_0}.principals`, 'cannot name gatewayTokens']],
  ['an empty principal', access({ effect: 'Deny', principals: [{}] }), [`${RULE_0}.principals[0]`, 'must not be empty']],
  ['everyone in a group', access({ effect: 'Deny', principals: [{ everyone: true, groups: ['a'] }] }), [`${RULE_0}.principals[0]`, 'cannot be combined']],
  ['everyone: false', access({ effect: 'Deny', principals: [{ everyone: false }] }), [`${RULE_0}.principals[0].everyone`, 'must be one of true']],
  ['an empty list of groups', access({ effect: 'Deny', principals: [{ groups: [] }] }), [`${RULE_0}.principals[0].groups`, 'must not be empty']],
  ['a group with a comma', access({ effect: 'Deny', principals: [{ groups: ['a,b'] }] }), [`${RULE_0}.principals[0].groups[0]`, 'must match']],
  ['from an unknown entry', access({ effect: 'Deny', principals: [{ from: ['corporat'] }] }), ['spec.access', 'must name an entry']],
  ['two rules of one name', aServer({ access: ['a', 'a'].map((name) => ({ name, effect: 'Deny', principals: [{ everyone: true }], tools: ['*'] })) }), ['spec.access[1]', 'same name']],
  ['tokens of other namespaces', admits({})],
  ['tokens by expressions', admits({ namespaceSelector: { matchLabels: null, matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'Exists' }, { key: 'team', operator: 'In', values: ['a'] }] } })],
  ['tokens for nothing', admits({ tools: null }), [FROM_0, 'at least one of tools']],
  ['tokens of an empty selector', admits({ namespaceSelector: { matchLabels: null } }), [`${FROM_0}.namespaceSelector`, 'must not be empty']],
  ['a label key with a space', admits({ namespaceSelector: { matchLabels: { 'a b': 'c' } } }), [`${FROM_0}.namespaceSelector.matchLabels`, 'label keys']],
  ['Exists with values', admits({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } }), [`${FROM_0}.namespaceSelector.matchExpressions[0]`, 'values is required with']],
  ['In without values', admits({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }), [`${FROM_0}.namespaceSelector.matchExpressions[0]`, 'values is required with']],
  ['a sidecar of its own', sidecar({ image: 'registry.example:5000/mcpgateway/sidecar:1.2.3', logLevel: 'debug', resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '1Gi' } } })],
  ['a sidecar by digest', sidecar({ image: `mcpgateway/sidecar${DIGEST}` })],
  ['a sidecar by tag and digest', sidecar({ image: `registry.example/sidecar:v1${DIGEST}` })],
  ['a sidecar without tag and digest', sidecar({ image: 'registry.example:5000/sidecar' }), [IMAGE, 'must name a tag or a digest']],
  ['a sidecar with an empty tag', sidecar({ image: 'sidecar:' }), [IMAGE, 'must be an image reference']],
  ['a sidecar by a short digest', sidecar({ image: 'sidecar@sha256:00' }), [IMAGE, 'must be an image reference']],
  ['a sidecar of an upper-case repository', sidecar({ image: 'Sidecar:1' }), [IMAGE, 'must be an image reference']],
  ['a sidecar by URL', sidecar({ image: 'https://registry.example/sidecar:1' }), [IMAGE, 'must be an image reference']],
  ['a sidecar with a command', sidecar({ command: ['sh'] }), ['spec.sidecar.command', 'unknown field']],
  ['a sidecar with a CPU limit', sidecar({ resources: { limits: { cpu: '1' } } }), ['spec.sidecar.resources.limits.cpu', 'unknown field']],
  ['the least memory', memory('64Mi', '128Mi')],
  ['as much memory as may be taken', memory('256Mi', '256Mi')],
  ['a limit in another unit', memory('999Mi', '1Gi')],
  ['more digits of a limit', memory('64Mi', '256Mi')],
  ['a limit below what the sidecar takes', memory('64Mi', '127Mi'), [LIMIT, 'at least 128Mi']],
  ['a limit of 64Mi', memory('64Mi', '64Mi'), [LIMIT, 'at least 128Mi']],
  ['a request below what the sidecar takes', memory('63Mi', '128Mi'), [`${REQUESTS}.memory`, 'at least 64Mi']],
  ['a request beyond the limit', memory('257Mi', '256Mi'), [REQUESTS, 'must not exceed']],
  ['a request beyond the limit in another unit', memory('1Gi', '999Mi'), [REQUESTS, 'must not exceed']],
  ['a request of more gibibytes than the limit', memory('2Gi', '1Gi'), [REQUESTS, 'must not exceed']],
  ['a limit in bytes', memory('64Mi', '268435456'), [LIMIT, 'must match']],
  ['a limit of nothing', memory('64Mi', '0Mi'), [LIMIT, 'must match']],
  ['a limit of nine gibibytes', memory('64Mi', '9Gi'), [LIMIT, 'must match']],
  ['no CPU', sidecar({ resources: { requests: { cpu: '0m' } } }), [`${REQUESTS}.cpu`, 'must match']],
  ['an unknown log level', sidecar({ logLevel: 'trace' }), ['spec.sidecar.logLevel', 'must be one of']],
  ['forwarded attributes', aServer({ identity: { attributes: ['costCenter'], assertion: 'Enabled' } })],
  ['an attribute named twice', aServer({ identity: { attributes: ['a', 'a'] } }), ['spec.identity.attributes[1]', 'twice']],
]);

const identity = (patch: JsonObject): JsonObject => aToken({ identity: patch });
const hashed = (patch: JsonObject = {}): JsonObject => aToken({ source: HASH_SOURCE, secretRef: null, ...patch });
const lifetime = (text: string): JsonObject => aToken({ lifetime: text });
const expiresAt = (text: string): JsonObject => aToken({ expiresAt: text });
const rotation = (every: string, overlap?: string): JsonObject =>
  aToken({ rotation: { every, ...(overlap === undefined ? {} : { overlap }) } });

const GATEWAY_TOKENS = rows('GatewayToken', [
  ['the smallest token', aToken()],
  ['a token without a source', aToken({ source: null })],
  ['a name of 63 characters', aToken({}, { name: 'a'.repeat(63) })],
  ['a name of 64 characters', aToken({}, { name: 'a'.repeat(64) }), ['', 'at most 63 characters']],
  ['an unknown field', aToken({ token: 'x' }), ['spec.token', 'unknown field']],
  ['another type', aToken({ type: 'Basic' }), ['spec.type', 'must be one of']],
  ['no lifetime', aToken({ lifetime: null }), ['spec.lifetime', 'is required']],
  ['no permission', aToken({ permissions: [] }), ['spec.permissions', 'must not be empty']],
  ['a permission without lists', aToken({ permissions: [{ serverRefs: [{ name: 'a' }] }] }), ['spec.permissions[0]', 'at least one of tools']],
  ['a permission without servers', aToken({ permissions: [{ serverRefs: [], tools: ['*'] }] }), ['spec.permissions[0].serverRefs', 'must not be empty']],
  ['no user', identity({ user: null }), ['spec.identity.user', 'is required']],
  ['an empty user', identity({ user: '' }), ['spec.identity.user', 'must not be empty']],
  ['a user with a line break', identity({ user: 'a\nb' }), ['spec.identity.user', 'must match']],
  ['a user with a leading space', identity({ user: ' a' }), ['spec.identity.user', 'must match']],
  ['a group with a comma', identity({ groups: ['a,b'] }), ['spec.identity.groups[0]', 'must match']],
  ['an empty role', identity({ roles: [''] }), ['spec.identity.roles[0]', 'must not be empty']],
  ['an e-mail with two @', identity({ email: 'a@b@c.example' }), ['spec.identity.email', 'must match']],
  ['everything about the bearer', identity({ email: 'ci@example.com', displayName: 'CI bot', team: 'platform', organization: 'example', groups: ['ci'], roles: ['reader'], attributes: { costCenter: '42' } })],
  ['an attribute name with a dot', identity({ attributes: { 'a.b': 'c' } }), ['spec.identity.attributes', 'attribute names']],
  ['an attribute with a control character', identity({ attributes: { a: '\u0007' } }), ['spec.identity.attributes.a', 'must match']],
  ['a token known by its hash', hashed()],
  ['a hash in upper case', hashed({ source: { ...HASH_SOURCE, sha256: 'A'.repeat(64) } }), ['spec.source.sha256', 'must match']],
  ['a hash without an id', hashed({ source: { type: 'Hash', sha256: 'a'.repeat(64) } }), ['spec.source', 'both required']],
  ['an id of seven characters', hashed({ source: { ...HASH_SOURCE, id: 'k7Qd2mX' } }), ['spec.source.id', 'at least 8']],
  ['Generated with a hash', aToken({ source: { sha256: 'a'.repeat(64) } }), ['spec.source', 'both required']],
  ['a hash with a Secret', hashed({ secretRef: { name: 'a' } }), ['spec.secretRef', 'not accepted with source Hash']],
  ['a hash with rotation', hashed({ rotation: { every: '1h' } }), ['spec.rotation', 'not accepted with source Hash']],
  ['a hash of a certificate', hashed({ type: 'ClientCertificate' }), ['spec.source', 'not accepted with type ClientCertificate']],
  ['Generated without a Secret', aToken({ secretRef: null }), ['spec', 'secretRef is required']],
  ['a lifetime in parts', lifetime('1h30m5s10ms')],
  ['a lifetime without a unit', lifetime('24'), ['spec.lifetime', 'must be a duration']],
  ['a lifetime in days', lifetime('1d'), ['spec.lifetime', 'must be a duration']],
  ['no lifetime at all', lifetime('0s'), ['spec.lifetime', 'more than nothing']],
  ['a negative lifetime', lifetime('-1h'), ['spec.lifetime', 'must be a duration']],
  ['a lifetime of more than a year', lifetime('8761h'), ['spec.lifetime', 'at most 8760h']],
  ['an end', expiresAt('2027-01-31T00:00:00Z')],
  ['an end on a leap day', expiresAt('2028-02-29T23:59:59.999Z')],
  ['an end on a leap day that is none', expiresAt('2027-02-29T00:00:00Z'), ['spec.expiresAt', 'must be a time']],
  ['an end on 31 April', expiresAt('2027-04-31T00:00:00Z'), ['spec.expiresAt', 'must be a time']],
  ['an end in another zone', expiresAt('2027-01-31T00:00:00+01'), ['spec.expiresAt', 'must be a time']],
  ['a rotation', rotation('12h', '12h')],
  ['a rotation without overlap', rotation('24h', '0s')],
  ['a rotation with the default overlap', rotation('23h')],
  ['a rotation with too long a default overlap', rotation('24h'), ['spec.rotation', 'must not exceed lifetime']],
  ['a rotation longer than the lifetime', rotation('12h', '13h'), ['spec.rotation', 'must not exceed lifetime']],
  ['a rotation every nothing', rotation('0h', '1h'), ['spec.rotation.every', 'more than nothing']],
  ['an overlap in words', rotation('1h', 'long'), ['spec.rotation.overlap', 'must be a duration']],
  ['an overlap of more than a week', aToken({ lifetime: '720h', rotation: { every: '1h', overlap: '169h' } }), ['spec.rotation.overlap', 'at most 168h']],
  ['the same again', aToken(), undefined, aToken()],
  ['another type later', aToken({ type: 'APIKey' }), ['spec.type', 'immutable'], aToken()],
  ['another source later', hashed(), ['spec.source', 'immutable'], aToken()],
  ['another hash later', hashed({ source: { ...HASH_SOURCE, sha256: 'b'.repeat(64) } }), ['spec.source', 'immutable'], hashed()],
  ['the same source spelt out later', aToken(), undefined, aToken({ source: null })],
  ['another Secret later', aToken({ secretRef: { name: 'other' } }), ['spec', 'secretRef is immutable'], aToken()],
  ['revoked', aToken({ revoked: true }), undefined, aToken()],
  ['still revoked', aToken({ revoked: true }), undefined, aToken({ revoked: true })],
  ['no longer revoked', aToken({ revoked: false }), ['spec.revoked', 'one-way'], aToken({ revoked: true })],
  ['revocation left out', aToken(), ['spec.revoked', 'one-way'], aToken({ revoked: true })],
  ['an end added', expiresAt('2027-01-31T00:00:00Z'), undefined, aToken()],
  ['an earlier end', expiresAt('2027-01-30T00:00:00Z'), undefined, expiresAt('2027-01-31T00:00:00Z')],
  ['a later end', expiresAt('2027-01-31T00:00:01Z'), ['spec', 'only move earlier'], expiresAt('2027-01-31T00:00:00Z')],
  ['an end removed', aToken(), ['spec', 'only move earlier'], expiresAt('2027-01-31T00:00:00Z')],
  ['a shorter lifetime', lifetime('90m'), undefined, lifetime('2h')],
  ['a longer lifetime', lifetime('121m'), ['spec.lifetime', 'only be shortened'], lifetime('2h')],
]);

export const CRD_EXAMPLES: readonly CrdExample[] = [...MCP_SERVERS, ...GATEWAY_TOKENS];
