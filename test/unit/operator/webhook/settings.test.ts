import { expect, test } from '@jest/globals';
import { audienceOf } from '../../../../operator/webhook/settings.ts';

test('the audience of a token names its server', () => {
  expect(audienceOf({ audiencePrefix: 'mcpgateway.dev' }, { namespace: 'tools', name: 'github' })).toBe('mcpgateway.dev/tools/github');
});
