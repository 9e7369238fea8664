import { describe, expect, test } from '@jest/globals';
import { parseSchema } from '../../../manifest/schema.ts';

describe('parseSchema', () => {
  test('reads what types and rules need', () => {
    const schema = parseSchema({
      type: 'object',
      description: 'D',
      required: ['list'],
      properties: {
        list: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', properties: { name: { type: 'string' } } },
        },
        set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string', enum: ['a', 'b'] } },
        map: { type: 'object', additionalProperties: { type: 'integer' } },
        flag: { type: 'boolean', default: false },
      },
      'x-kubernetes-validations': [{ rule: 'true', message: 'M', fieldPath: '.list' }],
    });
    expect(schema).toMatchObject({ type: 'object', description: 'D', rules: [{ rule: 'true', message: 'M', fieldPath: '.list' }] });
    expect([...schema.required]).toEqual(['list']);
    expect(schema.properties.get('list')).toMatchObject({ listMapKeys: ['name'], isSet: false });
    expect(schema.properties.get('set')).toMatchObject({ isSet: true, items: { enum: ['a', 'b'] } });
    expect(schema.properties.get('map')?.values?.type).toBe('integer');
    expect(schema.properties.get('flag')?.hasDefault).toBe(true);
  });

  test.each([
    [{}],
    [{ type: 'number' }],
    [null],
    [{ type: 'object', properties: { a: {} } }],
    [{ type: 'string', 'x-kubernetes-validations': [{ rule: 'true' }] }],
  ])('refuses %j', (raw) => {
    expect(() => parseSchema(raw)).toThrow(TypeError);
  });
});
