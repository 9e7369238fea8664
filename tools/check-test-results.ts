/**
 * Reads what Jest wrote with --json and ends a test run with one plain line. Fails where Jest would not: when nothing
 * ran, and when a test was skipped, because a skipped test passes for a tested promise.
 */
import { readFileSync } from 'node:fs';

export interface Summary {
  readonly line: string;
  readonly ok: boolean;
}

export function summarize(results: unknown): Summary {
  const passed = count(results, 'numPassedTests');
  // A file that cannot even be loaded has no failed test of its own.
  const failed = count(results, 'numFailedTests') + count(results, 'numRuntimeErrorTestSuites');
  const skipped = count(results, 'numPendingTests') + count(results, 'numTodoTests');
  const line = `${String(passed)} passed, ${String(failed)} failed${skipped === 0 ? '' : `, ${String(skipped)} skipped (write the test or remove it)`}`;
  return { line, ok: passed > 0 && failed === 0 && skipped === 0 };
}

function count(results: unknown, name: string): number {
  const value: unknown = typeof results === 'object' && results !== null ? Reflect.get(results, name) : undefined;
  if (typeof value !== 'number') throw new TypeError(`not a Jest result: no ${name}`);
  return value;
}

if (import.meta.main) {
  const { line, ok } = summarize(JSON.parse(readFileSync(process.argv[2] ?? 'results/jest.json', 'utf8')));
  console.log(line);
  process.exitCode = ok ? 0 : 1;
}
