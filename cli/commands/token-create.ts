/** `token create`: writes a GatewayToken with the hash of a new secret, and only then shows the secret, once. */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { ConfigError } from '../../core/config-error.ts';
import { formatCredential, hashCredential } from '../../core/credential.ts';
import { parseGoDuration } from '../../core/go-duration.ts';
import { render } from '../../manifest/edit.ts';
import { formatProblem } from '../../manifest/problem.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import { errorCodeOf } from '../../runtime/error-code.ts';
import type { CommandIo } from '../command-io.ts';
import type { Configuration } from '../configuration.ts';
import { configOption, loadConfiguration } from '../configuration.ts';
import type { OutputFormat } from '../output.ts';
import { outputOption, printFields, printJson } from '../output.ts';

interface CreateOptions {
  readonly config: string;
  readonly namespace: string;
  readonly user: string;
  readonly email?: string;
  readonly displayName?: string;
  readonly team?: string;
  readonly organization?: string;
  readonly group: readonly string[];
  readonly role: readonly string[];
  readonly server: readonly string[];
  readonly tool: readonly string[];
  readonly prompt: readonly string[];
  readonly resource: readonly string[];
  readonly expiresIn: string;
  readonly type: string;
  readonly generated?: boolean;
  readonly secret?: string;
  readonly lifetime?: string;
  readonly output: OutputFormat;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const several = (flags: string, description: string): Option => new Option(flags, description).argParser(collect).default([], 'none');

export function tokenCreateCommand(io: CommandIo): Command {
  return new Command('create')
    .description('create a token; its secret is shown once and stored nowhere')
    .argument('<name>', 'name of the GatewayToken')
    .addOption(configOption())
    .option('-n, --namespace <namespace>', 'namespace of the token', 'default')
    .requiredOption('--user <user>', 'who the bearer is')
    .option('--email <address>')
    .option('--display-name <name>')
    .option('--team <team>')
    .option('--organization <organization>')
    .addOption(several('--group <group>', 'group of the bearer; may be repeated'))
    .addOption(several('--role <role>', 'role of the bearer; may be repeated'))
    .addOption(several('--server <[namespace/]name>', 'server it may use; may be repeated'))
    .addOption(several('--tool <pattern>', 'tools it may use, `*` for any characters; may be repeated'))
    .addOption(several('--prompt <pattern>', 'prompts it may use; may be repeated'))
    .addOption(several('--resource <pattern>', 'resource URIs it may use; may be repeated'))
    .option('--expires-in <duration>', 'end of the token from now, such as 24h', '24h')
    .addOption(new Option('--type <type>', 'how it is presented').choices(['Bearer', 'APIKey']).default('Bearer'))
    .option('--generated', 'let `serve` make and rotate the secret, in a file that its owner alone can read')
    .option('--secret <name>', 'with --generated: name of the Secret')
    .option('--lifetime <duration>', 'with --generated: life of each generation (default: that of --expires-in)')
    .addOption(outputOption())
    .action((name: string, options: CreateOptions) => createToken(io, name, options));
}

async function createToken(io: CommandIo, name: string, options: CreateOptions): Promise<void> {
  const configuration = await loadConfiguration(options);
  const existing = configuration.manifest.objects.get(`GatewayToken/${options.namespace}/${name}`);
  if (existing !== undefined) throw new ConfigError([`${existing.file}:${existing.line} GatewayToken/${options.namespace}/${name}: exists already; choose another name`]);
  const { text: credential, generation } = formatCredential({ generation: io.randomBytes(16), secret: io.randomBytes(32) });
  const source = options.generated === true ? { type: 'Generated' } : { type: 'Hash', sha256: hashCredential(credential), id: generation };
  const expiresAt = new Date(io.nowMs() + durationOf('--expires-in', options.expiresIn)).toISOString().replace(/\.\d+Z$/, 'Z');
  const object = aToken(name, options, source, expiresAt);
  const file = `token-${options.namespace}-${name}.yaml`;
  await writeNew(configuration, file, object);
  const created = { namespace: options.namespace, name, file: join(options.config, file), expiresAt };
  if (options.generated === true) printGenerated(io, configuration, options, created);
  else printSecret(io, options, { ...created, id: generation, token: credential });
}

/** Members that are `undefined` are left out of the file. */
function aToken(name: string, options: CreateOptions, source: object, expiresAt: string): object {
  const some = (list: readonly string[]): readonly string[] | undefined => (list.length === 0 ? undefined : list);
  requireConsistent(options);
  return {
    apiVersion: 'mcpgateway.dev/v1alpha1',
    kind: 'GatewayToken',
    metadata: { name, namespace: options.namespace },
    spec: {
      type: options.type,
      source,
      identity: {
        user: options.user,
        email: options.email,
        displayName: options.displayName,
        team: options.team,
        organization: options.organization,
        groups: some(options.group),
        roles: some(options.role),
      },
      permissions: [
        {
          serverRefs: options.server.map(serverRef),
          tools: some(options.tool),
          prompts: some(options.prompt),
          resources: some(options.resource),
        },
      ],
      lifetime: options.lifetime ?? options.expiresIn,
      expiresAt,
      secretRef: options.secret === undefined ? undefined : { name: options.secret },
    },
  };
}

function serverRef(text: string): { name: string; namespace?: string } {
  const [first = '', second] = text.split('/');
  return second === undefined ? { name: first } : { namespace: first, name: second };
}

function durationOf(option: string, text: string): number {
  const milliseconds = parseGoDuration(text);
  if (milliseconds === undefined || milliseconds <= 0) throw new ConfigError([`${option}: must be a duration such as 24h or 1h30m`]);
  return milliseconds;
}

function requireConsistent(options: CreateOptions): void {
  const problems: string[] = [];
  if (options.server.length === 0) problems.push('--server: name at least one server that the token may use');
  if ([options.tool, options.prompt, options.resource].every((list) => list.length === 0)) {
    problems.push("--tool, --prompt, --resource: give at least one pattern, such as --tool 'get_*'; what is not listed is denied");
  }
  if (options.generated === true && options.secret === undefined) problems.push('--secret: is required with --generated');
  if (options.generated !== true && options.secret !== undefined) problems.push('--secret: belongs to --generated');
  if (options.generated !== true && options.lifetime !== undefined) problems.push('--lifetime: belongs to --generated; use --expires-in');
  if (problems.length > 0) throw new ConfigError(problems);
}

/** Nothing is written unless the new file is a valid one beside the others. */
async function writeNew(configuration: Configuration, file: string, object: object): Promise<void> {
  const text = render(object);
  const { problems } = configuration.loader.load([...configuration.files, { path: file, text }], configuration.manifest);
  const own = problems.filter((problem) => problem.file === file);
  if (own.length > 0) throw new ConfigError(own.map(formatProblem));
  try {
    await writeFileAtomic(join(configuration.directory, file), text, { mode: 0o644, replace: false });
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw error;
    throw new ConfigError([`${join(configuration.directory, file)}: exists already; choose another name, or remove the file`]);
  }
}

interface Created {
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly expiresAt: string;
}

function printSecret(io: CommandIo, { output }: CreateOptions, created: Created & { readonly id: string; readonly token: string }): void {
  if (output === 'json') {
    printJson(io, created);
    return;
  }
  io.err(`Created ${created.namespace}/${created.name} in ${created.file}; it ends at ${created.expiresAt}.\n`);
  io.err('This is the only time the secret is shown. Keep it now:\n');
  io.out(`${created.token}\n`);
}

function printGenerated(io: CommandIo, configuration: Configuration, options: CreateOptions, created: Created): void {
  const secretFile = join(configuration.stateDirectory, 'tokens', options.namespace, options.secret ?? '');
  if (options.output === 'json') printJson(io, { ...created, secretFile });
  else printFields(io, [['created', `${created.namespace}/${created.name}`], ['file', created.file], ['ends', created.expiresAt], ['secret', `${secretFile} (written by serve)`]]);
}
