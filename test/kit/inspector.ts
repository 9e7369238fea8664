/** The MCP inspector on its command line, as a process of its own with a store of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from './processes.ts';

const PROGRAM = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);
const DEADLINE_MS = 45_000;

export const INSPECTOR_EXITS = { ok: 0, usage: 1, refused: 3, unreachable: 4, toolError: 5 } as const;

export interface InspectorCommand {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly era?: 'legacy' | 'auto' | 'modern';
  readonly tool?: { readonly name: string; readonly args?: Readonly<Record<string, string>> };
}

export interface InspectorRun {
  /** One of INSPECTOR_EXITS. */
  readonly code: number | null;
  /** The JSON it printed, `undefined` where it printed none. */
  readonly printed: unknown;
  readonly stderr: string;
}

export async function runInspector(command: InspectorCommand): Promise<InspectorRun> {
  const home = await mkdtemp(join(tmpdir(), 'inspector-'));
  try {
    const { code, stdout, stderr } = await runProcess(process.execPath, [PROGRAM, ...argumentsOf(command)], {
      env: { HOME: home, MCP_CATALOG_PATH: join(home, 'catalog.json') },
      deadlineMs: DEADLINE_MS,
    });
    return { code, printed: stdout.trim() === '' ? undefined : JSON.parse(stdout), stderr };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function argumentsOf(command: InspectorCommand): readonly string[] {
  const headers = Object.entries(command.headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const args = Object.entries(command.tool?.args ?? {}).flatMap(([name, value]) => ['--tool-arg', `${name}=${value}`]);
  return [
    ...['--cli', command.url, '--transport', 'http', '--format', 'json', '--quiet'],
    ...['--protocol-era', command.era ?? 'legacy', '--method', command.method],
    ...headers,
    ...(command.tool === undefined ? [] : ['--tool-name', command.tool.name]),
    ...args,
  ];
}
