/** From an OpenAPI schema to the strict JSON Schema of manifests, and from ajv's errors to problems with their fields. */
import type { ErrorObject } from 'ajv';
import { METADATA_SCHEMA } from './metadata-schema.ts';
import type { FieldPath, FieldProblem } from './problem.ts';
import { isList, isRecord, own, type UnknownRecord } from './record.ts';

const JSON_SCHEMA_KEYWORDS = new Set([
  'type',
  'required',
  'properties',
  'additionalProperties',
  'items',
  'enum',
  'default',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
]);

function strictChild(keyword: string, value: unknown): unknown {
  if (keyword === 'properties' && isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, strictNode(child)]));
  }
  return isRecord(value) && (keyword === 'items' || keyword === 'additionalProperties') ? strictNode(value) : value;
}

function strictNode(openApi: unknown): UnknownRecord {
  if (!isRecord(openApi)) throw new TypeError('a schema is an object');
  const node = Object.fromEntries(
    Object.entries(openApi)
      // `format` only limits int32 and int64, which minimum and maximum do already; `status` never comes from a file.
      .filter(([keyword]) => JSON_SCHEMA_KEYWORDS.has(keyword))
      .map(([keyword, value]) => [keyword, strictChild(keyword, value)]),
  );
  return 'properties' in node && !('additionalProperties' in node) ? { ...node, additionalProperties: false } : node;
}

/** The OpenAPI schema of a kind as JSON Schema for manifests: strict, with our `metadata` and without `status`. */
export function manifestSchema(openApi: UnknownRecord, apiVersion: string, kind: string): UnknownRecord {
  const { properties, ...root } = strictNode(openApi);
  const { status: _status, ...fields } = isRecord(properties) ? properties : {};
  return {
    ...root,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: { ...fields, apiVersion: { const: apiVersion }, kind: { const: kind }, metadata: METADATA_SCHEMA },
  };
}

const step = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

const pointerPath = (pointer: string): FieldPath =>
  pointer === '' ? [] : pointer.slice(1).split('/').map((part) => step(part.replaceAll('~1', '/').replaceAll('~0', '~')));

const plural = (count: unknown, noun: string): string => `${String(count)} ${noun}${count === 1 ? '' : 's'}`;

type Params = Readonly<Record<string, unknown>>;

/** Messages by ajv keyword; another keyword keeps ajv's own message. */
const MESSAGES: Readonly<Record<string, (params: Params) => string>> = {
  required: () => 'is required',
  additionalProperties: () => 'unknown field',
  type: ({ type }) => `must be ${/^[aeiou]/.test(String(type)) ? 'an' : 'a'} ${String(type)}`,
  enum: ({ allowedValues }) => `must be one of ${isList(allowedValues) ? allowedValues.map(String).join(', ') : ''}`,
  const: ({ allowedValue }) => `must be ${String(allowedValue)}`,
  pattern: ({ pattern }) => `must match ${String(pattern)}`,
  minLength: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${plural(limit, 'character')}`),
  maxLength: ({ limit }) => `must have at most ${plural(limit, 'character')}`,
  minimum: ({ limit }) => `must be at least ${String(limit)}`,
  maximum: ({ limit }) => `must be at most ${String(limit)}`,
  minItems: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${String(limit)} entries`),
  maxItems: ({ limit }) => `must have at most ${String(limit)} entries`,
  minProperties: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${String(limit)} entries`),
  maxProperties: ({ limit }) => `must have at most ${String(limit)} entries`,
  propertyNames: () => 'this key is not accepted',
  uniqueItems: () => 'must not contain the same value twice',
};

/** Keywords that fault a property of the object at instancePath, and the parameter that names it. */
const NAMING_PARAMS: ReadonlyMap<string, string> = new Map([
  ['required', 'missingProperty'],
  ['additionalProperties', 'additionalProperty'],
  ['propertyNames', 'propertyName'],
]);

function errorPath({ instancePath, keyword, params }: ErrorObject): FieldPath {
  const path = pointerPath(instancePath);
  const named = own(params, NAMING_PARAMS.get(keyword) ?? '');
  return typeof named === 'string' ? [...path, named] : path;
}

/** Faults that make it unwise to look further: a wrong type or an excessive size. */
export const isSizeOrType = ({ keyword }: ErrorObject): boolean =>
  ['type', 'maxLength', 'maxItems', 'maxProperties'].includes(keyword);

/** With `hideKeys` a key that the schema does not know is not shown either. No value ever is. */
export function schemaProblems(errors: readonly ErrorObject[], hideKeys = false): readonly FieldProblem[] {
  return (
    errors
      // Errors below `propertyNames` are repeated by `propertyNames` itself; `if` is reported by its branches' owner.
      .filter(({ propertyName }) => propertyName === undefined)
      .map((error) => ({
        path: errorPath(error),
        problem: MESSAGES[error.keyword]?.(error.params) ?? error.message ?? 'is not valid',
        hidesKey: hideKeys && (error.keyword === 'additionalProperties' || error.keyword === 'propertyNames'),
      }))
  );
}
