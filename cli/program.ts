/** The command tree, and how whatever a command throws becomes an exit status. */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../core/config-error.ts';
import type { CommandIo } from './command-io.ts';
import { CommandFailure, EXIT } from './command-io.ts';
import { canICommand } from './commands/can-i.ts';
import { tokenCreateCommand } from './commands/token-create.ts';
import { tokenListCommand } from './commands/token-list.ts';
import { tokenRevokeCommand } from './commands/token-revoke.ts';
import { tokenRotateCommand } from './commands/token-rotate.ts';
import { whoamiCommand } from './commands/whoami.ts';

/** Runs one command line and returns its exit status; an unexpected error is thrown. */
export async function runCommandLine(words: readonly string[], io: CommandIo, version: string): Promise<number> {
  let exit: number = EXIT.ok;
  const program = createProgram(io, version, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof ConfigError) return failed(io, error.problems, EXIT.usage);
    if (error instanceof CommandFailure) return failed(io, [error.message], EXIT.failure);
    throw error;
  }
}

function failed(io: CommandIo, problems: readonly string[], code: number): number {
  for (const problem of problems) io.err(`mcpgateway: ${problem}\n`);
  return code;
}

function createProgram(io: CommandIo, version: string, setExit: (code: number) => void): Command {
  const program = new Command('mcpgateway')
    .description('One authentication layer in front of every MCP server.')
    .version(version)
    .addHelpText('after', '\nExit status: 0 done, 1 failed, 2 the answer of can-i is no, 64 the command or the configuration is wrong.');
  // Runs in a process of its own: bin/mcpgateway sends it there before this program is loaded.
  program.addCommand(new Command('serve').description('guard the servers of a configuration directory (see serve --help)'));
  const token = new Command('token').description('make, list, rotate and revoke tokens');
  for (const command of [tokenCreateCommand(io), tokenListCommand(io), tokenRotateCommand(io), tokenRevokeCommand(io)]) token.addCommand(command);
  for (const command of [token, canICommand(io, setExit), whoamiCommand(io)]) program.addCommand(command);
  return configure(program, io);
}

/** Subcommands that are added ready-made inherit nothing. */
function configure(command: Command, io: CommandIo): Command {
  command.exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err }).showHelpAfterError('(see --help)');
  for (const child of command.commands) configure(child, io);
  return command;
}
