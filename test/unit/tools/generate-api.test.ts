import { expect, test } from '@jest/globals';
import { generateApi, outdatedFiles } from '../../../tools/generate-api.ts';

test('the generated types in the tree are those of crds/ and the configuration schema', () => {
  expect(outdatedFiles()).toEqual([]);
  expect(Object.keys(generateApi())).toEqual([
    'api/v1alpha1/mcp-server.gen.ts',
    'api/v1alpha1/gateway-token.gen.ts',
    'api/v1alpha1/index.ts',
    'api/gateway-config.gen.ts',
    'api/crds.gen.ts',
  ]);
});
