/** `whoami`: what a token stands for, found by its hash on this machine. The token is read, never shown. */
import { open } from 'node:fs/promises';
import { Command } from 'commander';
import type { LedgerGeneration } from '../../api/ledger.ts';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { ConfigError } from '../../core/config-error.ts';
import { hashCredential, parseCredential } from '../../core/credential.ts';
import { errorCodeOf } from '../../runtime/error-code.ts';
import type { CommandIo } from '../command-io.ts';
import { CommandFailure } from '../command-io.ts';
import type { Configuration, DirectoryOptions } from '../configuration.ts';
import { compileConfiguration, configOption, ledgerEntryOf, loadConfiguration, stateOption } from '../configuration.ts';
import type { OutputFormat } from '../output.ts';
import { outputOption, printFields, printJson } from '../output.ts';
import { summarizeToken } from '../token-summary.ts';

interface WhoamiOptions extends DirectoryOptions {
  readonly tokenFile?: string;
  readonly tokenStdin?: boolean;
  readonly output: OutputFormat;
}

const MAX_TOKEN_BYTES = 1024;

export function whoamiCommand(io: CommandIo): Command {
  return new Command('whoami')
    .description('tell who the bearer of a token is; arguments are visible to every process, so it is read from a file or standard input')
    .addOption(configOption())
    .addOption(stateOption())
    .option('--token-file <path>', 'file that holds the token')
    .option('--token-stdin', 'read the token from standard input')
    .addOption(outputOption())
    .action(async (options: WhoamiOptions) => {
      const credential = (await readCredential(io, options)).trim();
      const parsed = parseCredential(credential);
      if (parsed === undefined) throw new CommandFailure('this is not a token of the gateway: length, alphabet or checksum are wrong');
      const configuration = await loadConfiguration(options);
      const found = findToken(configuration, parsed.generation, hashCredential(credential));
      if (found === undefined) throw new CommandFailure(`no GatewayToken of ${options.config} knows this token: it expired, was deleted, or belongs to another directory`);
      print(io, options.output, describe(io, configuration, found));
    });
}

async function readCredential(io: CommandIo, { tokenFile, tokenStdin }: WhoamiOptions): Promise<string> {
  if ((tokenFile === undefined) === (tokenStdin !== true)) throw new ConfigError(['--token-file, --token-stdin: give one of the two']);
  if (tokenFile === undefined) return io.readStdin(MAX_TOKEN_BYTES);
  try {
    const handle = await open(tokenFile, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_TOKEN_BYTES), 0, MAX_TOKEN_BYTES);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new ConfigError([`--token-file: cannot be read (${errorCodeOf(error) ?? 'unknown'})`]);
  }
}

interface Found {
  readonly token: GatewayToken;
  /** Of a generated token. */
  readonly generation?: LedgerGeneration;
}

function findToken({ tokens, ledger }: Configuration, id: string, sha256: string): Found | undefined {
  for (const token of tokens) {
    const { source } = token.spec;
    if (source.type === 'Hash' && source.id === id && source.sha256 === sha256) return { token };
    const generation = ledgerEntryOf(ledger, token)?.generations.find((each) => each.id === id && each.sha256 === sha256);
    if (generation !== undefined) return { token, generation };
  }
  return undefined;
}

interface Description {
  readonly issuer: string;
  readonly subject: string;
  readonly token: string;
  readonly identity: GatewayToken['spec']['identity'];
  readonly state: string;
  readonly expiresAt: string;
  readonly servers: readonly string[];
}

function describe(io: CommandIo, configuration: Configuration, { token, generation }: Found): Description {
  const { metadata, spec } = token;
  const nowMs = io.nowMs();
  const endMs = spec.expiresAt === undefined ? Infinity : Date.parse(spec.expiresAt);
  const expiresAtMs = Math.min(endMs, generation?.expiresAtMs ?? Infinity);
  const { state } = summarizeToken(token, ledgerEntryOf(configuration.ledger, token), nowMs);
  const isBundled = (each: { namespace: string; name: string }): boolean => each.namespace === metadata.namespace && each.name === metadata.name;
  return {
    issuer: `gateway-tokens/${metadata.namespace}`,
    subject: spec.identity.user,
    token: `${metadata.namespace}/${metadata.name}`,
    identity: spec.identity,
    state: state === 'Revoked' || expiresAtMs > nowMs ? (generation?.state === 'Previous' && state === 'Active' ? 'Previous' : state) : 'Expired',
    expiresAt: new Date(expiresAtMs).toISOString(),
    servers: compileConfiguration(configuration).bundles.filter(({ tokens }) => tokens.some(isBundled)).map(({ server }) => `${server.namespace}/${server.name}`),
  };
}

function print(io: CommandIo, output: OutputFormat, description: Description): void {
  if (output === 'json') {
    printJson(io, description);
    return;
  }
  const { identity } = description;
  printFields(io, [
    ['issuer', description.issuer],
    ['subject', description.subject],
    ['token', description.token],
    ['email', identity.email],
    ['name', identity.displayName],
    ['team', identity.team],
    ['organization', identity.organization],
    ['groups', identity.groups?.join(', ')],
    ['roles', identity.roles?.join(', ')],
    ['state', description.state],
    ['expires', description.expiresAt],
    ['servers', description.servers.join(', ') || 'none'],
  ]);
}
