import { expect, test } from '@jest/globals';
import { evaluate } from '../../../../core/policy/evaluate.ts';
import { explain } from '../../../../core/policy/explain.ts';
import { aGrant, aPolicy, aPrincipal, aRule } from '../kit.ts';

const GRANT = 'GatewayToken/tools/alice#permissions[0]';
const DENY = 'MCPServer/tools/github#access[deny]';
const policy = aPolicy({
  grants: [aGrant({ tools: ['get_*'] }), { ...aGrant({ tools: ['*'] }), rule: 'second' }],
  rules: [aRule('Deny', { tools: ['get_secret'] }), { ...aRule('Deny', { tools: ['*'] }, [{ users: ['bob'] }]), rule: 'about-bob' }],
});

test.each([
  ['get_secret', false, DENY, [true, true, true]],
  ['get_x', true, GRANT, [false, true, true]],
  ['set_x', true, 'second', [false, false, true]],
] as const)('says who decides about %s, and what else was considered', (name, allowed, rule, matched) => {
  const target = { kind: 'tool', name } as const;
  const { decision, considered } = explain(aPrincipal(), { era: 'legacy', method: 'tools/call', target }, policy);
  expect(decision).toMatchObject({ allowed, rule });
  expect(considered).toEqual([
    { rule: DENY, effect: 'Deny', matched: matched[0] },
    { rule: GRANT, effect: 'Allow', matched: matched[1] },
    { rule: 'second', effect: 'Allow', matched: matched[2] },
  ]);
  expect(decision).toEqual(evaluate(aPrincipal(), { kind: 'single', era: 'legacy', entry: { kind: 'request', id: 1, method: 'tools/call', target } }, policy));
});

test('explains methods without a target by the grants that suffice', () => {
  const { decision, considered } = explain(aPrincipal(), { era: 'modern', method: 'tools/list', target: { kind: 'none' } }, policy);
  expect(decision.allowed).toBe(true);
  expect(considered.map(({ matched }) => matched)).toEqual([false, true, true]);
});

test('explains an unknown method', () => {
  expect(explain(aPrincipal(), { era: 'modern', method: 'initialize', target: { kind: 'none' } }, policy).decision).toMatchObject({ code: 'ERR_METHOD_UNKNOWN' });
});
