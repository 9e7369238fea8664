/** Logs each problem of the configuration once when it comes and once when it goes. */
import type { Logger } from '../runtime/log.ts';

export function createProblemReport(log: Logger): (problems: readonly string[]) => void {
  let known: ReadonlySet<string> = new Set();
  return (problems) => {
    const now = new Set(problems);
    for (const problem of now) if (!known.has(problem)) log.warn('configuration problem', { problem });
    for (const problem of known) if (!now.has(problem)) log.info('configuration problem solved', { problem });
    known = now;
  };
}
