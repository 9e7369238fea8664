/** bin/mcpgateway against a Node that only says what it was given. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ROOT } from '../kit/source-tree.ts';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'mcpgateway-launcher-')));
  place('bin/mcpgateway');
  copyFileSync(join(ROOT, 'bin/mcpgateway'), join(root, 'bin/mcpgateway'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function place(path: string, content = ''): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

function aNode(path: string, version: string): string {
  const file = place(path, `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\necho "$0"; for argument; do echo "$argument"; done\n`);
  chmodSync(file, 0o755);
  return file;
}

function launch(args: readonly string[], env: Readonly<Record<string, string>> = {}, from = 'bin/mcpgateway') {
  const { status, stdout, stderr } = spawnSync(join(root, from), args, { encoding: 'utf8', cwd: '/', env: { PATH: '/usr/bin:/bin', ...env } });
  return { status, lines: stdout.trim().split('\n'), stderr };
}

describe('what the launcher runs', () => {
  test('serves from the sources of a checkout, with the Node of the checkout', () => {
    const node = aNode('node_modules/.bin/node', 'v24.18.1');
    const main = place('standalone/main.ts');
    expect(launch(['serve', '--config', 'a directory']).lines).toEqual([
      node, '--disable-proto=delete', '--max-semi-space-size=16', '--expose-gc', main, '--config', 'a directory',
    ]);
  });

  test('gives every other word to the command line, without the flags of the server', () => {
    const node = aNode('node_modules/.bin/node', 'v24.21.0');
    const main = place('cli/main.ts');
    expect(launch(['token', 'create', '--name', '*']).lines).toEqual([node, main, 'token', 'create', '--name', '*']);
    expect(launch([]).lines).toEqual([node, main]);
  });

  test('takes the bundle where there are no sources, and where it is asked for', () => {
    const MCPGATEWAY_NODE = aNode('other/node', 'v26.0.0');
    const bundle = place('dist/cli.mjs');
    expect(launch(['whoami'], { MCPGATEWAY_NODE }).lines).toEqual([MCPGATEWAY_NODE, bundle, 'whoami']);
    const source = place('cli/main.ts');
    expect(launch(['whoami'], { MCPGATEWAY_NODE }).lines).toContain(source);
    expect(launch(['whoami'], { MCPGATEWAY_NODE, MCPGATEWAY_BUNDLE: '1' }).lines).toContain(bundle);
  });

  test('caps the old space only when told to', () => {
    aNode('node_modules/.bin/node', 'v24.21.0');
    place('standalone/main.ts');
    expect(launch(['serve'], { MCPGATEWAY_MAX_OLD_SPACE_MB: '96' }).lines).toContain('--max-old-space-size=96');
  });

  test('finds its root through symbolic links, relative ones too', () => {
    aNode('node_modules/.bin/node', 'v24.21.0');
    const main = place('cli/main.ts');
    place('elsewhere/x');
    symlinkSync('../bin/mcpgateway', join(root, 'elsewhere/first'));
    symlinkSync(join(root, 'elsewhere/first'), join(root, 'second'));
    expect(launch(['whoami'], {}, 'second').lines).toContain(main);
  });
});

describe('what the launcher refuses', () => {
  test.each(['v20.20.2', 'v24.18.0', 'v24.9.9', 'v22.99.99'])('Node %s, which is too old', (version) => {
    const MCPGATEWAY_NODE = aNode('old/node', version);
    place('cli/main.ts');
    const { status, stderr } = launch(['whoami'], { MCPGATEWAY_NODE });
    expect({ status, stderr }).toEqual({
      status: 64, stderr: `mcpgateway: Node 24.18.1 or later is needed, '${MCPGATEWAY_NODE}' is ${version}; install one or set MCPGATEWAY_NODE\n`,
    });
  });

  test.each(['v24.18.1', 'v24.100.0', 'v25.0.0', 'v24.19.0-nightly20260101'])('but not Node %s', (version) => {
    const MCPGATEWAY_NODE = aNode('new/node', version);
    place('cli/main.ts');
    expect(launch(['whoami'], { MCPGATEWAY_NODE }).status).toBe(0);
  });

  test('a Node that does not run', () => {
    const { status, stderr } = launch(['whoami'], { MCPGATEWAY_NODE: '/nonexistent/node' });
    expect(status).toBe(64);
    expect(stderr).toContain("cannot run '/nonexistent/node'");
  });

  test('to start without sources and without a bundle', () => {
    const MCPGATEWAY_NODE = aNode('new/node', 'v24.21.0');
    const { status, stderr, lines } = launch(['serve'], { MCPGATEWAY_NODE });
    expect(status).toBe(64);
    expect(stderr).toBe(`mcpgateway: ${root}/dist/standalone.mjs is missing: run \`make build\`\n`);
    expect(lines).toEqual(['']);
  });
});
