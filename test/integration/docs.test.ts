/**
 * README and guides are true: every `sh` block runs, in order, in a copy of what a checkout holds, against the real
 * programs; a `text` block after it is what it prints (test/kit/page-blocks.ts); what the pages name exists. Where a block
 * is marked `not-run`, the text says why.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DENIAL_CODES } from '../../core/denial.ts';
import { parseGatewayConfig } from '../../manifest/gateway-config.ts';
import { createManifestLoader, EMPTY_STATE } from '../../manifest/load.ts';
import { type CommandHelp, readHelp } from '../../tools/docs-commands.ts';
import { type Block, blocksOf, isRun, isShown, statusOf } from '../kit/page-blocks.ts';
import { freePort } from '../kit/ports.ts';
import { ROOT } from '../kit/source-tree.ts';
import { temporaryDirectories } from '../kit/temporary-directory.ts';

const GUIDES = readdirSync(join(ROOT, 'docs/guides')).map((name) => `docs/guides/${name}`);
const PAGES = ['README.md', ...GUIDES];
const REFERENCE = readdirSync(join(ROOT, 'docs/reference')).map((name) => `docs/reference/${name}`);
/** Its commands need a cluster: docs-cluster.test.ts runs them. */
const OF_A_CLUSTER = 'docs/guides/cluster.md';
/** The ports of the pages; each run has others. */
const PORTS = ['8080', '8443', '9090', '3001', '3002'] as const;
/** Commands that are not run cannot be trusted, so there are hardly any. */
const MOST_NOT_RUN = 1;
const DEADLINE_MS = 50_000;

const makeDirectory = temporaryDirectories();
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test.each(PAGES.filter((page) => page !== OF_A_CLUSTER))('every command of %s works as shown', async (page) => {
  const blocks = blocksOf(page);
  const run = await runPage(blocks.filter(isRun));
  expect(problemsOf(blocks, run)).toEqual([]);
});

describe.each(PAGES)('%s', (page) => {
  const blocks = blocksOf(page);

  test('every YAML and JSON example is valid', () => {
    const files = [
      ...blocks.filter(({ language }) => language === 'yaml').map(({ text, line }) => ({ path: `line-${line}.yaml`, text })),
      ...blocks.filter(isRun).flatMap(({ text, line }) => [...text.matchAll(/^cat > \S+\.yaml <<'EOF'\n([\s\S]*?)^EOF$/gm)].map(([, body = ''], index) => ({ path: `line-${line}-${index}.yaml`, text: body }))),
    ];
    const loader = createManifestLoader();
    expect(files.flatMap((file) => loader.load([file], EMPTY_STATE).problems)).toEqual([]);
    for (const { text, line } of blocks.filter(({ language }) => language === 'json')) {
      const parsed = JSON.parse(text) as Readonly<Record<string, unknown>>;
      if ('listener' in parsed) parseGatewayConfig(text, `${page}:${line}`);
    }
  });

  test('every link leads to a heading that exists', () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = links.filter(([, path = '', anchor]) => {
      const target = path === '' ? page : join(dirname(page), path);
      return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test('every metric, denial code and audit code that it names exists', () => {
    const known = REFERENCE.map(read).join('\n');
    const named = read(page).match(/\bmcpgateway_[a-z_]*[a-z]|\bERR_[A-Z_]+[A-Z]|\bMCP\d{4}\b/g) ?? [];
    const isKnown = (name: string): boolean => (name.startsWith('ERR_') ? DENIAL_CODES.some((code) => code === name) : known.includes(`\`${name.replace(/_(bucket|sum|count)$/, '')}\``));
    expect(named.filter((name) => !isKnown(name))).toEqual([]);
  });
});

describe('options of the command line', () => {
  const help = readHelp();
  let commands: readonly CommandHelp[];
  beforeAll(async () => {
    commands = await help;
  });

  test.each(PAGES)('that %s names are in the help of the command', (page) => {
    const lines = blocksOf(page).filter(({ language }) => language === 'sh').flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'));
    const used = lines.flatMap((line) => [...line.matchAll(/(?:^|[^/\w])(mcpgateway [a-z][^|>;)]*)/g)].map(([, command = '']) => command));
    expect(used.flatMap((command) => unknownOptions(command, commands))).toEqual([]);
    const inText = [...read(page).replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`(--[a-z][a-z-]*)/g)].map(([, option = '']) => option);
    expect(inText.filter((option) => !commands.some(({ text }) => hasOption(text, option)))).toEqual([]);
  });
});

describe('the pages together', () => {
  test('leave hardly any command unproven', () => {
    const notRun = PAGES.flatMap((page) => blocksOf(page).filter(({ options }) => options.includes('not-run')).map(({ line }) => `${page}:${line}`));
    expect(notRun.length).toBeLessThanOrEqual(MOST_NOT_RUN);
  });

  test('are all within reach of the README', () => {
    const readme = read('README.md');
    expect([...GUIDES, ...REFERENCE].filter((page) => !readme.includes(`(${page})`))).toEqual([]);
  });
});

interface Ran {
  /** What the block printed, with the ports of the page. */
  readonly output: string;
  /** Status of its last failed command, 0 where none failed; `undefined` where the shell never got there. */
  readonly status: number | undefined;
}

/** One shell for the whole page, as a reader has; it and everything it started are gone afterwards. */
async function runPage(blocks: readonly Block[]): Promise<ReadonlyMap<Block, Ran>> {
  const checkout = await makeCheckout();
  const script = [
    'exec 2>&1',
    "trap 'failed=$?' ERR",
    ...blocks.map(({ text }, index) => `failed=0\n${checkout.toRun(text)}\nprintf '\\n@@%s %s@@\\n' ${index} "$failed"`),
  ].join('\n');
  writeFileSync(join(checkout.path, 'page.sh'), script);
  const output = await runShell(checkout.path);
  const parts = output.split(/\n@@\d+ \d+@@\n/);
  const statuses = [...output.matchAll(/\n@@\d+ (\d+)@@\n/g)].map(([, status]) => Number(status));
  return new Map(blocks.map((block, index) => [block, { output: checkout.toShow((parts[index] ?? '').replaceAll('\r', '')), status: statuses[index] }]));
}

interface Checkout {
  readonly path: string;
  toRun(text: string): string;
  toShow(text: string): string;
}

/** What the pages use of a checkout. The example is copied with ports that are free here. */
async function makeCheckout(): Promise<Checkout> {
  const path = makeDirectory();
  const ports = new Map<string, string>();
  for (const port of PORTS) ports.set(port, String(await freePort()));
  const replace = (text: string, pairs: Iterable<readonly [string, string]>): string =>
    [...pairs].reduce((replaced, [from, to]) => replaced.replace(new RegExp(`\\b${from}\\b`, 'g'), to), text);
  const checkout: Checkout = {
    path,
    toRun: (text) => replace(text, ports),
    toShow: (text) => replace(text, [...ports].map(([page, real]) => [real, page] as const)),
  };
  mkdirSync(join(path, 'bin'));
  for (const name of ['bin/mcpgateway', 'node_modules', 'test']) symlinkSync(join(ROOT, name), join(path, name));
  cpSync(join(ROOT, 'examples'), join(path, 'examples'), { recursive: true });
  for (const name of readdirSync(join(path, 'examples/quickstart'))) {
    const file = join(path, 'examples/quickstart', name);
    writeFileSync(file, checkout.toRun(readFileSync(file, 'utf8')));
  }
  for (const name of ['home', 'tmp']) mkdirSync(join(path, name));
  writeFileSync(join(path, 'loopback.mjs'), LOOPBACK);
  return checkout;
}

/** Third-party servers listen on every interface; here only this machine may reach them. */
const LOOPBACK = `import { Server } from 'node:net';
const { listen } = Server.prototype;
Server.prototype.listen = function (where, ...rest) {
  if (typeof where === 'object') return Reflect.apply(listen, this, [where, ...rest]);
  return Reflect.apply(listen, this, [{ port: Number(where), host: '127.0.0.1' }, ...rest.filter((each) => typeof each === 'function')]);
};
`;

async function runShell(cwd: string): Promise<string> {
  const env = { ...process.env, HOME: join(cwd, 'home'), TMPDIR: join(cwd, 'tmp'), NODE_OPTIONS: `--import=${join(cwd, 'loopback.mjs')}` };
  const shell = spawn('bash', ['page.sh'], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const killAll = (): void => {
    try {
      process.kill(-(shell.pid ?? 0), 'SIGKILL');
    } catch {
      // Everything of this group has ended by itself.
    }
  };
  const deadline = setTimeout(killAll, DEADLINE_MS);
  let output = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await new Promise((resolve, reject) => shell.once('error', reject).once('close', resolve));
  clearTimeout(deadline);
  killAll();
  return output;
}

function problemsOf(blocks: readonly Block[], run: ReadonlyMap<Block, Ran>): readonly string[] {
  return [...run].flatMap(([block, { output, status }]) => {
    const next = blocks[blocks.indexOf(block) + 1];
    const problems = [...statusProblems(block, status), ...(next?.language === 'text' ? outputProblems(next, output) : [])];
    return problems.length === 0 ? [] : [...problems, output];
  });
}

function statusProblems(block: Block, status: number | undefined): readonly string[] {
  const expected = statusOf(block);
  return status === expected ? [] : [`line ${block.line}: status ${String(status)} instead of ${expected}`];
}

function outputProblems({ text, line }: Block, output: string): readonly string[] {
  return isShown(output, text) ? [] : [`line ${line}: shows something else`];
}

/** As GitHub makes them. */
function anchorsOf(page: string): readonly string[] {
  const headings = read(page).replace(/^```[\s\S]*?^```$/gm, '').match(/^#+ .*$/gm) ?? [];
  return headings.map((heading) => heading.replace(/^#+ /, '').toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));
}

function unknownOptions(command: string, commands: readonly CommandHelp[]): readonly string[] {
  const words = command.trim().split(/\s+/);
  const found = [...commands].sort((one, other) => other.name.length - one.name.length).find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
  const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*$/, ''));
  return options.filter((option) => found === undefined || !hasOption(found.text, option)).map((option) => `${basename(words[0] ?? '')} ${words[1] ?? ''} ${option}`);
}

function hasOption(help: string, option: string): boolean {
  return new RegExp(`^ +(-\\w, )?${option}\\b|^ +${option}, `, 'm').test(help);
}
