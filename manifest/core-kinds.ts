/** The two core kinds a manifest may contain, as far as the gateway reads them: Secret and ConfigMap. */
import type { ObjectMeta } from '../api/v1alpha1/index.ts';
import { METADATA_SCHEMA } from './metadata-schema.ts';
import type { FieldProblem } from './problem.ts';

export interface Secret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: ObjectMeta;
  readonly type: string;
  /** Decoded; an entry of `stringData` has won over one of `data`. */
  readonly data: Readonly<Record<string, Uint8Array>>;
}

export interface ConfigMap {
  readonly apiVersion: 'v1';
  readonly kind: 'ConfigMap';
  readonly metadata: ObjectMeta;
  readonly data: Readonly<Record<string, string>>;
}

/** A Secret as written. */
export interface SecretManifest extends Omit<Secret, 'data'> {
  readonly data: Readonly<Record<string, string>>;
  readonly stringData: Readonly<Record<string, string>>;
}

const KEYS = { maxLength: 253, pattern: '^[-._a-zA-Z0-9]+$' };
const VALUES = { type: 'string', maxLength: 1_048_576 };
const entries = { type: 'object', maxProperties: 256, propertyNames: KEYS, additionalProperties: VALUES, default: {} };

export const SECRET_SCHEMA = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata'],
  additionalProperties: false,
  properties: {
    apiVersion: { const: 'v1' },
    kind: { const: 'Secret' },
    metadata: METADATA_SCHEMA,
    type: { type: 'string', minLength: 1, maxLength: 253, pattern: '^[A-Za-z0-9./_-]+$', default: 'Opaque' },
    immutable: { type: 'boolean' },
    data: entries,
    stringData: entries,
  },
};

export const CONFIG_MAP_SCHEMA = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata'],
  additionalProperties: false,
  properties: {
    apiVersion: { const: 'v1' },
    kind: { const: 'ConfigMap' },
    metadata: METADATA_SCHEMA,
    immutable: { type: 'boolean' },
    data: entries,
  },
};

// RFC 4648 §4 with padding; Buffer would skip what it does not know.
const isBase64 = (text: string): boolean => {
  const compact = text.replace(/[\r\n]/g, '');
  return compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact);
};

export const secretProblems = ({ data }: SecretManifest): readonly FieldProblem[] =>
  Object.entries(data).flatMap(([key, text]) =>
    isBase64(text) ? [] : [{ path: ['data', key], problem: 'must be base64; for plain text use stringData' }],
  );

export function decodeSecret({ apiVersion, kind, metadata, type, data, stringData }: SecretManifest): Secret {
  const decoded = Object.entries(data).map(([key, text]) => [key, new Uint8Array(Buffer.from(text, 'base64'))] as const);
  const encoder = new TextEncoder();
  const plain = Object.entries(stringData).map(([key, text]) => [key, encoder.encode(text)] as const);
  return { apiVersion, kind, metadata, type, data: Object.fromEntries([...decoded, ...plain]) };
}
