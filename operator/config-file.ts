/** gateway-config.json as the operator follows it: a wrong one is reported with all its problems, and the last good one stays. */
import { readFile } from 'node:fs/promises';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import { ConfigError } from '../core/config-error.ts';
import type { GatewayConfigParser } from '../manifest/gateway-config.ts';
import type { Logger } from '../runtime/log.ts';

export interface ConfigFile {
  current(): GatewayConfig;
  /** Reads the file again; true where another configuration is in force now. */
  refresh(): Promise<boolean>;
}

/** Throws a ConfigError where the file is not good at the start: nothing is decided by defaults that nobody wrote. */
export async function openConfigFile(path: string, parse: GatewayConfigParser, log: Logger): Promise<ConfigFile> {
  let text = await read(path);
  let current = parse(text, path);
  let refused: string | undefined;
  return {
    current: () => current,
    async refresh() {
      const next = await read(path).catch((error: unknown) => (error instanceof ConfigError ? error : Promise.reject(error)));
      if (next instanceof ConfigError) return report(next);
      if (next === text) {
        refused = undefined;
        return false;
      }
      try {
        current = parse(next, path);
        text = next;
        refused = undefined;
        log.info('configuration in force', { path });
        return true;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        return report(error);
      }
    },
  };

  function report({ problems }: ConfigError): false {
    const told = problems.join('\n');
    if (told !== refused) log.error('configuration refused, the last good one stays', { path, problems });
    refused = told;
    return false;
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new ConfigError([`${path}: cannot be read`]);
  }
}
