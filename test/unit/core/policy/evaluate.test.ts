import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { BUILT_IN_RULES } from '../../../../core/decision.ts';
import type { Entry, Message, Target } from '../../../../core/mcp/message.ts';
import { METHODS } from '../../../../core/mcp/method.ts';
import { evaluate, evaluateTarget, hasGrant, isListed } from '../../../../core/policy/evaluate.ts';
import { aForeigner, aGrant, aPolicy, aPrincipal, aRule } from '../kit.ts';
import * as laws from './laws.ts';

const request = (method: string, target: Target = { kind: 'none' }): Entry => ({ kind: 'request', id: 1, method, target });
const single = (entry: Entry, era: 'legacy' | 'modern' = 'legacy'): Message => ({ kind: 'single', era, entry });
const call = (name: string): Message => single(request('tools/call', { kind: 'tool', name }));
const read = (uri: string): Message => single(request('resources/read', { kind: 'resource', uri }));

const GRANT = 'GatewayToken/tools/alice#permissions[0]';
const DENY = 'MCPServer/tools/github#access[deny]';
const PERMISSION_TEXT = 'What the request names does not exist here or is not permitted to this credential';
const reader = { grants: [aGrant({ tools: ['get_*'], prompts: ['p'], resources: ['repo://public/*'] })] };

describe('a call', () => {
  test('is allowed by the grant that names the tool', () => {
    expect(evaluate(aPrincipal(), call('get_x'), aPolicy(reader))).toEqual({ allowed: true, rule: GRANT });
  });

  test('is denied by default, with one text for what is unknown and what is forbidden', () => {
    expect(evaluate(aPrincipal(), call('set_x'), aPolicy(reader))).toEqual({ allowed: false, rule: BUILT_IN_RULES.noRule, code: 'ERR_PERMISSION_DENIED', message: PERMISSION_TEXT });
  });

  test('G22 is denied by a Deny rule in the same words', () => {
    const policy = aPolicy({ ...reader, rules: [aRule('Deny', { tools: ['get_secret'] })] });
    expect(evaluate(aPrincipal(), call('get_secret'), policy)).toEqual({ allowed: false, rule: DENY, code: 'ERR_PERMISSION_DENIED', message: PERMISSION_TEXT });
    expect(evaluate(aPrincipal(), call('get_x'), policy).allowed).toBe(true);
  });

  test('is denied whole to a credential that is granted nothing here', () => {
    const denied = { allowed: false, rule: BUILT_IN_RULES.notGranted, code: 'ERR_SERVER_NOT_GRANTED', message: 'This credential has no permission on this server' };
    for (const message of [call('x'), single(request('nonsense')), single(request('ping'))]) {
      expect(evaluate(aPrincipal(), message, aPolicy({}))).toEqual(denied);
      expect(evaluate(aPrincipal({ credential: { uid: 'other', name: 'a/b', generation: 'AAAAAAAA', expiresAtMs: 1 } }), message, aPolicy(reader))).toEqual(denied);
      expect(evaluate(aForeigner(), message, aPolicy(reader))).toEqual(denied);
    }
  });

  test.each(['get_', 'get_/../set', 'get_*', 'get_ '])('G20 of %j is compared literally', (name) => {
    expect(evaluate(aPrincipal(), call(name), aPolicy(reader)).allowed).toBe(true);
    expect(evaluate(aPrincipal(), call(name), aPolicy({ grants: [aGrant({ tools: ['get_x'] })] })).allowed).toBe(false);
  });
});

describe('F12 a token of another namespace', () => {
  test.each([
    [[{ tools: ['get_*'] }], true],
    [[{ tools: ['set_*'] }], false],
    [[{ tools: ['set_*'] }, { tools: ['get_x'] }], true],
    [[{ prompts: ['*'] }], false],
    [[], false],
  ])('is cut by the caps %j: %s', (caps, allowed) => {
    expect(evaluate(aPrincipal(), call('get_x'), aPolicy({ grants: [aGrant({ tools: ['*'] }, caps)] })).allowed).toBe(allowed);
  });

  test('whom every cap cuts to nothing has no grant', () => {
    expect(hasGrant(aPrincipal(), aPolicy({ grants: [aGrant({ tools: ['get_*'] }, [{ tools: ['set_*'] }])] }))).toMatchObject({ code: 'ERR_SERVER_NOT_GRANTED' });
    expect(hasGrant(aPrincipal(), aPolicy({ grants: [aGrant({ tools: ['get_*'] }, [{ tools: ['*_x'] }])] }))).toEqual({ allowed: true, rule: BUILT_IN_RULES.granted });
  });
});

describe('Allow rules', () => {
  const policy = aPolicy({ rules: [aRule('Allow', { tools: ['get_*'] }, [{ from: ['corporate'], groups: ['engineering'] }])] });

  test('grant principals of the entry that they trust', () => {
    expect(evaluate(aForeigner(), call('get_x'), policy).allowed).toBe(true);
    expect(evaluate(aForeigner({ from: 'partner' }), call('get_x'), policy).allowed).toBe(false);
  });

  test('grant gateway tokens nothing', () => {
    expect(evaluate(aPrincipal(), call('get_x'), policy).allowed).toBe(false);
  });
});

describe('methods without a target', () => {
  const policy = aPolicy(reader);

  test.each(METHODS.filter(({ acts }) => acts.kinds.includes('none') || acts.kinds.includes('task')))('need any grant: $method', ({ method, form, eras, acts }) => {
    const target: Target = acts.kinds.includes('task') ? { kind: 'task', taskId: 't' } : { kind: 'none' };
    const entry: Entry = form === 'request' ? { kind: 'request', id: 1, method, target } : { kind: 'notification', method, target };
    for (const era of eras) {
      expect(evaluate(aPrincipal(), single(entry, era), policy)).toEqual({ allowed: true, rule: BUILT_IN_RULES.granted });
      expect(evaluate(aPrincipal(), single(entry, era), aPolicy({})).allowed).toBe(false);
    }
  });

  test.each<Message>([{ kind: 'stream', era: 'legacy' }, { kind: 'terminate', era: 'legacy' }, single({ kind: 'response', id: 1 })])('need any grant: $kind', (message) => {
    expect(evaluate(aPrincipal(), message, policy).allowed).toBe(true);
    expect(evaluate(aPrincipal(), message, aPolicy({})).allowed).toBe(false);
  });

  test('are denied where Deny rules leave nothing', () => {
    const rules = [aRule('Deny', { tools: ['*'], prompts: ['*'], resources: ['*'] }, [{ users: ['alice'] }])];
    expect(evaluate(aPrincipal(), { kind: 'stream', era: 'legacy' }, aPolicy({ ...reader, rules }))).toMatchObject({ code: 'ERR_SERVER_NOT_GRANTED' });
  });
});

describe('G7 and G8 unknown methods', () => {
  const all = aPolicy({ grants: [aGrant({ tools: ['*'], prompts: ['*'], resources: ['*'] })] });
  const unknown = { allowed: false, rule: BUILT_IN_RULES.unknownMethod, code: 'ERR_METHOD_UNKNOWN', message: 'This method is not available here' };

  test.each(['sampling/createMessage', 'roots/list', 'elicitation/create', 'constructor', '', 'tools/call ', 'notifications/initialized'])('%j is denied', (method) => {
    expect(evaluate(aPrincipal(), single(request(method)), all)).toEqual(unknown);
    expect(evaluate(aPrincipal(), single(request(method), 'modern'), all)).toEqual(unknown);
  });

  test('methods of one era are unknown in the other', () => {
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/get', 'tasks/list']) {
      expect(evaluate(aPrincipal(), single(request(method), 'modern'), all)).toEqual(unknown);
    }
    for (const method of ['server/discover', 'subscriptions/listen']) expect(evaluate(aPrincipal(), single(request(method)), all)).toEqual(unknown);
  });

  test('a call that is written as a notification is denied', () => {
    expect(evaluate(aPrincipal(), single({ kind: 'notification', method: 'tools/call', target: { kind: 'tool', name: 'x' } }), all)).toEqual(unknown);
  });

  test('a response is denied in the modern era', () => {
    expect(evaluate(aPrincipal(), single({ kind: 'response', id: 1 }, 'modern'), all)).toEqual(unknown);
  });

  test('a method with the target of another is denied', () => {
    expect(evaluate(aPrincipal(), single(request('tools/call')), all)).toMatchObject({ allowed: false, rule: BUILT_IN_RULES.noRule });
    expect(evaluate(aPrincipal(), single(request('tools/call', { kind: 'prompt', name: 'p' })), all).allowed).toBe(false);
  });
});

describe('G6 a batch', () => {
  const policy = aPolicy(reader);
  const entry = (name: string): Entry => request('tools/call', { kind: 'tool', name });

  test('is allowed when every member is', () => {
    expect(evaluate(aPrincipal(), { kind: 'batch', era: 'legacy', entries: [entry('get_a'), entry('get_b')] }, policy).allowed).toBe(true);
  });

  test('is denied as its first refused member is', () => {
    expect(evaluate(aPrincipal(), { kind: 'batch', era: 'legacy', entries: [entry('get_a'), request('nonsense'), entry('set_b')] }, policy)).toMatchObject({ code: 'ERR_METHOD_UNKNOWN' });
  });
});

describe('resources', () => {
  const policy = aPolicy({ grants: [aGrant({ resources: ['repo://*', 'file:///pub/*'] })], rules: [aRule('Deny', { resources: ['repo://private/*'] })] });

  test.each(['resources/read', 'resources/subscribe', 'resources/unsubscribe'])('%s follows the patterns', (method) => {
    const ask = (uri: string): boolean => evaluate(aPrincipal(), single(request(method, { kind: 'resource', uri })), policy).allowed;
    expect([ask('repo://public/a'), ask('repo://private/a'), ask('other://a')]).toEqual([true, false, false]);
  });

  test.each(['REPO://private/a', 'repo://pri\tvate/a', ' repo://private/a', 'repo://%70rivate/a', 'repo://private/b/../a', 'file:///pub/../etc/passwd', 'file:///pub/%2e%2e/etc/passwd', 'file:///pub/..%2f..%2fetc/passwd', 'file:///pub//../etc/passwd', 'file:///pub/a?/../../etc/passwd', 'file:///pub/a#/../../etc/passwd'])(
    'the spelling %j does not walk around a rule',
    (uri) => {
      expect(evaluate(aPrincipal(), read(uri), policy).allowed).toBe(false);
    },
  );

  test.each(['repo://Public/a', 'file:///pub/a%20b', 'file:///pub/x/../y'])('the spelling %j of what is allowed is allowed', (uri) => {
    expect(evaluate(aPrincipal(), read(uri), policy).allowed).toBe(true);
  });

  test.each(['note:///a.key', 'note:///a.key#', 'note:///a.key?b', 'note:///c//a.key/', 'note:////secret/a', 'note:///%c3%a9/a', 'note:///\u00e9/a'])(
    'a rule that denies some of what is granted is not walked around by %j',
    (uri) => {
      const denied = [aRule('Deny', { resources: ['*.key', 'note:///secret/*', 'note:///\u00e9/*'] })];
      expect(evaluate(aPrincipal(), read(uri), aPolicy({ grants: [aGrant({ resources: ['note:///*'] })], rules: denied })).allowed).toBe(false);
    },
  );

  test('a permission tells two resources apart by their query', () => {
    const narrow = aPolicy({ grants: [aGrant({ resources: ['note:///a?b=1'] })] });
    expect(['note:///a?b=1', 'note:///a', 'note:///a?b=2'].map((uri) => evaluate(aPrincipal(), read(uri), narrow).allowed)).toEqual([true, false, false]);
  });

  test('G24 subscriptions/listen needs every URI', () => {
    const listen = (uris: readonly string[]): boolean => evaluate(aPrincipal(), single(request('subscriptions/listen', { kind: 'resources', uris }), 'modern'), policy).allowed;
    expect([listen([]), listen(['repo://a/b']), listen(['repo://a/b', 'repo://private/b'])]).toEqual([true, true, false]);
  });

  test.each([
    ['repo://public/{id}', false],
    ['repo://{owner}/x', false],
    ['file:///pub/{name}', true],
    ['file:///{+path}', false],
    ['file:///pub/../etc/{name}', false],
    ['{any}', false],
    ['file:///pub/{broken', false],
  ])('the template %j is allowed only if all its expansions are: %s', (uriTemplate, allowed) => {
    const rules = [aRule('Deny', { resources: ['repo://private/*', 'repo://public/secret*'] })];
    const strict = aPolicy({ grants: [aGrant({ resources: ['repo://*', 'file:///pub/*'] })], rules });
    expect(evaluate(aPrincipal(), single(request('completion/complete', { kind: 'template', uriTemplate })), strict).allowed).toBe(allowed);
    expect(isListed(aPrincipal(), 'resourceTemplates', { uriTemplate }, strict)).toBe(allowed);
  });

  test('completion of a prompt follows the prompt', () => {
    const ask = (name: string): boolean => evaluate(aPrincipal(), single(request('completion/complete', { kind: 'prompt', name })), aPolicy(reader)).allowed;
    expect([ask('p'), ask('q')]).toEqual([true, false]);
  });
});

describe('a list', () => {
  test.each([null, undefined, 1, 'get_x', [], ['get_x'], {}, { name: 1 }, { name: null }, { name: '' }, { Name: 'get_x' }, { uri: 'get_x' }, { name: 'get_\ud800' }, Object.create({ name: 'get_x' }) as unknown])(
    'never shows %j',
    (item) => {
      for (const kind of ['tools', 'prompts', 'resources', 'resourceTemplates'] as const) expect(isListed(aPrincipal(), kind, item, aPolicy(reader))).toBe(false);
    },
  );

  test('shows what may be used', () => {
    const policy = aPolicy(reader);
    expect(isListed(aPrincipal(), 'tools', { name: 'get_x', description: 'x' }, policy)).toBe(true);
    expect(isListed(aPrincipal(), 'prompts', { name: 'p' }, policy)).toBe(true);
    expect(isListed(aPrincipal(), 'resources', { uri: 'repo://public/a', name: 'a' }, policy)).toBe(true);
    expect(isListed(aPrincipal(), 'resources', { uri: 'repo://private/a', name: 'repo://public/a' }, policy)).toBe(false);
  });
});

test('one target is judged alike whatever method names it', () => {
  expect(evaluateTarget(aPrincipal(), { kind: 'tool', name: 'get_x' }, aPolicy(reader))).toEqual({ allowed: true, rule: GRANT });
});


describe('laws', () => {
  const grants = fc.array(laws.grant, { maxLength: 3 });
  const rules = fc.array(laws.rule, { maxLength: 3 });
  const anyMessage = fc.oneof(laws.message, laws.use);
  const runs = { numRuns: 1500 };

  test('every message gets a decision', () => {
    fc.assert(fc.property(laws.principal, anyMessage, grants, rules, (principal, message, g, r) => {
      expect(typeof evaluate(principal, message, aPolicy({ grants: g, rules: r })).allowed).toBe('boolean');
    }), runs);
  });

  test('every list entry gets an answer', () => {
    fc.assert(fc.property(laws.principal, fc.constantFrom('tools', 'prompts', 'resources', 'resourceTemplates'), fc.anything(), grants, (principal, kind, item, g) => {
      expect(typeof isListed(principal, kind, item, aPolicy({ grants: g }))).toBe('boolean');
    }), runs);
  });

  test('adding a Deny rule never allows more', () => {
    const deny = laws.rule.map((rule) => ({ ...rule, effect: 'Deny' as const }));
    fc.assert(fc.property(laws.principal, anyMessage, grants, rules, deny, (principal, message, g, r, added) => {
      const before = evaluate(principal, message, aPolicy({ grants: g, rules: r })).allowed;
      if (evaluate(principal, message, aPolicy({ grants: g, rules: [...r, added] })).allowed) expect(before).toBe(true);
    }), runs);
  });

  test('removing a grant or an Allow rule never allows more', () => {
    fc.assert(fc.property(laws.principal, anyMessage, grants, rules, fc.nat(), (principal, message, g, r, index) => {
      const all = evaluate(principal, message, aPolicy({ grants: g, rules: r })).allowed;
      const fewer = r.filter((rule, at) => rule.effect === 'Deny' || at !== index % 3);
      if (evaluate(principal, message, aPolicy({ grants: g.filter((_, at) => at !== index % 3), rules: fewer })).allowed) expect(all).toBe(true);
    }), runs);
  });

  test('a list shows an entry exactly when its use is allowed', () => {
    let listed = 0;
    fc.assert(fc.property(laws.principal, laws.target, grants, rules, (principal, target, g, r) => {
      const policy = aPolicy({ grants: g, rules: r });
      const uses = {
        tool: ['tools', 'tools/call', target.kind === 'tool' ? { name: target.name } : {}],
        prompt: ['prompts', 'prompts/get', target.kind === 'prompt' ? { name: target.name } : {}],
        resource: ['resources', 'resources/read', target.kind === 'resource' ? { uri: target.uri } : {}],
        template: ['resourceTemplates', 'completion/complete', target.kind === 'template' ? { uriTemplate: target.uriTemplate } : {}],
      } as const;
      if (target.kind === 'none' || target.kind === 'task' || target.kind === 'resources') return;
      const [kind, method, item] = uses[target.kind];
      const shown = isListed(principal, kind, item, policy);
      if (shown) listed += 1;
      expect(shown).toBe(evaluate(principal, single(request(method, target)), policy).allowed);
    }), { numRuns: 5000 });
    expect(listed).toBeGreaterThan(20);
  });

  test.each([
    ['a://a/{x}', 'a://a'],
    ['a://a/{x}/b', 'a://a/b'],
    ['a://a/{x}/{y}', 'a://a'],
  ])('the template %s is not shown where what is left of it with nothing filled in is denied: %s', (uriTemplate, denied) => {
    const policyOf = (deny: string) => aPolicy({ grants: [{ rule: 'g', allow: { tools: [], prompts: [], resources: ['*'] } }], rules: [{ rule: 'r', effect: 'Deny', principals: [{ everyone: true }], patterns: { tools: [], prompts: [], resources: [deny] } }] });
    expect(isListed(aPrincipal(), 'resourceTemplates', { uriTemplate }, policyOf(denied))).toBe(false);
    expect(isListed(aPrincipal(), 'resourceTemplates', { uriTemplate }, policyOf('a://ab'))).toBe(true);
  });

  test('a template is shown only if each of its expansions may be read', () => {
    const part = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 3 }).map((parts) => parts.join(''));
    const template = fc.tuple(part, part).map(([one, other]) => `a://a/${one}{x}${other}`);
    fc.assert(fc.property(template, part, grants, rules, (uriTemplate, expansion, g, r) => {
      const policy = aPolicy({ grants: g, rules: r });
      if (!isListed(aPrincipal(), 'resourceTemplates', { uriTemplate }, policy)) return;
      expect(evaluate(aPrincipal(), read(uriTemplate.replace('{x}', expansion)), policy).allowed).toBe(true);
    }), { numRuns: 5000 });
  });

  test('whoever may use anything may also initialize', () => {
    fc.assert(fc.property(laws.principal, laws.use, grants, rules, (principal, message, g, r) => {
      const policy = aPolicy({ grants: g, rules: r });
      if (evaluate(principal, message, policy).allowed) expect(hasGrant(principal, policy).allowed).toBe(true);
    }), runs);
  });
});
