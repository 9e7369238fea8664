/** `token list`: every token of the directory with its state. */
import { Command } from 'commander';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { formatProblem } from '../../manifest/problem.ts';
import type { CommandIo } from '../command-io.ts';
import type { Configuration, DirectoryOptions } from '../configuration.ts';
import { configOption, ledgerEntryOf, loadConfiguration, stateOption } from '../configuration.ts';
import type { OutputFormat } from '../output.ts';
import { outputOption, printable, printJson, printTable } from '../output.ts';
import { summarizeToken } from '../token-summary.ts';

interface ListOptions extends DirectoryOptions {
  readonly namespace?: string;
  readonly output: OutputFormat;
}

export function tokenListCommand(io: CommandIo): Command {
  return new Command('list')
    .description('list the tokens of the directory')
    .addOption(configOption())
    .addOption(stateOption())
    .option('-n, --namespace <namespace>', 'of this namespace only')
    .addOption(outputOption())
    .action(async (options: ListOptions) => {
      const configuration = await loadConfiguration(options);
      const tokens = configuration.tokens.filter(({ metadata }) => options.namespace === undefined || metadata.namespace === options.namespace);
      const rows = tokens.map((token) => describe(token, configuration, io.nowMs())).sort((a, b) => (key(a) < key(b) ? -1 : 1));
      if (options.output === 'json') printJson(io, rows);
      else printTable(io, HEADER, rows.map(cells));
      for (const problem of [...configuration.faults, ...configuration.manifest.problems.map(formatProblem)]) {
        io.err(`problem: ${printable(problem)}\n`);
      }
    });
}

const HEADER = ['NAMESPACE', 'NAME', 'USER', 'TYPE', 'SOURCE', 'STATE', 'EXPIRES', 'SERVERS', 'AGE'];

interface Row {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  readonly type: string;
  readonly source: string;
  readonly state: string;
  readonly expiresAt?: string;
  readonly servers: readonly string[];
  /** Since `serve` saw it first. */
  readonly ageSeconds?: number;
}

function describe(token: GatewayToken, configuration: Configuration, nowMs: number): Row {
  const { metadata, spec } = token;
  const entry = ledgerEntryOf(configuration.ledger, token);
  const { state, expiresAtMs } = summarizeToken(token, entry, nowMs);
  const servers = spec.permissions.flatMap(({ serverRefs }) => serverRefs.map((ref) => `${ref.namespace ?? metadata.namespace}/${ref.name}`));
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    user: spec.identity.user,
    type: spec.type,
    source: spec.source.type,
    state,
    ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
    servers: [...new Set(servers)],
    ...(entry === undefined ? {} : { ageSeconds: Math.max(0, Math.floor((nowMs - entry.firstSeenMs) / 1000)) }),
  };
}

function key({ namespace, name }: Row): string {
  return `${namespace}/${name}`;
}

function cells(row: Row): readonly string[] {
  const age = row.ageSeconds === undefined ? '' : shortAge(row.ageSeconds);
  return [row.namespace, row.name, row.user, row.type, row.source, row.state, row.expiresAt ?? '', row.servers.join(','), age];
}

/** As kubectl shows it. */
function shortAge(seconds: number): string {
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
