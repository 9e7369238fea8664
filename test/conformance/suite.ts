/** Runs the official conformance suite against one URL and reads what it found from the files it writes. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess } from '../kit/processes.ts';

/** Frozen sets of scenarios; each runs at its own revision of the protocol. */
export const REQUIREMENT_SETS = ['2025-11-25', '2026-07-28'] as const;
export type RequirementSet = (typeof REQUIREMENT_SETS)[number];

const PROGRAM = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
);
const PRELOAD = fileURLToPath(new URL('auth-preload.ts', import.meta.url));
const DEADLINE_MS = 300_000;

export interface ScenarioResult {
  readonly scenario: string;
  /** Only scored scenarios count; the others are extensions, or newer than their revision. */
  readonly scored: boolean;
  readonly passed: number;
  readonly failed: number;
  /** `<check> <status>`, sorted. Notes that are neither good nor bad are left out. */
  readonly checks: readonly string[];
}

export interface SuiteTarget {
  readonly url: string;
  /** The value of the Authorization header of every request. */
  readonly authorization?: string;
}

export async function runSuite(target: SuiteTarget, requirements: RequirementSet): Promise<readonly ScenarioResult[]> {
  const results = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const { code, stdout, stderr } = await runProcess(
      process.execPath,
      [...preload(target), PROGRAM, 'server', '--url', target.url, '--requirements', requirements, '-o', results],
      { env: environment(target), deadlineMs: DEADLINE_MS },
    );
    // It ends with 1 where a scored scenario failed, which the results say better.
    if (code !== 0 && code !== 1) throw new Error(`the conformance suite ended with ${String(code)}:\n${stderr}`);
    const found = await readResults(results, unscoredNames(stdout));
    if (found.length === 0) throw new Error(`the conformance suite found nothing:\n${stdout}\n${stderr}`);
    return found;
  } finally {
    await rm(results, { recursive: true, force: true });
  }
}

function preload(target: SuiteTarget): readonly string[] {
  return target.authorization === undefined ? [] : ['--import', PRELOAD];
}

function environment(target: SuiteTarget): Readonly<Record<string, string>> {
  if (target.authorization === undefined) return {};
  return { CONFORMANCE_ORIGIN: new URL(target.url).origin, CONFORMANCE_AUTHORIZATION: target.authorization };
}

/** The suite prints them last, as `  ✓ <scenario> (<reason>)`. */
function unscoredNames(stdout: string): ReadonlySet<string> {
  const [, list = ''] = stdout.split(/^Not scored for /m);
  return new Set([...list.matchAll(/^ {2}[✓✗] (\S+) \(/gm)].map(([, name = '']) => name));
}

async function readResults(directory: string, unscored: ReadonlySet<string>): Promise<readonly ScenarioResult[]> {
  const names = (await readdir(directory)).sort();
  return Promise.all(
    names.map(async (name) => {
      const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
      const checks = readChecks(await readFile(join(directory, name, 'checks.json'), 'utf8'));
      const count = (status: string): number => checks.filter((check) => check.endsWith(` ${status}`)).length;
      return { scenario, scored: !unscored.has(scenario), passed: count('SUCCESS'), failed: count('FAILURE'), checks };
    }),
  );
}

interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

function readChecks(text: string): readonly string[] {
  const checks = JSON.parse(text) as readonly Check[];
  return checks
    .filter(({ status }) => status !== 'INFO')
    .map(({ id, name, status }) => `${id} ${name} ${status}`)
    .sort();
}
