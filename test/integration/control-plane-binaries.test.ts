/** How the programs of the control plane come to be, with a Go that is quick because it only pretends. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { eventually } from '../kit/eventually.ts';
import { runProcess, startProcess } from '../kit/processes.ts';
import { isRunning } from '../kit/running-process.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';

const SCRIPT = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../control-plane/build.ts')];
const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];

/** Notes each build by its process id, waits while HOLD exists, and makes the files that `go build -o DIR/ tool` makes. */
const PRETENDED_GO = `#!/bin/sh
if [ "$1" = env ]; then echo "$PRETENDED_VERSION"; exit; fi
echo $$ >> "$BUILDS"
while [ "$1" != -o ]; do shift; done
: > "$2/kubectl"
while [ -e "$HOLD" ]; do sleep 0.02; done
if [ -e "$BROKEN" ]; then echo 'package k8s.io/gone: not found' >&2; exit 1; fi
for name in server kube-apiserver kube-controller-manager kubectl; do : > "$2/$name"; chmod +x "$2/$name"; done
`;

const aDirectory = temporaryDirectories();

function aMachine(version = 'go1.26.8') {
  const home = aDirectory();
  const at = (name: string): string => join(home, name);
  mkdirSync(at('bin'));
  writeFileSync(at('bin/go'), PRETENDED_GO, { mode: 0o755 });
  const cache = at('cache/mcpgateway/control-plane');
  const env = {
    PATH: `${at('bin')}:/usr/bin:/bin`,
    XDG_CACHE_HOME: at('cache'),
    KUBEBUILDER_ASSETS: '',
    PRETENDED_VERSION: version,
    BUILDS: at('builds'),
    HOLD: at('hold'),
    BROKEN: at('broken'),
  };
  return {
    env,
    at,
    build: () => runProcess(process.execPath, SCRIPT, { env }),
    start: () => startProcess(process.execPath, SCRIPT, { env }),
    builds: () => (existsSync(at('builds')) ? readFileSync(at('builds'), 'utf8').trimEnd().split('\n').map(Number) : []),
    built: () => (existsSync(cache) ? readdirSync(cache).filter((name) => name !== 'build.lock') : []),
    hold: () => writeFileSync(at('hold'), ''),
    goOn: () => rmSync(at('hold')),
  };
}

describe('without KUBEBUILDER_ASSETS', () => {
  test('the programs are built once, into a directory named for the version and the module', async () => {
    const { build, builds, built } = aMachine();
    const first = await build();
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/\/mcpgateway\/control-plane\/v1\.34\.\d+-[0-9a-f]{12}\n$/) });
    expect(first.stderr).toContain('control plane: building etcd');
    expect(readdirSync(first.stdout.trimEnd())).toEqual(expect.arrayContaining(PROGRAMS));

    expect(await build()).toEqual({ code: 0, stdout: first.stdout, stderr: '' });
    expect(builds()).toHaveLength(1);
    expect(built()).toHaveLength(1);
  });

  test('of two that start at once one builds and the other waits', async () => {
    const { start, builds, hold, goOn } = aMachine();
    hold();
    const both = [start(), start()];
    await Promise.any(both.map((each) => each.untilLine(/another process is building/)));
    await eventually('a build', async () => builds()[0]);
    goOn();
    expect(await Promise.all(both.map((each) => each.exited))).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    expect(builds()).toHaveLength(1);
  });

  test('a killed build ends with all it started, holds nobody up, and what it left is not used', async () => {
    const { start, build, builds, built, hold, goOn } = aMachine();
    hold();
    const killed = start();
    const go = await eventually('a build', async () => builds()[0]);
    await killed.stop('SIGKILL');
    await eventually('the end of its Go', async () => (isRunning(go) ? undefined : true));

    goOn();
    expect(await build()).toMatchObject({ code: 0 });
    expect(builds()).toHaveLength(2);
    expect(built()).toEqual([expect.stringMatching(/^v1\.34\.\d+-[0-9a-f]{12}$/)]);
  });

  test('a failed build says why and leaves nothing', async () => {
    const { at, build, built } = aMachine();
    writeFileSync(at('broken'), '');
    expect(await build()).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('go build ended with 1:\npackage k8s.io/gone: not found') });
    expect(built()).toEqual([]);
  });

  test('a machine without Go is told what to install', async () => {
    const { env, at } = aMachine();
    rmSync(at('bin/go'));
    const { code, stderr } = await runProcess(process.execPath, SCRIPT, { env: { ...env, PATH: at('bin') } });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(
        'there is no go command. Install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver, kube-controller-manager, kubectl.',
      ),
    });
  });

  test('an older Go is refused by its version', async () => {
    const { build, builds } = aMachine('go1.25.9');
    expect(await build()).toMatchObject({ code: 1, stderr: expect.stringContaining('is built with Go 1.26, and this is go1.25.9. Install Go 1.26') });
    expect(builds()).toEqual([]);
  });
});

describe('with KUBEBUILDER_ASSETS', () => {
  test('its programs are taken and nothing is built', async () => {
    const { env, at, builds } = aMachine();
    mkdirSync(at('assets'));
    for (const name of PROGRAMS) writeFileSync(at(`assets/${name}`), '', { mode: 0o755 });
    expect(await runProcess(process.execPath, SCRIPT, { env: { ...env, KUBEBUILDER_ASSETS: at('assets') } })).toEqual({ code: 0, stdout: `${at('assets')}\n`, stderr: '' });
    expect(builds()).toEqual([]);
  });

  test('a directory that lacks a program is refused by the name of the program', async () => {
    const { env, at } = aMachine();
    mkdirSync(at('assets'));
    for (const name of PROGRAMS) writeFileSync(at(`assets/${name}`), '', { mode: name === 'kube-controller-manager' ? 0o644 : 0o755 });
    const { code, stderr } = await runProcess(process.execPath, SCRIPT, { env: { ...env, KUBEBUILDER_ASSETS: at('assets') } });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`KUBEBUILDER_ASSETS is ${at('assets')}, and there is no executable kube-controller-manager in it`) });
  });
});
