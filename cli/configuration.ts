/** The configuration directory as the command line sees it: read once, changed only by the commands that say so. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Option } from 'commander';
import type { GatewayConfig } from '../api/gateway-config.gen.ts';
import type { Ledger, LedgerToken } from '../api/ledger.ts';
import { EMPTY_LEDGER, parseLedger } from '../api/ledger.ts';
import type { GatewayToken } from '../api/v1alpha1/index.ts';
import type { CompileOutput } from '../core/bundle/compile.ts';
import { compileBundles } from '../core/bundle/compile.ts';
import { compileInput, serverUid } from '../core/compile-input.ts';
import { followsLinks, GATEWAY_CONFIG_FILE, isConfigDirectory, MAX_FILES, MOUNTED_SECRETS, sizeLimitOf } from '../core/config-directory.ts';
import { ConfigError } from '../core/config-error.ts';
import { parseGatewayConfig } from '../manifest/gateway-config.ts';
import type { ManifestLoader, ManifestState } from '../manifest/load.ts';
import { createManifestLoader, EMPTY_STATE, objectsOfKind } from '../manifest/load.ts';
import { systemClock } from '../runtime/clock.ts';
import type { TextFile } from '../runtime/directory-reader.ts';
import { createDirectoryReader } from '../runtime/directory-reader.ts';
import { errorCodeOf } from '../runtime/error-code.ts';

export interface DirectoryOptions {
  readonly config: string;
  readonly state?: string;
}

export interface Configuration {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly loader: ManifestLoader;
  /** Files with objects in them. */
  readonly files: readonly TextFile[];
  readonly manifest: ManifestState;
  readonly tokens: readonly GatewayToken[];
  /** What cannot be read there, as `<path>: <problem>`. */
  readonly faults: readonly string[];
  /** Throws a ConfigError where gateway-config.json is not good. */
  requireGatewayConfig(): GatewayConfig;
  /** `undefined`: there is none, or it may not be read. */
  readonly ledger: Ledger | undefined;
}

export function configOption(): Option {
  return new Option('--config <dir>', 'configuration directory').makeOptionMandatory();
}

export function stateOption(): Option {
  return new Option('--state <dir>', 'state directory of `serve` (default: <config>/.mcpgateway)');
}

export async function loadConfiguration({ config: directory, state }: DirectoryOptions): Promise<Configuration> {
  const layout = { sizeLimitOf, isEntered: isConfigDirectory, followsLinks, maxFiles: MAX_FILES };
  const listing = await createDirectoryReader({ directory, layout, clock: systemClock }).read();
  const faults = listing.faults.map(({ path, problem }) => `${path}: ${problem}`);
  if (listing.directories.size === 0) throw new ConfigError([`--config: ${faults.join('; ')}; give the directory that \`serve\` uses`]);
  const loader = createManifestLoader();
  const files = listing.files.filter(({ path }) => path !== GATEWAY_CONFIG_FILE && !path.startsWith(`${MOUNTED_SECRETS}/`));
  const manifest = loader.load(files, EMPTY_STATE);
  const settings = listing.files.find(({ path }) => path === GATEWAY_CONFIG_FILE);
  const stateDirectory = state ?? join(directory, '.mcpgateway');
  return {
    directory,
    stateDirectory,
    loader,
    files,
    manifest,
    tokens: objectsOfKind(manifest, 'GatewayToken'),
    faults,
    requireGatewayConfig() {
      if (settings === undefined) throw new ConfigError([`${join(directory, GATEWAY_CONFIG_FILE)}: is missing`]);
      return parseGatewayConfig(settings.text, join(directory, GATEWAY_CONFIG_FILE));
    },
    ledger: await readLedger(join(stateDirectory, 'ledger.json')),
  };
}

/** A copy for reading; `serve` alone judges whether it is sound. */
export async function readLedger(path: string): Promise<Ledger | undefined> {
  try {
    return parseLedger(await readFile(path, 'utf8'));
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return undefined;
    throw new ConfigError([`${path}: cannot be used (${code ?? 'it is damaged'})`]);
  }
}

export function ledgerEntryOf(ledger: Ledger | undefined, { metadata }: GatewayToken): LedgerToken | undefined {
  return ledger?.tokens.find(({ namespace, name }) => namespace === metadata.namespace && name === metadata.name);
}

/** The bundles that `serve` would make of this directory. */
export function compileConfiguration(configuration: Configuration): CompileOutput {
  const servers = objectsOfKind(configuration.manifest, 'MCPServer');
  const ledger = configuration.ledger ?? EMPTY_LEDGER;
  // Bundles without a session key are refused; these are never served, so any will do.
  const sessionKeys = Object.fromEntries(servers.map((server) => [serverUid(server), 'none']));
  const config = configuration.requireGatewayConfig();
  const isRecorded = (): boolean => true;
  return compileBundles(compileInput({ servers, tokens: configuration.tokens, config, ledger: { ...ledger, sessionKeys }, isRecorded }));
}

export function requireToken(configuration: Configuration, namespace: string, name: string): GatewayToken {
  const found = configuration.manifest.objects.get(`GatewayToken/${namespace}/${name}`)?.object;
  if (found?.kind === 'GatewayToken') return found;
  const about = configuration.manifest.problems.filter(({ object }) => object === `GatewayToken/${namespace}/${name}`);
  const reason = about.map(({ file, line, field, problem }) => `${file}:${line} ${field}: ${problem}`);
  const hint = reason.length > 0 ? reason : [`${configuration.directory} has no valid GatewayToken ${namespace}/${name}; see \`mcpgateway token list\``];
  throw new ConfigError(hint);
}
