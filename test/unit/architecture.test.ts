/** Holds the import directions, the one door of each package, and what keeps a module harmless to import. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { bundleOptions } from '../../tools/build.ts';
import { describeSource, LAYERS, listTypeScript, readSourceFiles, ROOT } from '../kit/source-tree.ts';
import type { Layer, SourceFile } from '../kit/source-tree.ts';

/** What each directory may import of ours, besides itself. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  api: [],
  core: ['api'],
  runtime: [],
  manifest: ['api', 'core'],
  pki: ['runtime'],
  operator: ['api', 'core', 'runtime', 'manifest', 'pki'],
  sidecar: ['api', 'core', 'runtime'],
  standalone: ['api', 'core', 'runtime', 'manifest', 'sidecar'],
  cli: ['api', 'core', 'runtime', 'manifest'],
};

/** Each package has few doors: files, or directories with a trailing slash. A package that is not here has none. */
const DOORS: Readonly<Record<string, string | readonly string[]>> = {
  undici: 'sidecar/proxy/pool.ts',
  express: ['runtime/admin-server.ts', 'operator/webhook/server.ts'],
  '@kubernetes/client-node': 'operator/kube/',
  '@peculiar/x509': 'pki/',
  // What @peculiar/x509 asks for beside itself.
  'reflect-metadata': 'pki/',
  winston: 'runtime/log.ts',
  'prom-client': 'runtime/metrics.ts',
  yaml: 'manifest/',
  ajv: 'manifest/',
  '@marcbachmann/cel-js': 'manifest/',
  commander: 'cli/',
};

/** Constants of the wire contract that core writes down; everything else it takes from api is a type. */
const CORE_TAKES_VALUES: readonly string[] = ['core/bundle/compile.ts -> api/bundle.ts', 'core/token-demand.ts -> api/annotations.ts'];

/** Files that no unit test mirrors, and the test that covers them instead. */
const COVERED_ELSEWHERE: Readonly<Record<string, string>> = {
  // Three parts of one source of state: only together do they make a promise.
  'standalone/directory-model.ts': 'test/unit/standalone/directory-source.test.ts',
  'standalone/directory-state.ts': 'test/unit/standalone/directory-source.test.ts',
  'standalone/ledger-sync.ts': 'test/unit/standalone/directory-source.test.ts',
  'standalone/directory-watch.ts': 'test/integration/directory-edits.test.ts',
  'standalone/main.ts': 'test/integration/clients.test.ts',
  // A command is its arguments, output and exit code: it is run as a process.
  'cli/main.ts': 'test/integration/cli.test.ts',
  'cli/command-io.ts': 'test/integration/cli.test.ts',
  'cli/commands/can-i.ts': 'test/integration/cli.test.ts',
  'cli/commands/token-create.ts': 'test/integration/cli.test.ts',
  'cli/commands/token-list.ts': 'test/integration/cli.test.ts',
  'cli/commands/token-revoke.ts': 'test/integration/cli.test.ts',
  'cli/commands/token-rotate.ts': 'test/integration/cli.test.ts',
  'cli/commands/whoami.ts': 'test/integration/cli.test.ts',
  // A process and the parts that only a cluster brings together: run against a real API server.
  'operator/main.ts': 'test/integration/cluster.test.ts',
  'operator/issue-certificate.ts': 'test/integration/cluster.test.ts',
  'operator/issue-peer-certificate.ts': 'test/integration/sessions.test.ts',
  'operator/trust/webhook-trust.ts': 'test/integration/cluster.test.ts',
  'sidecar/main.ts': 'test/integration/cluster.test.ts',
  'sidecar/request-certificate.ts': 'test/integration/cluster.test.ts',
  'operator/operator.ts': 'test/integration/operator.test.ts',
  // Both ends of a stream over real TLS.
  'operator/bundle/open-stream.ts': 'test/integration/bundle-stream.test.ts',
  'operator/bundle/pod-admission.ts': 'test/integration/bundle-stream.test.ts',
  'operator/bundle/read-report.ts': 'test/integration/bundle-stream.test.ts',
  'operator/bundle/serve.ts': 'test/integration/bundle-stream.test.ts',
  'sidecar/snapshot/operator-source.ts': 'test/integration/bundle-stream.test.ts',
  'sidecar/snapshot/replica-follower.ts': 'test/integration/bundle-stream.test.ts',
  'sidecar/snapshot/replica-stream.ts': 'test/integration/bundle-stream.test.ts',
  // Parts of a thing that is tested through its only door.
  'operator/ledger/ledger-index.ts': 'test/unit/operator/ledger/ledger.test.ts',
  'operator/ledger/shard-store.ts': 'test/unit/operator/ledger/ledger.test.ts',
  'sidecar/peer/connect.ts': 'test/unit/sidecar/peer/forward.test.ts',
  'sidecar/peer/peers.ts': 'test/integration/security/h-peers.test.ts',
  'sidecar/proxy/pool.ts': 'test/unit/sidecar/proxy/forward.test.ts',
  'sidecar/snapshot/tombstones.ts': 'test/unit/sidecar/snapshot/bundle-admission.test.ts',
  'operator/webhook/patch-operation.ts': 'test/unit/operator/webhook/pod-patch.test.ts',
  'operator/kube/api-call.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/deadline.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/failure.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/kube-error.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/kube-object.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/page.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/token-review.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/transport.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/watch-stream.ts': 'test/unit/operator/kube/client.test.ts',
  'operator/kube/audit.ts': 'test/unit/operator/kube/informer.test.ts',
  'operator/kube/object-store.ts': 'test/unit/operator/kube/informer.test.ts',
  'operator/kube/reflector.ts': 'test/unit/operator/kube/informer.test.ts',
  'operator/kube/silence.ts': 'test/unit/operator/kube/informer.test.ts',
  'operator/kube/delays.ts': 'test/unit/operator/kube/work-queue.test.ts',
  'operator/kube/kube-metrics.ts': 'test/unit/operator/kube/work-queue.test.ts',
  'operator/kube/queue-gauges.ts': 'test/unit/operator/kube/work-queue.test.ts',
  'operator/kube/reconcile-count.ts': 'test/unit/operator/kube/work-queue.test.ts',
  'operator/kube/waiting-keys.ts': 'test/unit/operator/kube/work-queue.test.ts',
  'operator/kube/lease-claim.ts': 'test/unit/operator/kube/lease.test.ts',
  'operator/kube/tenure.ts': 'test/unit/operator/kube/lease.test.ts',
  'operator/kube/event-series.ts': 'test/unit/operator/kube/events.test.ts',
  'operator/kube/micro-time.ts': 'test/unit/operator/kube/events.test.ts',
};

/** Module-level bindings and statements that are allowed, and why. */
const ON_IMPORT: Readonly<Record<string, readonly string[]>> = {
  // Only a static block of the class itself can reach the private constructor of a Permit; this is how it hands it out.
  'sidecar/authorize/authorize.ts': ['let mint'],
  // The X.509 library finds its parts through it and does not load it itself.
  'pki/authority.ts': ["import 'reflect-metadata'"],
};

const FORBIDDEN_PACKAGES = ['@kubernetes/client-node', 'node-forge'];

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

const files = readSourceFiles(LAYERS);
const byPath = new Map(files.map((file) => [file.path, file]));

describe('import directions', () => {
  test('the walk sees the product', () => {
    for (const layer of LAYERS) expect(files.filter((file) => file.layer === layer)).not.toEqual([]);
  });

  test('every import of ours exists and goes in an allowed direction', () => {
    const wrong = edges((file, target) => {
      if (!existsSync(join(ROOT, target))) return true;
      const layer = target.split('/', 1)[0] ?? '';
      return layer !== file.layer && !MAY_IMPORT[file.layer as Layer].some((allowed) => allowed === layer);
    });
    expect(wrong).toEqual([]);
  });

  test('core takes only types from api', () => {
    const values = edges((file, target, typeOnly) => file.layer === 'core' && target.startsWith('api/') && !typeOnly);
    expect(values.filter((edge) => !CORE_TAKES_VALUES.includes(edge))).toEqual([]);
  });

  test('api uses nothing of Node and core only hashing and bytes', () => {
    expect(nodeImports('api')).toEqual([]);
    expect(nodeImports('core').filter((edge) => !/ node:(crypto|buffer)$/.test(edge))).toEqual([]);
  });

  test('no module imports a computed name, which no test could judge', () => {
    expect(files.filter((file) => file.imports.some(({ specifier }) => specifier === '<computed>')).map(({ path }) => path)).toEqual([]);
  });

  test('there are no cycles, not even of types', () => {
    expect(cycles()).toEqual([]);
  });
});

describe('packages', () => {
  test('every package is imported through its door', () => {
    expect(files.flatMap((file) =>
      file.imports
        .filter(({ specifier, target }) => isPackage(specifier) && !doorsOf(target).some((door) => passesDoor(file.path, door)))
        .map(({ target }) => `${file.path} imports ${target}, whose door is ${doorsOf(target).join(' or ')}`),
    )).toEqual([]);
  });

  test('every dependency of production has a door, and every door a package', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(Object.keys(DOORS).sort());
  });

  test.each(['sidecar/main.ts', 'standalone/main.ts'])('%s never reaches the Kubernetes client or node-forge', async (entry) => {
    const { metafile } = await build({ ...bundleOptions(entry, 'dist/unwritten.mjs'), write: false, logLevel: 'silent' });
    const packages = new Set(Object.keys(metafile.inputs).map(packageOf).filter((name) => name !== undefined));
    expect(packages).toContain('undici');
    expect(FORBIDDEN_PACKAGES.filter((name) => packages.has(name))).toEqual([]);
  });

  test('versions are pinned exactly', () => {
    const declared = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(Object.entries(declared).filter(([, version]) => !/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/.test(version))).toEqual([]);
  });

  test('the Node of development is the one that engines and .nvmrc ask for', () => {
    const pinned = manifest.devDependencies['node'] ?? '';
    expect(readFileSync(join(ROOT, '.nvmrc'), 'utf8').trim()).toBe(pinned);
    expect(process.versions.node).toBe(pinned);
    const floor = /^>=(\d+\.\d+\.\d+)$/.exec(manifest.engines['node'] ?? '')?.[1] ?? '';
    expect(pinned.localeCompare(floor, 'en', { numeric: true })).toBeGreaterThanOrEqual(0);
    expect(readFileSync(join(ROOT, 'bin/mcpgateway'), 'utf8')).toContain(`MINIMUM=${floor}`);
  });
});

describe('modules', () => {
  test('nothing has a default export', () => {
    expect(files.filter((file) => file.defaultExport).map(({ path }) => path)).toEqual([]);
  });

  test('only api/v1alpha1/index.ts re-exports', () => {
    expect(files.filter((file) => file.reExports > 0).map(({ path }) => path)).toEqual(['api/v1alpha1/index.ts']);
  });

  test('importing a module does nothing: no call, no state, except in main.ts', () => {
    const found = files
      .filter(({ path }) => !/(^|\/)main\.ts$/.test(path))
      .flatMap((file) => file.onImport.filter((what) => !ON_IMPORT[file.path]?.includes(what)).map((what) => `${file.path}: ${what}`));
    expect(found).toEqual([]);
  });

  test('files are named for a noun of the glossary', () => {
    expect(files.filter(({ path }) => /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/.test(path)).map(({ path }) => path)).toEqual([]);
  });
});

describe('unit tests', () => {
  const mirrors = new Set(listTypeScript('test/unit'));
  const needing = files.filter((file) => file.hasBehaviour && !file.path.endsWith('.gen.ts'));

  test('every source file has a mirror in test/unit, or is covered by a named test', () => {
    expect(needing.map(({ path }) => path).filter((path) => !mirrors.has(mirrorOf(path)) && COVERED_ELSEWHERE[path] === undefined)).toEqual([]);
  });

  test('exemptions are needed and name a test that exists', () => {
    for (const [path, cover] of Object.entries(COVERED_ELSEWHERE)) {
      expect({ path, exists: byPath.has(path), mirrored: mirrors.has(mirrorOf(path)), cover: existsSync(join(ROOT, cover)) }).toEqual({ path, exists: true, mirrored: false, cover: true });
    }
  });

  test('every mirror has its source file', () => {
    const sources = new Set([...files.map(({ path }) => path), ...listTypeScript('tools'), ...listTypeScript('test')].map(mirrorOf));
    expect([...mirrors].filter((path) => path.split('/').length > 3 && path.endsWith('.test.ts') && !sources.has(path))).toEqual([]);
  });
});

/** `from -> to` for every import of ours that `wrong` picks out. */
function edges(wrong: (file: SourceFile, target: string, typeOnly: boolean) => boolean): readonly string[] {
  return files.flatMap((file) =>
    file.imports
      .filter(({ specifier, target, typeOnly }) => specifier.startsWith('.') && wrong(file, target, typeOnly))
      .map(({ target }) => `${file.path} -> ${target}`),
  );
}

function nodeImports(layer: Layer): readonly string[] {
  return files.filter((file) => file.layer === layer).flatMap((file) =>
    file.imports.filter(({ target }) => target.startsWith('node:')).map(({ target }) => `${file.path} ${target}`),
  );
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith('.') && !specifier.startsWith('node:') && specifier !== '<computed>';
}

function doorsOf(name: string): readonly string[] {
  return [DOORS[name] ?? []].flat();
}

/** Types that a package lacks are declared beside its door. */
function passesDoor(path: string, door: string): boolean {
  if (path.endsWith('.d.ts')) return dirname(path) === dirname(door);
  return door.endsWith('/') ? path.startsWith(door) : path === door;
}

/** Each cycle once, as the path around it. */
function cycles(): readonly string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const { target } of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return found;
}

/** The package that a bundled file belongs to: the last one on its path, since packages nest. */
function packageOf(input: string): string | undefined {
  return /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
}

function mirrorOf(path: string): string {
  return `test/unit/${path.replace(/\.ts$/, '.test.ts')}`;
}

describe('the walk itself', () => {
  test('finds every way to import', () => {
    const found = describeSource('core/a.ts', `
      import type { A } from '../api/a.ts'; import { b } from './b.ts'; import 'winston'; export * from './c.ts';
      export type { D } from './d.ts'; type E = import('./e.ts').E; const f = () => import('@scope/f/sub'); const g = (x: string) => import(x);`);
    expect(found.imports.map(({ target, typeOnly }) => [target, typeOnly])).toEqual([
      ['api/a.ts', true], ['core/b.ts', false], ['winston', false], ['core/c.ts', false],
      ['core/d.ts', true], ['core/e.ts', true], ['@scope/f', false], ['<computed>', false],
    ]);
    expect(found.onImport).toEqual(["import 'winston'"]);
    expect(found.reExports).toBe(2);
  });

  test.each([
    ['let a = 1;', ['let a']],
    ['export const seen = new Map<string, string>();', ['empty collection seen']],
    ['start();', ['ExpressionStatement']],
    ["const names = new Set(['a']); export function b(): void {}", []],
  ])('says what %s does on import', (text, expected) => {
    expect(describeSource('core/a.ts', text).onImport).toEqual(expected);
  });

  test.each(['export default 1;', 'const a = 1; export { a as default };', 'export default function f() {}'])('sees the default export in %s', (text) => {
    expect(describeSource('core/a.ts', text).defaultExport).toBe(true);
  });

  test.each([
    ["import type { A } from './a.ts'; export interface B { a: A } export type C = A;", false],
    ["export const a = { b: new Set(['c']) } as const;", false],
    ['export const a = { b: () => 1 };', true],
    ['export const a = { b() { return 1; } };', true],
    ['export class A {}', true],
    ['export function a(): void {}', true],
  ])('knows whether %s behaves', (text, expected) => {
    expect(describeSource('core/a.ts', text).hasBehaviour).toBe(expected);
  });
});
