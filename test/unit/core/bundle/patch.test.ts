import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Bundle } from '../../../../api/bundle.ts';
import { parseStreamMessage } from '../../../../api/bundle-stream.ts';
import { applyPatch, diffBundles, PatchError } from '../../../../core/bundle/patch.ts';
import { aToken } from '../../../kit/bundles.ts';
import { aRevision, revoking, sealed } from '../../../kit/bundle-changes.ts';

const TOKENS = Array.from({ length: 8 }, (_, index) => aToken({ name: `t${index}` }).token);

const bundles: fc.Arbitrary<Bundle> = fc
  .record({
    tokens: fc.uniqueArray(fc.record({ index: fc.nat(7), revoked: fc.boolean(), user: fc.string() }), { selector: ({ index }) => index }),
    order: fc.dictionary(fc.constantFrom('a', 'b/c', 'GatewayToken', '__proto__x'), fc.nat().map(String)),
    rule: fc.option(fc.string()),
    attributes: fc.array(fc.string(), { maxLength: 2 }),
    apiKeyHeader: fc.option(fc.string()),
    generation: fc.nat(3),
    maxStalenessMs: fc.nat(3),
  })
  .map(({ tokens, order, rule, attributes, apiKeyHeader, generation, maxStalenessMs }) => {
    const base = aRevision([]);
    return sealed({
      ...base,
      order: { ...order },
      server: { ...base.server, generation },
      tokens: tokens.map(({ index, revoked, user }) => ({ ...TOKENS[index]!, revoked, identity: { ...TOKENS[index]!.identity, user } })),
      rules: rule === null ? [] : [{ rule, effect: 'Deny', principals: [{ everyone: true }], patterns: { tools: ['*'], prompts: [], resources: [] } }],
      forwardedAttributes: attributes,
      maxStalenessMs,
      authentication: { bearer: true, ...(apiKeyHeader === null ? {} : { apiKeyHeader }) },
    });
  });

test('a patch, sent as JSON, makes of one bundle the other, and changes nothing in place', () => {
  fc.assert(fc.property(bundles, bundles, (from, to) => {
    const line = JSON.stringify({ format: 1, type: 'patch', epoch: 0, patch: diffBundles(from, to) });
    const message = parseStreamMessage(line);
    if (message.type !== 'patch') throw new Error('not a patch');
    const before = structuredClone(from);
    const applied = applyPatch(from, message.patch);
    expect(applied).toEqual(to);
    expect(applied.revision).toBe(to.revision);
    expect(from).toEqual(before);
  }));
});

test('refuses a patch that was made from another bundle', () => {
  const [first, second] = [aRevision(['a']), aRevision(['b'])];
  expect(() => applyPatch(second, diffBundles(first, revoking(first, 'a', 2)))).toThrow(PatchError);
});

test('refuses a patch whose result is not what it says', () => {
  const bundle = aRevision(['a', 'b']);
  const patch = diffBundles(bundle, revoking(bundle, 'a', 2));
  expect(() => applyPatch(bundle, { ...patch, tokens: { upsert: [], remove: [] } })).toThrow(PatchError);
});

test('one revocation among ten thousand tokens is below 2 KB', () => {
  const bundle = aRevision(Array.from({ length: 10_000 }, (_, index) => `t${index}`));
  const patch = diffBundles(bundle, revoking(bundle, 't4711', 99));
  expect(patch.tokens.upsert).toHaveLength(1);
  expect(JSON.stringify({ format: 1, type: 'patch', epoch: 0, patch }).length).toBeLessThan(2048);
});
