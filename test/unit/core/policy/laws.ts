/** Random policies, principals and messages over a small alphabet, so that patterns and names often meet. */
import * as fc from 'fast-check';
import type { BundleGrant, BundlePatterns, BundlePrincipalMatch, BundleRule } from '../../../../api/bundle.ts';
import type { Entry, Message, Target } from '../../../../core/mcp/message.ts';
import { METHODS } from '../../../../core/mcp/method.ts';
import type { Principal } from '../../../../core/principal.ts';
import { aPrincipal } from '../kit.ts';

const text = fc.array(fc.constantFrom('a', 'b', '/', '..', '%2e', 'a://', 'A://'), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
const pattern = fc.array(fc.constantFrom('a', 'b', '/', '*', 'a://', '..'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
const template = fc.array(fc.constantFrom('a', 'b', '/', '{x}', '{+y}', 'a://', '{'), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
const list = fc.array(pattern, { maxLength: 3 });
const patterns: fc.Arbitrary<BundlePatterns> = fc.record({ tools: list, prompts: list, resources: list });
const names = fc.subarray(['alice', 'bob']);
const match: fc.Arbitrary<BundlePrincipalMatch> = fc.record(
  { everyone: fc.constant(true as const), from: fc.subarray(['gatewayTokens', 'corporate']), users: names, groups: fc.subarray(['engineering', 'other']), roles: fc.subarray(['reader']) },
  { requiredKeys: [] },
);

export const grant: fc.Arbitrary<BundleGrant> = fc.record(
  { rule: fc.constantFrom('g1', 'g2'), allow: patterns, caps: fc.array(patterns, { maxLength: 2 }) },
  { requiredKeys: ['rule', 'allow'] },
);

export const rule: fc.Arbitrary<BundleRule> = fc.record({
  rule: fc.constantFrom('r1', 'r2'),
  effect: fc.constantFrom('Allow' as const, 'Deny' as const),
  principals: fc.array(match, { maxLength: 2 }),
  patterns,
});

export const principal: fc.Arbitrary<Principal> = fc.record({ from: fc.constantFrom('gatewayTokens', 'corporate'), subject: fc.constantFrom('alice', 'bob') }).map(aPrincipal);

export const target: fc.Arbitrary<Target> = fc.oneof(
  fc.constant<Target>({ kind: 'none' }),
  fc.record({ kind: fc.constant('tool' as const), name: fc.oneof(text, fc.string({ unit: 'binary' })) }),
  fc.record({ kind: fc.constant('prompt' as const), name: text }),
  fc.record({ kind: fc.constant('resource' as const), uri: fc.oneof(text, fc.webUrl(), fc.string({ unit: 'binary' })) }),
  fc.record({ kind: fc.constant('template' as const), uriTemplate: template }),
  fc.record({ kind: fc.constant('resources' as const), uris: fc.array(text, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('task' as const), taskId: text }),
);

const method = fc.oneof(fc.constantFrom(...METHODS.map((row) => row.method)), fc.string());

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant('request' as const), id: fc.constant(1), method, target }),
  fc.record({ kind: fc.constant('notification' as const), method, target }),
  fc.record({ kind: fc.constant('response' as const), id: fc.constant('r') }),
);

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('single' as const), era: fc.constantFrom('legacy' as const, 'modern' as const), entry }),
  fc.record({ kind: fc.constant('batch' as const), era: fc.constant('legacy' as const), entries: fc.array(entry, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constantFrom('stream' as const, 'terminate' as const), era: fc.constant('legacy' as const) }),
);

/** Messages that name a target by its own method: what a client that follows the protocol sends. */
export const use: fc.Arbitrary<Message> = target.map((named) => {
  const methods = { none: 'ping', task: 'tasks/get', tool: 'tools/call', prompt: 'prompts/get', resource: 'resources/read', template: 'completion/complete', resources: 'subscriptions/listen' };
  return { kind: 'single', era: named.kind === 'resources' ? 'modern' : 'legacy', entry: { kind: 'request', id: 1, method: methods[named.kind], target: named } };
});
