import { expect, test } from '@jest/globals';
import { compilePolicy } from '../../../../core/policy/compile.ts';
import { UNKNOWN_TEXT } from '../../../../core/policy/pattern.ts';
import { aBundle, aGrant, aPolicy, aRule, TOKEN_UID } from '../kit.ts';

test('finds grants by the UID of the token, and sorts rules by their effect', () => {
  const policy = aPolicy({ grants: [aGrant({ tools: ['a'] })], rules: [aRule('Deny', {}), aRule('Allow', {})] });
  expect([...policy.grants.keys()]).toEqual([TOKEN_UID]);
  expect(policy.deny.map(({ rule }) => rule)).toEqual(['MCPServer/tools/github#access[deny]']);
  expect(policy.allow.map(({ rule }) => rule)).toEqual(['MCPServer/tools/github#access[allow]']);
});

test('tells literals from globs once', () => {
  const [grant] = aPolicy({ grants: [aGrant({ tools: ['a', 'b*'] })] }).grants.get(TOKEN_UID) ?? [];
  expect([...(grant?.allow.tools.literals ?? [])]).toEqual(['a']);
  expect(grant?.allow.tools.globs).toHaveLength(1);
});

test('reads resource patterns in every form that a URI has', () => {
  const [grant] = aPolicy({ grants: [aGrant({ resources: ['REPO://a/*'] })] }).grants.get(TOKEN_UID) ?? [];
  expect(grant?.allow.resources.globs.map(({ prefix }) => prefix)).toEqual(['REPO://a/', 'repo://a/']);
});

test('knows which families of texts survive the caps', () => {
  const [grant] = aPolicy({ grants: [aGrant({ tools: ['get_*', 'delete_*'] }, [{ tools: ['get_a'] }])] }).grants.get(TOKEN_UID) ?? [];
  expect(grant?.families.tools).toEqual([`get_${UNKNOWN_TEXT}`]);
});

test('a bundle without tokens and rules is a policy that allows nothing', () => {
  expect(compilePolicy({ ...aBundle({}), tokens: [] })).toEqual({ grants: new Map(), allow: [], deny: [] });
});

test('an encoded star in a pattern stays a character', () => {
  const [grant] = aPolicy({ grants: [aGrant({ resources: ['repo://a/%2A'] })] }).grants.get(TOKEN_UID) ?? [];
  expect(grant?.allow.resources).toEqual({ literals: new Set(['repo://a/%2A']), globs: [] });
});
