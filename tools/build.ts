/**
 * Bundles what runs in production: one file in dist/ for each main module, with a source map and the metafile that says
 * what is inside. `dist/` lies beside `crds/` and `api/` as `manifest/` does, so what manifest/ reads by a path
 * relative to its own module is found from a bundle as well. An image needs bin/, dist/, crds/, package.json and the
 * schema in api/.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { BuildOptions, Plugin } from 'esbuild';
import { standaloneValidators } from '../manifest/standalone-validators.ts';

const ROOT = join(import.meta.dirname, '..');

export const BUNDLES = { standalone: 'standalone/main.ts', cli: 'cli/main.ts', operator: 'operator/main.ts', sidecar: 'sidecar/main.ts' } as const;

/** CommonJS packages inside an ES module bundle still call `require` for Node's own modules. */
const REQUIRE = "import { createRequire as mcpgatewayCreateRequire } from 'node:module';\nconst require = mcpgatewayCreateRequire(import.meta.url);";

/** Schemas are compiled here instead of at every start. */
const precompiledValidators: Plugin = {
  name: 'precompiled-validators',
  setup(bundle) {
    bundle.onLoad({ filter: /\/manifest\/validator\.ts$/ }, ({ path }) => ({ contents: standaloneValidators(), loader: 'js', resolveDir: dirname(path) }));
  },
};

/** An import of node:http reads all its members, and WebSocket among them loads Node's own fetch; `require` reads none. */
const httpWithoutFetch: Plugin = {
  name: 'http-without-fetch',
  setup(bundle) {
    bundle.onResolve({ filter: /^node:http$/ }, ({ kind }) => (kind === 'import-statement' ? { path: 'node:http', namespace: 'required' } : undefined));
    bundle.onLoad({ filter: /^/, namespace: 'required' }, () => ({ contents: "module.exports = require('node:http');", loader: 'js' }));
  },
};

export function bundleOptions(entry: string, outfile: string) {
  return {
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Names are kept: a stack trace without its source map is still readable.
    minifySyntax: true,
    sourcemap: 'external',
    legalComments: 'eof',
    plugins: [precompiledValidators, httpWithoutFetch],
    banner: { js: REQUIRE },
    metafile: true,
    logLevel: 'warning',
  } as const satisfies BuildOptions;
}

/** Replaces the bundles in `directory`, and nothing else there. */
export async function buildBundles(directory: string): Promise<readonly string[]> {
  mkdirSync(directory, { recursive: true });
  return Promise.all(
    Object.entries(BUNDLES).map(async ([name, entry]) => {
      const outfile = join(directory, `${name}.mjs`);
      const { metafile } = await build(bundleOptions(entry, outfile));
      writeFileSync(outfile, asciiOnly(readFileSync(outfile, 'utf8')));
      writeFileSync(join(directory, `${name}.meta.json`), JSON.stringify(metafile));
      return outfile;
    }),
  );
}

/**
 * V8 keeps a source with one character outside ASCII in two bytes per character, megabytes for the life of the process.
 * esbuild escapes such characters in strings and names, but leaves them in regular expressions and comments, where the
 * escape means the same.
 */
export function asciiOnly(source: string): string {
  return source.replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

if (import.meta.main) {
  const directory = resolve(ROOT, 'dist');
  rmSync(directory, { recursive: true, force: true });
  for (const file of await buildBundles(directory)) {
    console.log(`${file.slice(ROOT.length + 1)}  ${String(Math.round(statSync(file).size / 1024))} KiB`);
  }
}
