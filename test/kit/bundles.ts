/** Bundles and tokens as tests want to say them. */
import { randomBytes } from 'node:crypto';
import type { Bundle, BundleGrant, BundleIdentity, BundlePatterns, BundleRule, BundleToken } from '../../api/bundle.ts';
import { formatCredential, hashCredential } from '../../core/credential.ts';

export interface TestToken {
  readonly text: string;
  readonly token: BundleToken;
}

export interface TokenSettings {
  readonly name?: string;
  readonly namespace?: string;
  readonly type?: 'Bearer' | 'APIKey';
  readonly revoked?: boolean;
  readonly expiresAtMs?: number;
  readonly identity?: Partial<BundleIdentity>;
  readonly tools?: readonly string[];
  readonly prompts?: readonly string[];
  readonly resources?: readonly string[];
  readonly grants?: readonly BundleGrant[];
}

/** A live token that may use every tool, prompt and resource unless `settings` say otherwise. */
export function aToken(settings: TokenSettings = {}): TestToken {
  const { name = 'alice', namespace = 'default', type = 'Bearer', revoked = false, expiresAtMs = Date.now() + 3_600_000 } = settings;
  const { text, generation } = formatCredential({ generation: randomBytes(16), secret: randomBytes(32) });
  const token: BundleToken = {
    uid: `uid-${namespace}-${name}`,
    namespace,
    name,
    type,
    revoked,
    identity: { user: name, groups: [], roles: [], attributes: {}, ...settings.identity },
    grants: settings.grants ?? [{ rule: `GatewayToken/${namespace}/${name}#permissions[0]`, allow: patternsOf(settings) }],
    generations: [{ id: generation, sha256: hashCredential(text), expiresAtMs }],
  };
  return { text, token };
}

function patternsOf({ tools = ['*'], prompts = ['*'], resources = ['*'] }: TokenSettings): BundlePatterns {
  return { tools, prompts, resources };
}

export interface BundleSettings {
  readonly name?: string;
  readonly port: number;
  readonly tokens?: readonly TestToken[];
  readonly rules?: readonly BundleRule[];
  readonly path?: string;
  readonly apiKeyHeader?: string;
  readonly forwardedAttributes?: readonly string[];
  readonly sessionKey?: string;
  readonly maxStalenessMs?: number;
  readonly peerAuthorities?: readonly string[];
}

const SESSION_KEY = Buffer.alloc(32, 7).toString('base64url');
let revisions = 0;

/** A bundle served at `/mcp`, with a revision of its own each time. */
export function aBundle(settings: BundleSettings): Bundle {
  const { name = 'server' } = settings;
  revisions += 1;
  return {
    format: 1,
    server: { namespace: 'default', name, uid: `uid-${name}`, generation: 1 },
    revision: revisions.toString(16).padStart(64, '0'),
    order: {},
    endpoints: [{ path: settings.path ?? '/mcp' }],
    upstream: { port: settings.port, path: '/mcp', credentials: [] },
    authentication: { bearer: true, apiKeyHeader: settings.apiKeyHeader ?? 'x-api-key' },
    tokens: (settings.tokens ?? []).map(({ token }) => token),
    rules: settings.rules ?? [],
    forwardedAttributes: settings.forwardedAttributes ?? [],
    sessionKey: settings.sessionKey ?? SESSION_KEY,
    maxStalenessMs: settings.maxStalenessMs ?? 60_000,
    peerAuthorities: settings.peerAuthorities ?? [],
  };
}
