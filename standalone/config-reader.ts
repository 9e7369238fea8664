/** gateway-config.json as it is now, or as it last was good. */
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import { GATEWAY_CONFIG_FILE } from '../core/config-directory.ts';
import { ConfigError } from '../core/config-error.ts';
import type { GatewayConfigParser } from '../manifest/gateway-config.ts';
import type { TextFile } from '../runtime/directory-reader.ts';

export interface ConfigReading {
  /** `undefined`: there never was a good one. */
  readonly config: GatewayConfig | undefined;
  readonly problems: readonly string[];
}

export function createConfigReader(parse: GatewayConfigParser): (files: readonly TextFile[]) => ConfigReading {
  let text: string | undefined;
  let reading: ConfigReading = { config: undefined, problems: [] };
  return (files) => {
    const file = files.find(({ path }) => path === GATEWAY_CONFIG_FILE);
    if (file === undefined) {
      text = undefined;
      reading = { config: reading.config, problems: [`${GATEWAY_CONFIG_FILE}: is missing; at least "listener" must be set in it`] };
    } else if (file.text !== text) {
      text = file.text;
      reading = { config: reading.config, ...parseWith(parse, file) };
    }
    return reading;
  };
}

function parseWith(parse: GatewayConfigParser, { path, text }: TextFile): { config?: GatewayConfig; problems: readonly string[] } {
  try {
    return { config: parse(text, path), problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems };
    throw error;
  }
}
