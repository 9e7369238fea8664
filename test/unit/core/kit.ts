/** Principals, policies and refusals as the tests of the core want to say them. */
import type { Bundle, BundleGrant, BundlePatterns, BundleRule } from '../../../api/bundle.ts';
import { Denial } from '../../../core/denial.ts';
import type { Principal } from '../../../core/principal.ts';
import { compilePolicy, type Policy } from '../../../core/policy/compile.ts';

export const TOKEN_UID = 'uid-alice';

export function aPrincipal(overrides: Partial<Principal> = {}): Principal {
  return {
    issuer: 'gateway-tokens/tools',
    subject: 'alice',
    from: 'gatewayTokens',
    method: 'bearer',
    identity: { user: 'alice', groups: ['engineering'], roles: ['reader'], attributes: {} },
    credential: { uid: TOKEN_UID, name: 'tools/alice', generation: 'k7Qd2mXa', expiresAtMs: 4_000_000_000_000 },
    ...overrides,
  };
}

/** Somebody an identity provider called `corporate` vouches for. */
export function aForeigner(overrides: Partial<Principal> = {}): Principal {
  return aPrincipal({ from: 'corporate', issuer: 'https://login.example', ...overrides });
}

export function patterns(lists: Partial<BundlePatterns>): BundlePatterns {
  return { tools: [], prompts: [], resources: [], ...lists };
}

export function aGrant(allow: Partial<BundlePatterns>, caps?: readonly Partial<BundlePatterns>[]): BundleGrant {
  const grant = { rule: 'GatewayToken/tools/alice#permissions[0]', allow: patterns(allow) };
  return caps === undefined ? grant : { ...grant, caps: caps.map(patterns) };
}

export function aRule(effect: 'Allow' | 'Deny', lists: Partial<BundlePatterns>, principals: BundleRule['principals'] = [{ everyone: true }]): BundleRule {
  return { rule: `MCPServer/tools/github#access[${effect.toLowerCase()}]`, effect, principals, patterns: patterns(lists) };
}

export interface PolicyParts {
  readonly grants?: readonly BundleGrant[];
  readonly rules?: readonly BundleRule[];
}

export function aBundle({ grants = [], rules = [] }: PolicyParts): Bundle {
  return {
    format: 1,
    server: { namespace: 'tools', name: 'github', uid: 'uid-github', generation: 1 },
    revision: '0'.repeat(64),
    order: {},
    endpoints: [{ path: '/mcp' }],
    upstream: { port: 3000, path: '/mcp', credentials: [] },
    authentication: { bearer: true },
    tokens: [
      {
        uid: TOKEN_UID,
        namespace: 'tools',
        name: 'alice',
        type: 'Bearer',
        revoked: false,
        identity: { user: 'alice', groups: ['engineering'], roles: ['reader'], attributes: {} },
        grants,
        generations: [],
      },
    ],
    rules,
    forwardedAttributes: [],
    sessionKey: 'c2Vzc2lvbg',
    maxStalenessMs: 900_000,
    peerAuthorities: [],
  };
}

export function aPolicy(parts: PolicyParts): Policy {
  return compilePolicy(aBundle(parts));
}

/** What a refused reading says; fails when it is not refused, or by anything but a Denial. */
export function denialOf(read: () => unknown): Pick<Denial, 'code' | 'message' | 'detail'> {
  try {
    read();
  } catch (error) {
    if (error instanceof Denial) return { code: error.code, message: error.message, detail: error.detail };
    throw error;
  }
  throw new Error('was accepted');
}
