import { describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { asciiOnly, bundleOptions } from '../../../tools/build.ts';

describe('a bundle', () => {
  test('has no character outside ASCII, and its regular expressions match what they matched', () => {
    const source = asciiOnly('/^(µs|𝛍)$/ // ä');
    expect(source).toBe('/^(\\u00b5s|\\ud835\\udecd)$/ // \\u00e4');
    const pattern = new RegExp(source.slice(1, source.lastIndexOf('/ //')));
    expect(['µs', '𝛍', 'us'].map((text) => pattern.test(text))).toEqual([true, true, false]);
  });

  test('is left alone where it is ASCII', () => {
    expect(asciiOnly('const a = "\\u00b5";\n')).toBe('const a = "\\u00b5";\n');
  });

  test('reads only what it uses of node:http, and holds no schema compiler', async () => {
    const { outputFiles, metafile } = await build({ ...bundleOptions('standalone/main.ts', 'unwritten.mjs'), write: false });
    expect(outputFiles.map(({ text }) => text).join('')).not.toMatch(/^import .* from "node:http"/m);
    expect(Object.keys(metafile.inputs).filter((path) => path.includes('/ajv/dist/compile/'))).toEqual([]);
  });
});
