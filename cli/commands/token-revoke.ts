/** `token revoke`: ends tokens for good, in the files that define them. */
import { Command } from 'commander';
import type { CommandIo } from '../command-io.ts';
import type { DirectoryOptions } from '../configuration.ts';
import { configOption, loadConfiguration, requireToken } from '../configuration.ts';
import type { OutputFormat } from '../output.ts';
import { outputOption, printJson } from '../output.ts';
import { setTokenField } from '../token-file.ts';

interface RevokeOptions extends DirectoryOptions {
  readonly namespace: string;
  readonly output: OutputFormat;
}

export function tokenRevokeCommand(io: CommandIo): Command {
  return new Command('revoke')
    .description('revoke tokens for good; a running `serve` cuts their streams at once')
    .argument('<name...>', 'names of the GatewayTokens')
    .addOption(configOption())
    .option('-n, --namespace <namespace>', 'namespace of the tokens', 'default')
    .addOption(outputOption())
    .action(async (names: readonly string[], options: RevokeOptions) => {
      // All of them must exist before the first is revoked.
      const first = await loadConfiguration(options);
      for (const name of names) requireToken(first, options.namespace, name);
      const outcomes: { namespace: string; name: string; file: string; changed: boolean }[] = [];
      for (const name of names) outcomes.push(await revoke(options, name));
      if (options.output === 'json') printJson(io, outcomes);
      else for (const { namespace, changed, file, name } of outcomes) io.out(`${namespace}/${name} ${changed ? 'revoked' : 'was revoked already'} in ${file}\n`);
    });
}

/** Reads the directory anew: two tokens may be in one file. */
async function revoke(options: RevokeOptions, name: string): Promise<{ namespace: string; name: string; file: string; changed: boolean }> {
  const { namespace } = options;
  const configuration = await loadConfiguration(options);
  const token = requireToken(configuration, namespace, name);
  if (token.spec.revoked) {
    return { namespace, name, file: configuration.manifest.objects.get(`GatewayToken/${namespace}/${name}`)?.file ?? '', changed: false };
  }
  return { namespace, name, file: await setTokenField(configuration, token, ['spec', 'revoked'], true), changed: true };
}
