import { describe, expect, test } from '@jest/globals';
import type { ValidateFunction } from 'ajv';
import { build } from 'esbuild';
import { JUDGED } from '../../../manifest/judged-schemas.ts';
import type { Judged } from '../../../manifest/judged-schemas.ts';
import { standaloneValidators } from '../../../manifest/standalone-validators.ts';
import { compileValidator } from '../../../manifest/validator.ts';

const bundled = await build({
  stdin: { contents: standaloneValidators(), resolveDir: new URL('../../../manifest', import.meta.url).pathname },
  bundle: true, write: false, format: 'esm', platform: 'node', metafile: true,
});
const code = bundled.outputFiles[0]?.text ?? '';
const standalone = (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as {
  compileValidator: (name: keyof Judged) => ValidateFunction;
};

const own = (kind: string, spec: unknown) => ({ apiVersion: 'mcpgateway.dev/v1alpha1', kind, metadata: { name: 'a' }, spec });
const VALUES: readonly unknown[] = [
  undefined, null, 1, '', [], {}, { kind: 'MCPServer' },
  own('MCPServer', { upstream: { port: 8080 } }),
  own('MCPServer', { upstream: { port: 8080, path: '/mcp' }, authentication: { gatewayTokens: { bearer: true } } }),
  own('MCPServer', { upstream: { port: 0, path: 'x', more: 1 }, authentication: { gatewayTokens: { bearer: 'yes' } } }),
  own('MCPServer', { upstream: { port: 8080, path: `/${'\u{1f600}'.repeat(3000)}` } }),
  own('GatewayToken', { type: 'Bearer', source: { type: 'Generated' }, lifetime: '24h', identity: { user: 'reader' }, permissions: [{ serverRefs: [{ name: 'a' }], tools: ['*'] }] }),
  own('GatewayToken', { type: 'Other', lifetime: 5, permissions: 'all' }),
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'B' }, data: { 'a b': 'x' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { token: 'x' } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { key: 'value' } },
  { listener: { address: '127.0.0.1', port: 0, plainHTTP: true } },
  { listener: { port: 70_000, tls: {}, plainHTTP: true }, surprise: {} },
];

const verdict = (validate: ValidateFunction, value: unknown): unknown => {
  const copy: unknown = structuredClone(value);
  return { isValid: validate(copy), withDefaults: copy, errors: validate.errors };
};

describe('compiled ahead of time', () => {
  test.each(JUDGED)('the validator of a %s judges, fills in and reports exactly as one compiled at run time', (name) => {
    const verdicts = VALUES.map((value) => verdict(standalone.compileValidator(name), value));
    expect(verdicts).toEqual(VALUES.map((value) => verdict(compileValidator(name), value)));
    expect(verdicts.some((each) => JSON.stringify(each).includes('"isValid":true'))).toBe(true);
  });

  test('nothing of the compiler is needed any more', () => {
    const inputs = Object.keys(bundled.metafile.inputs).filter((path) => path.includes('/ajv/'));
    expect(inputs.map((path) => path.replace(/^.*\/ajv\//, ''))).toEqual(['dist/runtime/ucs2length.js']);
  });
});
