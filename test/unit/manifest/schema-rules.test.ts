import { describe, expect, test } from '@jest/globals';
import { createCelCompiler, type CelRule } from '../../../manifest/cel.ts';
import { readCrd } from '../../../manifest/crd.ts';
import { formatPath } from '../../../manifest/problem.ts';
import { createRuleChecker } from '../../../manifest/schema-rules.ts';
import { parseSchema } from '../../../manifest/schema.ts';
import { createJudges } from '../../../manifest/kinds.ts';
import { CRD_EXAMPLES } from '../../kit/crd-examples.ts';

const compile = createCelCompiler();
const VALID = { schemaIsValid: true };

/** A compiler that remembers what each occurrence of a rule answered. */
function recordingCompiler() {
  const occurrences: { rule: string; answers: Set<unknown> }[] = [];
  const compileRecorded = (rule: string): CelRule => {
    const occurrence = { rule: `${occurrences.length}: ${rule}`, answers: new Set<unknown>() };
    occurrences.push(occurrence);
    const compiled = compile(rule);
    return {
      ...compiled,
      evaluate: (self, oldSelf) => {
        const answer = compiled.evaluate(self, oldSelf);
        occurrence.answers.add(answer);
        return answer;
      },
    };
  };
  return { compileRecorded, occurrences };
}

describe.each(['MCPServer', 'GatewayToken'] as const)('the rules of %s', (kind) => {
  const judges = createJudges();
  const examples = CRD_EXAMPLES.filter((example) => example.kind === kind);

  /** The example as it is after defaults, whether accepted or not. */
  function judged(object: object) {
    const raw = JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
    judges[kind](raw, undefined);
    return raw;
  }

  test.each([
    { answer: true, outcome: 'accepted' },
    { answer: false, outcome: 'refused' },
  ])('each answer $answer to some example that is $outcome', ({ answer }) => {
    const { compileRecorded, occurrences } = recordingCompiler();
    const check = createRuleChecker(readCrd(kind).schema, compileRecorded);
    const relevant = examples.filter(({ refusal }) => (refusal === undefined) === answer);
    for (const { object, old } of relevant) check(judged(object), old && judged(old), VALID);
    expect(occurrences.length).toBeGreaterThan(10);
    expect(occurrences.filter(({ answers }) => !answers.has(answer)).map(({ rule }) => rule)).toEqual([]);
  });
});

const schemaWith = (properties: object) => parseSchema({ type: 'object', properties });

describe('transition rules', () => {
  const rule = { rule: 'self.n == oldSelf.n', message: 'n is immutable' };
  const element = {
    type: 'object',
    properties: { name: { type: 'string' }, n: { type: 'integer' } },
    'x-kubernetes-validations': [rule],
  };
  const listMap = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: element };
  const problemsOf = (properties: object, value: unknown, old: unknown) =>
    createRuleChecker(schemaWith(properties), compile)(value, old, VALID).map(({ path }) => formatPath(path));

  test('are skipped for a field that is new', () => {
    expect(problemsOf({ a: element }, { a: { n: 1 } }, {})).toEqual([]);
    expect(problemsOf({ a: element }, { a: { n: 1 } }, undefined)).toEqual([]);
  });

  test('compare a field with itself', () => {
    expect(problemsOf({ a: element }, { a: { n: 1 } }, { a: { n: 2 } })).toEqual(['a']);
  });

  test('compare elements of a list map by key, wherever they are', () => {
    const old = { list: [{ name: 'x', n: 1 }, { name: 'y', n: 2 }] };
    expect(problemsOf({ list: listMap }, { list: [{ name: 'y', n: 2 }, { name: 'x', n: 1 }] }, old)).toEqual([]);
    expect(problemsOf({ list: listMap }, { list: [{ name: 'y', n: 1 }, { name: 'z', n: 9 }] }, old)).toEqual(['list[0]']);
  });

  test('do not compare elements of a plain list, which correspond to none', () => {
    const list = { type: 'array', items: element };
    expect(problemsOf({ list }, { list: [{ name: 'x', n: 1 }] }, { list: [{ name: 'x', n: 2 }] })).toEqual([]);
  });

  test('compare the values of a map by key', () => {
    const map = { type: 'object', additionalProperties: element };
    expect(problemsOf({ map }, { map: { a: { n: 1 }, b: { n: 1 } } }, { map: { a: { n: 2 } } })).toEqual(['map.a']);
  });
});

describe('rules', () => {
  const failing = { rule: 'duration(self.d) > duration(self.e)', message: 'no', fieldPath: '.d' };
  const schema = schemaWith({ a: { type: 'object', properties: {}, 'x-kubernetes-validations': [failing] } });
  const check = createRuleChecker(schema, compile);

  test('are reported at their fieldPath', () => {
    expect(check({ a: { d: '1h', e: '2h' } }, undefined, VALID)).toEqual([{ path: ['a', 'd'], problem: 'no' }]);
  });

  test('refuse what they cannot evaluate', () => {
    expect(check({ a: {} }, undefined, VALID)).toEqual([{ path: ['a', 'd'], problem: 'no' }]);
  });

  test('are silent about what they cannot evaluate where the schema already refuses the object', () => {
    expect(check({ a: {} }, undefined, { schemaIsValid: false })).toEqual([]);
  });
});

describe('lists', () => {
  test('sets and list maps name each element that is there before', () => {
    const schema = schemaWith({
      set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      map: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['a', 'b'],
        items: { type: 'object', properties: {} },
      },
    });
    const value = { set: ['x', 'y', 'x'], map: [{ a: '1', b: '2' }, { a: '1', b: '3' }, { a: '1', b: '2' }] };
    expect(createRuleChecker(schema, compile)(value, undefined, VALID)).toEqual([
      { path: ['set', 2], problem: 'is in the list twice' },
      { path: ['map', 2], problem: 'another entry has the same a, b' },
    ]);
  });
});
