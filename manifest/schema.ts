/**
 * The part of a schema (of a CustomResourceDefinition, or JSON Schema) that types are generated from and CEL rules are
 * found in. Limits such as maxLength are not read here: ajv judges those.
 */
import { isList, isRecord, own, ownString } from './record.ts';

const TYPES = ['object', 'array', 'string', 'integer', 'boolean'] as const;
export type SchemaType = (typeof TYPES)[number];

export interface SchemaRule {
  readonly rule: string;
  readonly message: string;
  /** Path below the object that carries the rule, for example `.lifetime`; empty for that object itself. */
  readonly fieldPath: string;
}

export interface Schema {
  readonly type: SchemaType;
  readonly description: string;
  readonly properties: ReadonlyMap<string, Schema>;
  readonly required: ReadonlySet<string>;
  readonly items: Schema | undefined;
  /** Schema of the values of a map with arbitrary keys. */
  readonly values: Schema | undefined;
  readonly enum: readonly (string | boolean)[];
  readonly hasDefault: boolean;
  readonly rules: readonly SchemaRule[];
  /** Keys that identify an element of a list map; empty for another list. */
  readonly listMapKeys: readonly string[];
  /** Whether it is a list whose elements must differ. */
  readonly isSet: boolean;
}

const strings = (value: unknown): readonly string[] =>
  isList(value) ? value.filter((entry) => typeof entry === 'string') : [];

function parseRule(raw: unknown): SchemaRule {
  const rule = ownString(raw, 'rule');
  const message = ownString(raw, 'message');
  if (rule === undefined || message === undefined) throw new TypeError('a validation needs rule and message');
  return { rule, message, fieldPath: ownString(raw, 'fieldPath') ?? '' };
}

function parseType(raw: unknown): SchemaType {
  const name = ownString(raw, 'type');
  const type = TYPES.find((known) => known === name);
  if (type === undefined) throw new TypeError(`schema type ${name} is not supported`);
  return type;
}

/** Throws a TypeError for a schema that this project would not write: schemas are ours, never a user's. */
export function parseSchema(raw: unknown): Schema {
  const properties = own(raw, 'properties');
  const items = own(raw, 'items');
  const values = own(raw, 'additionalProperties');
  const rules = own(raw, 'x-kubernetes-validations');
  const enumeration = own(raw, 'enum');
  return {
    type: parseType(raw),
    description: ownString(raw, 'description') ?? '',
    properties: new Map(
      Object.entries(isRecord(properties) ? properties : {}).map(([name, schema]) => [name, parseSchema(schema)]),
    ),
    required: new Set(strings(own(raw, 'required'))),
    items: items === undefined ? undefined : parseSchema(items),
    values: isRecord(values) ? parseSchema(values) : undefined,
    enum: isList(enumeration) ? enumeration.filter((v) => typeof v === 'string' || typeof v === 'boolean') : [],
    hasDefault: isRecord(raw) && Object.hasOwn(raw, 'default'),
    rules: isList(rules) ? rules.map(parseRule) : [],
    listMapKeys: own(raw, 'x-kubernetes-list-type') === 'map' ? strings(own(raw, 'x-kubernetes-list-map-keys')) : [],
    isSet: own(raw, 'x-kubernetes-list-type') === 'set',
  };
}
