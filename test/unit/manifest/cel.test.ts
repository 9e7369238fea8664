import { describe, expect, test } from '@jest/globals';
import { CEL_SUBSET, createCelCompiler } from '../../../manifest/cel.ts';
import { readCrd } from '../../../manifest/crd.ts';
import type { Schema } from '../../../manifest/schema.ts';

const compile = createCelCompiler();

function rulesOf(schema: Schema): readonly string[] {
  const children = [...schema.properties.values(), schema.items, schema.values].filter((child) => child !== undefined);
  return [...schema.rules.map(({ rule }) => rule), ...children.flatMap(rulesOf)];
}

describe('the CEL of our CRDs', () => {
  test.each([...rulesOf(readCrd('MCPServer').schema), ...rulesOf(readCrd('GatewayToken').schema)])(
    'stays within the subset: %s',
    (rule) => {
      expect(compile(rule).outsideSubset).toEqual([]);
    },
  );

  test('uses regular expressions that RE2 and JavaScript read alike', () => {
    const rules = [...rulesOf(readCrd('MCPServer').schema), ...rulesOf(readCrd('GatewayToken').schema)];
    // Classes such as \d and \s, the dot and look-around differ; `[]` is an empty class in JavaScript alone.
    expect(rules.filter((rule) => /\.matches\('[^']*(\\\\[a-zA-Z]|\(\?|\[\]|\[\^\])/.test(rule))).toEqual([]);
  });
});

describe('the subset', () => {
  test.each([
    ['self.map(x, x) == self', 'map'],
    ['self.filter(x, x > 1) == self', 'filter'],
    ['self.size() - 1 > 0', '-'],
    ['self[0] == 1', '[]'],
    ['int(self) == 1', 'int'],
    ["self.split(',') == self", 'split'],
    ['self == 1.5', 'literal'],
    ['self == null', 'literal'],
    ["{'a': 1} == self", 'map'],
  ])('does not contain %s', (rule, outside) => {
    expect(compile(rule).outsideSubset).toContain(outside);
  });

  test('names every operator and function once', () => {
    const names = [...CEL_SUBSET.macros, ...CEL_SUBSET.functions, ...CEL_SUBSET.operators];
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('a compiled rule', () => {
  test.each([
    ["duration(self.a) + duration(self.b) <= duration('13h')", { a: '12h', b: '60m' }, true],
    ["duration(self.a) <= duration('90s')", { a: '1m31s' }, false],
    ["timestamp(self.a) <= timestamp('2027-01-31T00:00:00Z')", { a: '2027-01-30T23:59:59Z' }, true],
    ["self.all(k, k.matches('^[a-z]+$'))", { a: '1', b: '2' }, true],
    ["self.all(k, k.matches('^[a-z]+$'))", { a: '1', B: '2' }, false],
    ['self.all(a, self.exists_one(b, b == a))', ['x', 'y', 'x'], false],
    ["self.size() <= 3", 'a\u{1F600}b', true],
    ["has(self.a) != has(self.b)", { a: 1 }, true],
  ])('%s', (rule, self, expected) => {
    expect(compile(rule).evaluate(self, undefined)).toBe(expected);
  });

  test('is a transition rule exactly if it mentions oldSelf', () => {
    expect(compile('self == oldSelf').isTransition).toBe(true);
    expect(compile("self == 'oldSelf'").isTransition).toBe(false);
  });

  test.each([
    ['self.a.b == 1', {}],
    ["duration(self) > duration('0s')", 'soon'],
    ['self.size()', 'not a boolean'],
    ['self.constructor == 1', {}],
  ])('is an error and does not throw where %s cannot be evaluated', (rule, self) => {
    expect(compile(rule).evaluate(self, undefined)).toBe('error');
  });
});
