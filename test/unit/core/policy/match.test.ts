import { describe, expect, test } from '@jest/globals';
import type { BundlePrincipalMatch } from '../../../../api/bundle.ts';
import { denyRulesOf, grantAllows, grantIsLive, grantsOf, ruleDenies, subjectsOf } from '../../../../core/policy/match.ts';
import { aForeigner, aGrant, aPolicy, aPrincipal, aRule } from '../kit.ts';

describe('a rule binds a principal', () => {
  test.each<[BundlePrincipalMatch, boolean]>([
    [{ everyone: true }, true],
    [{ from: ['corporate'] }, true],
    [{ from: ['gatewayTokens'] }, false],
    [{ from: [] }, false],
    [{ users: ['alice'] }, true],
    [{ users: ['Alice'] }, false],
    [{ users: [] }, false],
    [{ groups: ['other', 'engineering'] }, true],
    [{ groups: ['engineer'] }, false],
    [{ groups: [] }, false],
    [{ roles: ['reader'] }, true],
    [{ roles: [] }, false],
    [{ from: ['corporate'], users: ['alice'], groups: ['engineering'], roles: ['reader'] }, true],
    [{ from: ['corporate'], users: ['alice'], groups: ['engineering'], roles: ['admin'] }, false],
    [{ from: ['other'], users: ['alice'] }, false],
  ])('%j: %s', (match, binds) => {
    const principal = aForeigner();
    expect(denyRulesOf(principal, aPolicy({ rules: [aRule('Deny', { tools: ['*'] }, [match])] }))).toHaveLength(binds ? 1 : 0);
  });

  test('when any of its entries does', () => {
    const policy = aPolicy({ rules: [aRule('Deny', {}, [{ users: ['bob'] }, { users: ['alice'] }])] });
    expect(denyRulesOf(aPrincipal(), policy)).toHaveLength(1);
    expect(denyRulesOf(aPrincipal({ subject: 'carol' }), policy)).toHaveLength(0);
  });
});

describe('grants', () => {
  const policy = aPolicy({ grants: [aGrant({ tools: ['a'] })], rules: [aRule('Allow', { tools: ['b'] }, [{ from: ['corporate', 'gatewayTokens'] }])] });

  test('of a gateway token are its own, never those of Allow rules', () => {
    expect(grantsOf(aPrincipal(), policy).map(({ rule }) => rule)).toEqual(['GatewayToken/tools/alice#permissions[0]']);
  });

  test('of anybody else are the Allow rules that trust where he comes from', () => {
    expect(grantsOf(aForeigner(), policy).map(({ rule }) => rule)).toEqual(['MCPServer/tools/github#access[allow]']);
    expect(grantsOf(aForeigner({ from: 'other' }), policy)).toEqual([]);
  });

  test.each<BundlePrincipalMatch>([{ everyone: true }, { users: ['alice'] }, { groups: ['engineering'] }])('are not made by an Allow rule without from: %j', (match) => {
    expect(grantsOf(aForeigner(), aPolicy({ rules: [aRule('Allow', { tools: ['*'] }, [match])] }))).toEqual([]);
  });

  test('need every reading of a URI, and deny rules only one', () => {
    const [subject] = subjectsOf({ kind: 'resource', uri: 'repo://public/../private/x' }) ?? [];
    const [outside] = subjectsOf({ kind: 'resource', uri: 'repo://h/public/../private/x' }) ?? [];
    const rules = aPolicy({ grants: [aGrant({ resources: ['repo://h/public/*'] })], rules: [aRule('Deny', { resources: ['repo://h/private/*'] })] });
    const [grant] = grantsOf(aPrincipal(), rules);
    const [deny] = denyRulesOf(aPrincipal(), rules);
    if (subject === undefined || outside === undefined || grant === undefined || deny === undefined) throw new Error('incomplete');
    expect([grantAllows(grant, outside), ruleDenies(deny, outside), ruleDenies(deny, subject)]).toEqual([false, true, false]);
  });

  test('are dead once deny rules cover all they could allow', () => {
    const [grant] = grantsOf(aPrincipal(), aPolicy({ grants: [aGrant({ tools: ['get_*'], prompts: ['p'] })] }));
    const deny = (tools: readonly string[], prompts: readonly string[]) => aPolicy({ rules: [aRule('Deny', { tools, prompts })] }).deny;
    if (grant === undefined) throw new Error('incomplete');
    expect([grantIsLive(grant, []), grantIsLive(grant, deny(['get_*'], [])), grantIsLive(grant, deny(['get_a*'], ['*'])), grantIsLive(grant, deny(['get_*'], ['*']))]).toEqual([true, true, true, false]);
  });
});

test.each([
  { kind: 'tool', name: '' } as const,
  { kind: 'prompt', name: 'x'.repeat(1025) } as const,
  { kind: 'resource', uri: '\ud800' } as const,
  { kind: 'resources', uris: ['a://b', ''] } as const,
  { kind: 'template', uriTemplate: 'a://{b' } as const,
])('nothing that can be judged is named by %j', (target) => {
  expect(subjectsOf(target)).toBeUndefined();
});
