/** The real processes of the demo: two MCP servers, the gateway over a copy of the example, and its command line. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EverythingServer } from '../kit/everything.ts';
import { startEverything } from '../kit/everything.ts';
import type { StartedProcess } from '../kit/processes.ts';
import { runProcess, startProcess } from '../kit/processes.ts';

const ROOT = join(import.meta.dirname, '../..');
export const COMMAND = join(ROOT, 'bin/mcpgateway');
const EXAMPLE = join(ROOT, 'examples/quickstart');
/** In the checkout, so that what the demo prints can be looked at and tried. */
export const DEMO_DIRECTORY = join(ROOT, '.demo');
const EXAMPLE_PORTS = { everything: 3001, mirror: 3002, listener: 8080, admin: 9090 } as const;

export interface Parts {
  readonly everything: EverythingServer;
  readonly mirror: StartedProcess;
  readonly gateway: StartedProcess;
  readonly port: number;
  readonly admin: string;
  /** Audit records of the gateway so far. */
  audit(): readonly Readonly<Record<string, unknown>>[];
  /** The text of the gateway's audit log so far, by line. */
  auditLines(): readonly string[];
  stop(): Promise<void>;
}

export async function startParts(): Promise<Parts> {
  await rm(DEMO_DIRECTORY, { recursive: true, force: true });
  await mkdir(DEMO_DIRECTORY);
  await cp(EXAMPLE, DEMO_DIRECTORY, { recursive: true });
  const started: { stop(): Promise<unknown> }[] = [];
  try {
    const everything = await startEverything();
    started.push(everything);
    const mirror = startProcess(process.execPath, [join(ROOT, 'test/fixture/server.ts'), '--port', '0']);
    started.push(mirror);
    const [, mirrorPort] = await mirror.untilLine(/^listening http:\/\/127\.0\.0\.1:(\d+)\//);
    await usePorts({ everything: everything.port, mirror: Number(mirrorPort) });
    const gateway = startProcess(COMMAND, ['serve', '--config', DEMO_DIRECTORY]);
    started.push(gateway);
    const [, port, admin] = await gateway.untilLine(/"listening".*"port":(\d+),"admin":"([^"]+)"/);
    await gateway.untilLine(/"token minted".*tools\/reader/);
    const auditLines = (): readonly string[] => gateway.lines.filter((line) => line.startsWith('{"v":1,'));
    return {
      everything,
      mirror,
      gateway,
      port: Number(port),
      admin: admin ?? '',
      audit: () => auditLines().map((line) => JSON.parse(line) as Record<string, unknown>),
      auditLines,
      stop: () => stopAll(started),
    };
  } catch (cause) {
    await stopAll(started);
    throw cause;
  }
}

/** The command line of the gateway, over the directory of the demo. */
export async function mcpgateway(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess(COMMAND, [...args, '--config', DEMO_DIRECTORY]);
  if (code !== 0) throw new Error(`mcpgateway ${args.join(' ')} ended with ${String(code)}: ${stderr}`);
  return stdout;
}

export async function mintedToken(name: string): Promise<string> {
  return (await readFile(tokenFile(name), 'utf8')).trim();
}

export function tokenFile(name: string): string {
  return join(DEMO_DIRECTORY, '.mcpgateway/tokens/tools', name);
}

/** The example names fixed ports; any of them may be taken on this machine. */
async function usePorts(servers: { readonly everything: number; readonly mirror: number }): Promise<void> {
  const yaml = join(DEMO_DIRECTORY, 'servers.yaml');
  const text = await readFile(yaml, 'utf8');
  const replaced = text
    .replace(`port: ${EXAMPLE_PORTS.everything}`, `port: ${servers.everything}`)
    .replace(`port: ${EXAMPLE_PORTS.mirror}`, `port: ${servers.mirror}`);
  await writeFile(yaml, replaced);
  const config = join(DEMO_DIRECTORY, 'gateway-config.json');
  const free = (await readFile(config, 'utf8')).replace(`${EXAMPLE_PORTS.listener}`, '0').replace(`${EXAMPLE_PORTS.admin}`, '0');
  await writeFile(config, free);
}

async function stopAll(started: readonly { stop(): Promise<unknown> }[]): Promise<void> {
  for (const each of [...started].reverse()) await each.stop();
}
