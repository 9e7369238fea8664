/** `token rotate`: asks `serve` for a new generation of a generated token. */
import { join } from 'node:path';
import { Command } from 'commander';
import { ROTATE_REQUESTED_AT } from '../../api/annotations.ts';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { ConfigError } from '../../core/config-error.ts';
import { parseGoDuration } from '../../core/go-duration.ts';
import type { CommandIo } from '../command-io.ts';
import { CommandFailure } from '../command-io.ts';
import type { Configuration, DirectoryOptions } from '../configuration.ts';
import { configOption, ledgerEntryOf, loadConfiguration, readLedger, requireToken, stateOption } from '../configuration.ts';
import type { OutputFormat } from '../output.ts';
import { outputOption, printFields, printJson } from '../output.ts';
import { shellCommand } from '../shell-words.ts';
import { setTokenField } from '../token-file.ts';

interface RotateOptions extends DirectoryOptions {
  readonly namespace: string;
  readonly wait?: boolean;
  readonly timeout: string;
  readonly output: OutputFormat;
}

const POLL_MS = 100;

export function tokenRotateCommand(io: CommandIo): Command {
  return new Command('rotate')
    .description('make a new generation of a generated token; the former one stays valid for the overlap')
    .argument('<name>', 'name of the GatewayToken')
    .addOption(configOption())
    .addOption(stateOption())
    .option('-n, --namespace <namespace>', 'namespace of the token', 'default')
    .option('--wait', 'wait until `serve` has written the new secret')
    .option('--timeout <duration>', 'longest wait', '30s')
    .addOption(outputOption())
    .action((name: string, options: RotateOptions) => rotate(io, name, options));
}

async function rotate(io: CommandIo, name: string, options: RotateOptions): Promise<void> {
  const timeoutMs = parseGoDuration(options.timeout);
  if (timeoutMs === undefined) throw new ConfigError(['--timeout: must be a duration such as 30s']);
  const configuration = await loadConfiguration(options);
  const token = requireToken(configuration, options.namespace, name);
  requireRotatable(configuration, token, io.nowMs());
  const requestedAt = new Date(io.nowMs()).toISOString();
  const file = await setTokenField(configuration, token, ['metadata', 'annotations', ROTATE_REQUESTED_AT], requestedAt);
  const secretFile = join(configuration.stateDirectory, 'tokens', token.metadata.namespace, token.spec.secretRef?.name ?? '');
  if (options.wait === true) await waitUntilObserved(io, configuration, token, { requestedAt, timeoutMs });
  const observed = options.wait === true;
  if (options.output === 'json') printJson(io, { namespace: options.namespace, name, file, requestedAt, observed, secretFile });
  else printFields(io, [[observed ? 'rotated' : 'rotation requested', `${options.namespace}/${name}`], ['file', file], ['secret', secretFile]]);
  if (!observed && options.output === 'table') io.err('A running `serve` writes the new secret there within moments; --wait waits for it.\n');
}

function requireRotatable(configuration: Configuration, token: GatewayToken, nowMs: number): void {
  const { metadata, spec } = token;
  const at = `GatewayToken/${metadata.namespace}/${metadata.name}`;
  if (spec.revoked || ledgerEntryOf(configuration.ledger, token)?.revoked === true) {
    throw new ConfigError([`${at} spec.revoked: a revoked token is not rotated; create another GatewayToken`]);
  }
  if (spec.expiresAt !== undefined && Date.parse(spec.expiresAt) <= nowMs) {
    throw new ConfigError([`${at} spec.expiresAt: the token has ended; create another GatewayToken`]);
  }
  if (spec.source.type !== 'Hash') return;
  throw new ConfigError([
    `${at} spec.source: only the maker of this token has its secret, so it cannot be rotated. Make another and then revoke this one:`,
    `  ${shellCommand(createAgain(configuration.directory, token))}`,
    `  ${shellCommand(['mcpgateway', 'token', 'revoke', metadata.name, '--config', configuration.directory, '-n', metadata.namespace])}`,
    ...(spec.permissions.length > 1 ? ['  and copy spec.permissions[1] and those after it into the new file.'] : []),
  ]);
}

/** The command that makes the same token under the next name. */
function createAgain(directory: string, { metadata, spec }: GatewayToken): readonly string[] {
  const { identity, permissions } = spec;
  const next = /-(\d+)$/.exec(metadata.name);
  const name = next === null ? `${metadata.name}-2` : metadata.name.replace(/\d+$/, String(Number(next[1]) + 1));
  const single = (flag: string, value: string | undefined): readonly string[] => (value === undefined ? [] : [flag, value]);
  const many = (flag: string, values: readonly string[] | undefined): readonly string[] => (values ?? []).flatMap((value) => [flag, value]);
  return [
    ...['mcpgateway', 'token', 'create', name, '--config', directory, '-n', metadata.namespace, '--type', spec.type, '--user', identity.user],
    ...single('--email', identity.email),
    ...single('--display-name', identity.displayName),
    ...single('--team', identity.team),
    ...single('--organization', identity.organization),
    ...many('--group', identity.groups),
    ...many('--role', identity.roles),
    // One command makes one permission; putting several into it would grant more than each of them does.
    ...permissions.slice(0, 1).flatMap(({ serverRefs, tools, prompts, resources }) => [
      ...many('--server', serverRefs.map((ref) => (ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`))),
      ...many('--tool', tools),
      ...many('--prompt', prompts),
      ...many('--resource', resources),
    ]),
    ...['--expires-in', spec.lifetime],
  ];
}

async function waitUntilObserved(
  io: CommandIo,
  configuration: Configuration,
  token: GatewayToken,
  { requestedAt, timeoutMs }: { readonly requestedAt: string; readonly timeoutMs: number },
): Promise<void> {
  io.err('waiting for `serve` ');
  for (let waitedMs = 0; waitedMs <= timeoutMs; waitedMs += POLL_MS) {
    const ledger = await readLedger(join(configuration.stateDirectory, 'ledger.json'));
    if (ledgerEntryOf(ledger, token)?.observedRotateRequest === requestedAt) {
      io.err(' done\n');
      return;
    }
    if (waitedMs % 1000 === 0) io.err('.');
    await io.sleep(POLL_MS);
  }
  io.err('\n');
  throw new CommandFailure(`the request is in the file, but \`serve\` did not act on it: is it running on ${configuration.directory}?`);
}
