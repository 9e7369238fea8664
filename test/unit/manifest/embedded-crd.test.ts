import { expect, test } from '@jest/globals';
import { readCrd } from '../../../manifest/crd.ts';
import { embeddedCrd } from '../../../manifest/embedded-crd.ts';
import type { Schema } from '../../../manifest/schema.ts';

/** Everything but the descriptions, which the constant leaves out. */
function undescribed(schema: Schema): unknown {
  const { items, values } = schema;
  return {
    ...schema,
    description: '',
    properties: new Map([...schema.properties].map(([name, child]) => [name, undescribed(child)])),
    items: items && undescribed(items),
    values: values && undescribed(values),
  };
}

test.each(['MCPServer', 'GatewayToken'] as const)('the embedded %s is the one of crds/', (kind) => {
  const { apiVersion, kind: name, schema } = embeddedCrd(kind);
  const read = readCrd(kind);
  expect({ apiVersion, name }).toEqual({ apiVersion: read.apiVersion, name: kind });
  expect(schema).toEqual(undescribed(read.schema));
});

test('descriptions take no memory where nobody reads them', () => {
  expect(JSON.stringify(embeddedCrd('MCPServer').openAPIV3Schema)).not.toMatch(/"description":"/);
});
