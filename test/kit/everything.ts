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

/** `at`: the loopback of a simulated pod, and the port that its MCPServer names. */
export async function startEverything(at?: { readonly address: string; readonly port: number }): Promise<EverythingServer> {
  const env = at === undefined ? {} : { TEST_LISTEN_ADDRESS: at.address, TEST_LISTEN_PORT: String(at.port) };
  const started = startProcess(process.execPath, ['--import', PRELOAD, PROGRAM, 'streamableHttp'], { env });
  const [, port] = await started.untilLine(/^loopback port (\d+)$/);
  return { ...started, port: Number(port) };
}
