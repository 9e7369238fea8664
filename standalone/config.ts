/** What `mcpgateway serve` is told on its command line. Everything else is in the directory itself. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../core/config-error.ts';
import { LOG_LEVELS } from '../runtime/log.ts';
import type { LogLevel } from '../runtime/log.ts';

export interface ServeConfig {
  readonly kind: 'serve';
  /** Absolute path of the directory of YAML and gateway-config.json. */
  readonly directory: string;
  /** Absolute path of the owner-only directory of the ledger and the token files. */
  readonly stateDirectory: string;
  readonly logLevel: LogLevel;
}

export type Invocation = ServeConfig | { readonly kind: 'help' };

export const USAGE = `Usage: mcpgateway serve --config DIR [options]

Guards every MCPServer declared in DIR and follows every change of it without a restart.

DIR holds gateway-config.json, YAML files of the kinds MCPServer, GatewayToken, Secret and ConfigMap, and, if
credentials come from mounted files, secrets/<namespace>/<name>/<key>.

Options:
  --config DIR       the directory (required)
  --state DIR        where the ledger and the minted tokens are kept, owner-only (default: DIR/.mcpgateway)
  --log-level LEVEL  ${LOG_LEVELS.join(', ')} (default: info)
  --help             show this text

Audit lines go to standard output, log lines to standard error, both as JSON.
Exit codes: 0 stopped by a signal, 1 failed, 64 wrong usage or configuration.
`;

/** Throws ConfigError. Nothing is read from the environment, and the HTTP parser must not be the lenient one. */
export function readServeConfig(args: readonly string[], nodeOptions: readonly string[]): Invocation {
  const values = parse(args);
  if (values.help === true) return { kind: 'help' };
  const problems: string[] = [];
  // An empty name would be the current directory: what `--config "$UNSET"` says, and nobody means.
  const config = values.config === '' ? undefined : values.config;
  if (config === undefined) problems.push('--config: is required; name the directory to serve');
  const logLevel = LOG_LEVELS.find((level) => level === (values['log-level'] ?? 'info'));
  if (logLevel === undefined) problems.push(`--log-level: must be one of ${LOG_LEVELS.join(', ')}`);
  if (nodeOptions.some((option) => option.replaceAll('_', '-').replaceAll('"', '').startsWith('--insecure-http-parser'))) {
    problems.push('--insecure-http-parser: lets smuggled requests through; remove it from the options of node');
  }
  if (config === undefined || logLevel === undefined || problems.length > 0) throw new ConfigError(problems);
  const directory = resolve(config);
  return { kind: 'serve', directory, stateDirectory: resolve(values.state ?? resolve(directory, '.mcpgateway')), logLevel };
}

interface Values {
  readonly config?: string | undefined;
  readonly state?: string | undefined;
  readonly 'log-level'?: string | undefined;
  readonly help?: boolean | undefined;
}

function parse(args: readonly string[]): Values {
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        state: { type: 'string' },
        'log-level': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    if (typeof cause !== 'object' || cause === null || !('message' in cause)) throw cause;
    throw new ConfigError([String(cause.message)]);
  }
}
