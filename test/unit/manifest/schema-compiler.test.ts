import { expect, test } from '@jest/globals';
import { createSchemaCompiler } from '../../../manifest/schema-compiler.ts';

const SCHEMA = {
  type: 'object', required: ['name'], additionalProperties: false,
  properties: { name: { type: 'string', maxLength: 3 }, mode: { type: 'string', default: 'safe' } },
};

test('a compiled schema fills in defaults and names every fault, without the value that is at fault', () => {
  const validate = createSchemaCompiler()<unknown>(SCHEMA);
  const value = { name: 'abc' };
  expect(validate(value)).toBe(true);
  expect(value).toEqual({ name: 'abc', mode: 'safe' });
  expect(validate({ name: 'secret', other: 1 })).toBe(false);
  expect(validate.errors?.map(({ keyword }) => keyword).sort()).toEqual(['additionalProperties', 'maxLength']);
  expect(JSON.stringify(validate.errors)).not.toContain('secret');
});

test('a keyword nobody knows is a fault of the schema, not something to ignore', () => {
  expect(() => createSchemaCompiler()({ type: 'string', maxLenght: 3 })).toThrow('maxLenght');
});
