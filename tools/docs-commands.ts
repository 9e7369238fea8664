/** docs/reference/command-line.md: the real `--help` of every command, found by following the help itself. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const COMMAND = fileURLToPath(new URL('../bin/mcpgateway', import.meta.url));
const run = promisify(execFile);

export interface CommandHelp {
  /** Such as `mcpgateway token create`. */
  readonly name: string;
  readonly text: string;
}

/** The program first, then every command below it in the order of the help. */
export async function readHelp(words: readonly string[] = []): Promise<readonly CommandHelp[]> {
  // A checkout documents its sources, not bundles that happen to lie there.
  const { stdout } = await run(COMMAND, [...words, '--help'], { env: { ...process.env, MCPGATEWAY_BUNDLE: '' } });
  const text = stdout.trimEnd();
  const below = await Promise.all(commandsIn(text).map((name) => readHelp([...words, name])));
  return [{ name: ['mcpgateway', ...words].join(' '), text }, ...below.flat()];
}

function commandsIn(help: string): readonly string[] {
  const list = /^Commands:\n((?: {2}.*\n?)*)/m.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].flatMap(([, name]) => (name === undefined || name === 'help' ? [] : [name]));
}

export function commandsPage(commands: readonly CommandHelp[]): string {
  const sections = commands.map(({ name, text }) => `## ${name}\n\n\`\`\`text\n${text}\n\`\`\`\n`);
  return `# Command line\n\n\`bin/mcpgateway\` in a checkout. What follows is the help of each command.\n\n${sections.join('\n')}`;
}
