/** `@modelcontextprotocol/server-everything` as the real upstream, over Streamable HTTP on loopback. */
import { fileURLToPath } from 'node:url';
import { startProcess, type StartedProcess } from './processes.ts';

const PRELOAD = fileURLToPath(new URL('loopback-preload.ts', import.meta.url));
const PROGRAM = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
);

export interface EverythingServer extends StartedProcess {
  readonly port: number;
}

export async function startEverything(): Promise<EverythingServer> {
  const started = startProcess(process.execPath, ['--import', PRELOAD, PROGRAM, 'streamableHttp']);
  const [, port] = await started.untilLine(/^loopback port (\d+)$/);
  return { ...started, port: Number(port) };
}
