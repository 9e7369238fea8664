/** What runs in production, as it runs: the bundles, away from node_modules and sources. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildBundles } from '../../tools/build.ts';
import { startProcess } from '../kit/processes.ts';
import { ROOT } from '../kit/source-tree.ts';

/** Writes down every module that is loaded by name, whether by import or by require. */
const RECORDER = `
import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context); } });
`;

let image: string;

beforeAll(async () => {
  image = realpathSync(mkdtempSync(join(tmpdir(), 'mcpgateway-image-')));
  for (const path of ['bin', 'crds', 'package.json', 'api/gateway-config.schema.json']) cpSync(join(ROOT, path), join(image, path), { recursive: true });
  await buildBundles(join(image, 'dist'));
  mkdirSync(join(image, 'config'));
  writeFileSync(join(image, 'recorder.mjs'), RECORDER);
  writeFileSync(join(image, 'config/gateway-config.json'), JSON.stringify({
    listener: { address: '127.0.0.1', port: 0, plainHTTP: true }, admin: { address: '127.0.0.1', port: 0 },
  }));
});
afterAll(() => rmSync(image, { recursive: true, force: true }));

describe('the bundle of the gateway', () => {
  test('serves with nothing but bin, dist, crds, the schema and package.json, and loads no package at run time', async () => {
    const loaded = join(image, 'loaded.txt');
    const gateway = startProcess(join(image, 'bin/mcpgateway'), ['serve', '--config', join(image, 'config')], {
      env: { MCPGATEWAY_NODE: process.execPath, NODE_OPTIONS: `--import=${join(image, 'recorder.mjs')}`, LOADED: loaded },
    });
    try {
      const line = await gateway.untilLine(/^\{.*"listening".*\}$/);
      const { port } = JSON.parse(line[0]) as { port: number };
      const headers = { 'Content-Type': 'application/json', Connection: 'close' };
      const response = await fetch(`http://127.0.0.1:${String(port)}/default/nothing/mcp`, { method: 'POST', headers, body: '{}' });
      expect(response.status).toBe(404);
      await response.body?.cancel();
    } finally {
      // Whatever failed above: a gateway that stays behind would keep the whole test run from ending.
      await gateway.stop();
    }
    expect((await gateway.exited).code).toBe(0);
    const modules = readFileSync(loaded, 'utf8').trim().split('\n');
    expect(modules).toContain(`file://${image}/dist/standalone.mjs`);
    expect(modules.filter((url) => !url.startsWith('node:') && url !== `file://${image}/dist/standalone.mjs`)).toEqual([]);
  });

  test.each(['standalone', 'cli', 'sidecar'])('%s holds neither the Kubernetes client nor node-forge', (name) => {
    const { inputs } = JSON.parse(readFileSync(join(image, `dist/${name}.meta.json`), 'utf8')) as { inputs: Readonly<Record<string, unknown>> };
    expect(Object.keys(inputs).length).toBeGreaterThan(10);
    expect(Object.keys(inputs).filter((path) => /node_modules\/(@kubernetes\/client-node|node-forge)\//.test(path))).toEqual([]);
  });
});

describe('the bundle of the command line', () => {
  test('explains itself', () => {
    const { status, stdout } = spawnSync(join(image, 'bin/mcpgateway'), ['--help'], { encoding: 'utf8', env: { ...process.env, MCPGATEWAY_NODE: process.execPath } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/Usage: mcpgateway/);
  });
});
