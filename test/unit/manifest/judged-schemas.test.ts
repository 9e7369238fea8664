import { expect, test } from '@jest/globals';
import { JUDGED, judgedSchema } from '../../../manifest/judged-schemas.ts';

test.each(JUDGED)('the schema of a %s refuses unknown fields', (name) => {
  expect(judgedSchema(name)).toMatchObject({ type: 'object', additionalProperties: false });
});

test.each(['MCPServer', 'GatewayToken', 'Secret', 'ConfigMap'] as const)('only a document of kind %s is one', (kind) => {
  expect(judgedSchema(kind)['properties']).toMatchObject({ kind: { const: kind } });
});
