import { describe, expect, test } from '@jest/globals';
import { parseSchema } from '../../../manifest/schema.ts';
import { renderTypes } from '../../../tools/render-types.ts';

const schema = parseSchema({
  type: 'object',
  description: 'A thing.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: {
      type: 'object',
      required: ['policies'],
      properties: {
        policies: {
          type: 'array',
          description: 'Ends a comment: */ and goes on for so long that it does not fit on one line of a hundred and twenty characters.',
          items: { type: 'object', properties: { effect: { type: 'string', enum: ['Allow', 'Deny'] } } },
        },
        access: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
        'x-y': { type: 'object', additionalProperties: { type: 'integer' } },
        on: { type: 'boolean', default: false },
      },
    },
  },
});

describe('renderTypes', () => {
  test('renders a kind as readonly, documented interfaces in the order of the schema', () => {
    expect(renderTypes({ name: 'Thing', schema, source: 'crds/x.yaml', apiVersion: 'example.com/v1' })).toBe(`/** Generated from crds/x.yaml by tools/generate-api.ts; do not edit. */
import type { ObjectMeta } from './object-meta.ts';

/** A thing. */
export interface Thing {
  readonly apiVersion: 'example.com/v1';
  readonly kind: 'Thing';
  readonly metadata: ObjectMeta;
  readonly spec: ThingSpec;
}

export interface ThingSpec {
  /**
   * Ends a comment: *\\/ and goes on for so long that it does not fit on one line of a hundred and twenty characters.
   */
  readonly policies: readonly ThingPolicy[];
  readonly access?: readonly ('a' | 'b')[];
  readonly 'x-y'?: Readonly<Record<string, number>>;
  readonly on: boolean;
}

export interface ThingPolicy {
  readonly effect?: 'Allow' | 'Deny';
}
`);
  });

  test('refuses a list of unknown elements', () => {
    const list = parseSchema({ type: 'object', properties: { a: { type: 'array' } } });
    expect(() => renderTypes({ name: 'T', schema: list, source: 's' })).toThrow('TA: an array needs items');
  });
});
