import { describe, expect, test } from '@jest/globals';
import { IGNORED_METADATA, METADATA_SCHEMA } from '../../../manifest/metadata-schema.ts';
import { createSchemaCompiler } from '../../../manifest/schema-compiler.ts';

const validate = createSchemaCompiler()<unknown>(METADATA_SCHEMA);

describe('metadata', () => {
  test.each([
    { name: 'a' },
    { name: 'a-1.b', namespace: 'tools' },
    { name: 'a', labels: { 'app.kubernetes.io/name': 'x_1', empty: '' }, annotations: { 'a/b': 'any\ntext' } },
    { name: 'a', ...Object.fromEntries(IGNORED_METADATA.map((field) => [field, {}])) },
  ])('may be %j', (metadata) => {
    expect(validate({ ...metadata })).toBe(true);
  });

  test.each([
    {},
    { name: '' },
    { name: 'A' },
    { name: '-a' },
    { name: 'a..b' },
    { name: 'a/b' },
    { name: 'a\n' },
    { name: 'a'.repeat(254) },
    { name: 'a', namespace: 'a.b' },
    { name: 'a', namespace: '' },
    { name: 'a', labels: { 'a/b/c': 'x' } },
    { name: 'a', labels: { a: '-' } },
    { name: 'a', labels: { a: 'x'.repeat(64) } },
    { name: 'a', annotations: { '': 'x' } },
    { name: 'a', generateName: 'a-' },
    { name: 'a', deletionTimestamp: '2026-11-23T00:00:00Z' },
  ])('must not be %j', (metadata) => {
    expect(validate({ ...metadata })).toBe(false);
  });
});
