import { expect, test } from '@jest/globals';
import { createGatewayConfigParser } from '../../../manifest/gateway-config.ts';
import { createConfigReader } from '../../../standalone/config-reader.ts';
import { GATEWAY_CONFIG } from '../../kit/directory-source.ts';

const PATH = 'gateway-config.json';

test('has no configuration before there was a good one', () => {
  const read = createConfigReader(createGatewayConfigParser());
  expect(read([])).toEqual({ config: undefined, problems: [`${PATH}: is missing; at least "listener" must be set in it`] });
  expect(read([{ path: PATH, text: '{' }])).toEqual({ config: undefined, problems: [`${PATH}:1: is not JSON`] });
});

test.each<[string, readonly { path: string; text: string }[], string]>([
  ['is broken', [{ path: PATH, text: '{"listener": {"port": "x"}}' }], 'listener'],
  ['is removed', [], 'is missing'],
])('keeps the last good one when the file %s, and says why', (_title, files, problem) => {
  const read = createConfigReader(createGatewayConfigParser());
  const good = read([{ path: PATH, text: GATEWAY_CONFIG }]);
  expect(good).toMatchObject({ config: { listener: { plainHTTP: true } }, problems: [] });
  const bad = read(files);
  expect(bad.config).toBe(good.config);
  expect(bad.problems.join()).toContain(problem);
  expect(read([{ path: PATH, text: GATEWAY_CONFIG }]).problems).toEqual([]);
});
