import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { CONFIG_MAP_SCHEMA, SECRET_SCHEMA } from '../../../manifest/core-kinds.ts';
import { readCrd } from '../../../manifest/crd.ts';
import { createSchemaCompiler } from '../../../manifest/schema-compiler.ts';
import { isSizeOrType, manifestSchema, schemaProblems } from '../../../manifest/strict-schema.ts';

const compile = createSchemaCompiler();
const OPEN_API = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    spec: {
      type: 'object',
      required: ['a'],
      properties: {
        a: { type: 'integer', format: 'int32', maximum: 9 },
        b: { type: 'string', default: 'B', maxLength: 3, pattern: '^[A-Z]*$' },
        list: { type: 'array', minItems: 1, maxItems: 2, items: { type: 'object', properties: { x: { type: 'boolean' } } } },
        map: { type: 'object', maxProperties: 1, additionalProperties: { type: 'string', enum: ['u', 'v'] } },
        default: { type: 'string' },
      },
      'x-kubernetes-validations': [{ rule: 'true', message: 'm' }],
    },
    status: { type: 'object', properties: { x: { type: 'string' } } },
  },
};
const validate = compile<unknown>(manifestSchema(OPEN_API, 'v9', 'Thing'));
const judge = (spec: unknown, rest: object = {}) => {
  const value = { apiVersion: 'v9', kind: 'Thing', metadata: { name: 'a' }, spec, ...rest };
  validate(value);
  return { value, problems: schemaProblems(validate.errors ?? []).map(({ path, problem }) => `${path.join('/')} ${problem}`) };
};

describe('a manifest schema', () => {
  test('accepts what it describes and fills in defaults', () => {
    const { value, problems } = judge({ a: 1, list: [{ x: true }], map: { k: 'u' }, default: 'x' });
    expect(problems).toEqual([]);
    expect(value).toMatchObject({ metadata: { namespace: 'default' }, spec: { b: 'B' } });
  });

  test.each([
    [{ a: 1, c: 2 }, ['spec/c unknown field']],
    [{ a: 1, list: [{ y: 1 }] }, ['spec/list/0/y unknown field']],
    [{}, ['spec/a is required']],
    [{ a: '1' }, ['spec/a must be an integer']],
    [{ a: 10 }, ['spec/a must be at most 9']],
    [{ a: 1, b: 'abcd' }, ['spec/b must have at most 3 characters', 'spec/b must match ^[A-Z]*$']],
    [{ a: 1, list: [] }, ['spec/list must not be empty']],
    [{ a: 1, list: [{}, {}, {}] }, ['spec/list must have at most 2 entries']],
    [{ a: 1, map: { k: 'w' } }, ['spec/map/k must be one of u, v']],
    [{ a: 1, map: { 'x/y~z': 'w' } }, ['spec/map/x/y~z must be one of u, v']],
    [null, ['spec must be an object']],
    [{ a: Number.POSITIVE_INFINITY }, ['spec/a must be an integer']],
  ])('%j', (spec, problems) => {
    expect(judge(spec).problems).toEqual(expect.arrayContaining(problems));
  });

  test('counts characters as Kubernetes does, not UTF-16 units', () => {
    expect(judge({ a: 1, b: '\u{1F600}'.repeat(3) }).problems).toEqual(['spec/b must match ^[A-Z]*$']);
  });

  test('wants the kind and apiVersion it is for, and knows no status', () => {
    expect(judge({ a: 1 }, { kind: 'Other', status: {} }).problems).toEqual(['status unknown field', 'kind must be Thing']);
  });
});

test('with hideKeys an unknown key is marked as not to be shown', () => {
  judge({ a: 1, hunter2: 2 });
  expect(schemaProblems(validate.errors ?? [], true)).toEqual([
    { path: ['spec', 'hunter2'], problem: 'unknown field', hidesKey: true },
  ]);
});

test('size and type faults are told from others', () => {
  judge({ a: 'x', b: 'abcd' });
  expect((validate.errors ?? []).map((error) => [error.keyword, isSizeOrType(error)])).toEqual([
    ['type', true],
    ['maxLength', true],
    ['pattern', false],
  ]);
});

test.each([
  ['MCPServer', manifestSchema(readCrd('MCPServer').openAPIV3Schema, 'v1', 'MCPServer')],
  ['GatewayToken', manifestSchema(readCrd('GatewayToken').openAPIV3Schema, 'v1', 'GatewayToken')],
  ['Secret', SECRET_SCHEMA],
  ['ConfigMap', CONFIG_MAP_SCHEMA],
  ['GatewayConfig', JSON.parse(readFileSync(new URL('../../../api/gateway-config.schema.json', import.meta.url), 'utf8')) as object],
])('the schema of %s is valid JSON Schema', (_kind, schema) => {
  const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false });
  expect(ajv.validateSchema(schema)).toBe(true);
  expect(() => ajv.compile(schema)).not.toThrow();
});
