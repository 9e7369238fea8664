/** `can-i`: what a token may do, with the rule that decides. The answer is that of the gateway's own evaluator. */
import { Command } from 'commander';
import type { Bundle, BundleToken } from '../../api/bundle.ts';
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import { ConfigError } from '../../core/config-error.ts';
import { gatewayPrincipal } from '../../core/gateway-principal.ts';
import { compilePolicy } from '../../core/policy/compile.ts';
import type { Explanation } from '../../core/policy/explain.ts';
import { explain } from '../../core/policy/explain.ts';
import type { CommandIo } from '../command-io.ts';
import { EXIT } from '../command-io.ts';
import type { Configuration, DirectoryOptions } from '../configuration.ts';
import { compileConfiguration, configOption, ledgerEntryOf, loadConfiguration, requireToken, stateOption } from '../configuration.ts';
import type { OutputFormat } from '../output.ts';
import { outputOption, printable, printJson, printTable } from '../output.ts';
import { parseQuestion } from '../question.ts';
import { summarizeToken } from '../token-summary.ts';

interface CanIOptions extends DirectoryOptions {
  readonly namespace: string;
  readonly tokenName: string;
  readonly server?: string;
  readonly list?: boolean;
  readonly output: OutputFormat;
}

export function canICommand(io: CommandIo, setExit: (code: number) => void): Command {
  return new Command('can-i')
    .description('tell whether a token may do something, and which rule says so')
    .argument('[question...]', 'such as: call tool NAME, get prompt NAME, read resource URI, list tools, tools/call NAME')
    .addOption(configOption())
    .addOption(stateOption())
    .requiredOption('--token-name <name>', 'GatewayToken that asks')
    .option('-n, --namespace <namespace>', 'namespace of the token', 'default')
    .option('--server <[namespace/]name>', 'MCPServer that is asked')
    .option('--list', 'show everything the token may do instead')
    .addOption(outputOption())
    .addHelpText('after', '\nExit status: 0 yes, 2 no, 64 the question or the configuration is wrong.')
    .action(async (words: readonly string[], options: CanIOptions) => {
      const configuration = await loadConfiguration(options);
      const token = requireToken(configuration, options.namespace, options.tokenName);
      if (options.list === true) list(io, configuration, token, options);
      else setExit(ask(io, configuration, token, { words, options }));
    });
}

interface Asked {
  readonly words: readonly string[];
  readonly options: CanIOptions;
}

function ask(io: CommandIo, configuration: Configuration, token: GatewayToken, { words, options }: Asked): number {
  const question = parseQuestion(words);
  const bundle = requireBundle(configuration, token, options.server);
  const { state } = summarizeToken(token, ledgerEntryOf(configuration.ledger, token), io.nowMs());
  const { decision, considered } = explainFor(bundle, token, question);
  const dead = state === 'Revoked' || state === 'Expired';
  const allowed = decision.allowed && !dead;
  const rule = dead ? `token-${state.toLowerCase()}` : decision.rule;
  if (options.output === 'json') printJson(io, { allowed, rule, method: question.method, target: question.target, token: state, considered });
  else io.out(`${allowed ? 'yes' : 'no'}: ${printable(rule)}\n`);
  return allowed ? EXIT.ok : EXIT.no;
}

/** A token without a grant on the server is not in its bundle, and is asked about all the same. */
function explainFor(bundle: Bundle, token: GatewayToken, question: Parameters<typeof explain>[1]): Explanation {
  const bundled = bundle.tokens.find((each) => each.namespace === token.metadata.namespace && each.name === token.metadata.name);
  const principal = gatewayPrincipal(bundled ?? ungranted(token), { id: '', sha256: '', expiresAtMs: 0 });
  return explain(principal, question, compilePolicy(bundle));
}

function ungranted({ metadata, spec }: GatewayToken): BundleToken {
  const { groups = [], roles = [], attributes = {}, ...identity } = spec.identity;
  return {
    ...{ uid: '', namespace: metadata.namespace, name: metadata.name, type: 'Bearer', revoked: false },
    ...{ identity: { ...identity, groups, roles, attributes }, grants: [], generations: [] },
  };
}

function requireBundle(configuration: Configuration, token: GatewayToken, server: string | undefined): Bundle {
  if (server === undefined) throw new ConfigError(['--server: is required; name the MCPServer that is asked']);
  const [first = '', second] = server.split('/');
  const [namespace, name] = second === undefined ? [token.metadata.namespace, first] : [first, second];
  const { bundles, problems } = compileConfiguration(configuration);
  const bundle = bundles.find((each) => each.server.namespace === namespace && each.server.name === name);
  if (bundle !== undefined) return bundle;
  const about = problems.filter((problem) => problem.kind === 'MCPServer' && problem.namespace === namespace && problem.name === name);
  throw new ConfigError(about.length > 0 ? about.map(({ field, problem }) => `MCPServer ${server} ${field}: ${problem}`) : [`--server: ${configuration.directory} has no valid MCPServer ${namespace}/${name}`]);
}

function list(io: CommandIo, configuration: Configuration, token: GatewayToken, options: CanIOptions): void {
  const grants = compileConfiguration(configuration).bundles.flatMap((bundle) => {
    const server = `${bundle.server.namespace}/${bundle.server.name}`;
    const bundled = bundle.tokens.find((each) => each.namespace === token.metadata.namespace && each.name === token.metadata.name);
    const denies = bundle.rules.filter(({ effect }) => effect === 'Deny').map(({ rule }) => rule);
    return (bundled?.grants ?? []).map(({ rule, allow, caps }) => ({ server, rule, ...allow, ...(caps === undefined ? {} : { caps }), denies }));
  });
  const { state } = summarizeToken(token, ledgerEntryOf(configuration.ledger, token), io.nowMs());
  if (options.output === 'json') {
    printJson(io, { token: state, grants });
    return;
  }
  const rows = grants.map((grant) => [grant.server, grant.tools.join(','), grant.prompts.join(','), grant.resources.join(','), grant.rule, grant.denies.join(',')]);
  printTable(io, ['SERVER', 'TOOLS', 'PROMPTS', 'RESOURCES', 'RULE', 'DENY RULES'], rows);
  if (grants.some(({ caps }) => caps !== undefined)) io.err('Some grants are cut by what the server admits from this namespace; -o json shows it.\n');
  if (state !== 'Active') io.err(`The token is ${state.toLowerCase()}.\n`);
}
