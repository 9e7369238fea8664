/** From samples to medians, ranges, a verdict and the page. */
import type { RevocationTimes } from '../kit/revocation-trials.ts';
import { operatorVerdicts } from './operator-report.ts';
import type { OperatorBench } from './operator-run.ts';
import { median, percentile, spread } from './statistics.ts';
import type { Verdict } from './statistics.ts';

export interface Sample {
  readonly cpuMicrosecondsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Measured {
  readonly name: string;
  readonly does: string;
  /** Empty: it is not on the machine. */
  readonly samples: readonly Sample[];
  readonly idleMiB?: number;
  readonly peakMiB?: number;
}

export interface Bench {
  readonly date: string;
  readonly versions: readonly (readonly [string, string])[];
  readonly setting: { readonly connections: number; readonly runs: number; readonly secondsPerRun: number; readonly bodyBytes: number; readonly processors: string };
  readonly subjects: readonly Measured[];
  readonly baseline: string;
  readonly gateway: string;
  readonly firstAcceptedMs: readonly number[];
  readonly revocation: RevocationTimes;
  readonly operator: OperatorBench;
}

export const LIMITS = { cpuRatio: 4, idleMiB: 90, firstAcceptedMs: 500, revocationP99Ms: 100 } as const;

/** Each run against the baseline run beside it, so that a change of the machine's mood in between counts for both. */
export function ratios(subject: Measured, baseline: Measured): readonly number[] {
  return subject.samples.map((sample, run) => sample.cpuMicrosecondsPerRequest / (baseline.samples[run]?.cpuMicrosecondsPerRequest ?? Number.NaN));
}

/** A number that is missing does not hold. */
export function verdicts(bench: Bench): readonly Verdict[] {
  const gateway = subjectOf(bench, bench.gateway);
  const ratio = ratios(gateway, subjectOf(bench, bench.baseline));
  return [
    { what: `CPU per call, times ${bench.baseline}`, limit: `≤ ${LIMITS.cpuRatio.toFixed(1)}`, measured: spread(ratio, 2), holds: median(ratio) <= LIMITS.cpuRatio },
    { what: 'RSS when idle, MiB', limit: `≤ ${String(LIMITS.idleMiB)}`, measured: gateway.idleMiB?.toFixed(0) ?? 'not measured', holds: (gateway.idleMiB ?? Number.NaN) <= LIMITS.idleMiB },
    { what: 'first accepted request after exec, ms', limit: `≤ ${String(LIMITS.firstAcceptedMs)}`, measured: spread(bench.firstAcceptedMs, 0), holds: median(bench.firstAcceptedMs) <= LIMITS.firstAcceptedMs },
    revocationVerdict('last call that a revoked token was accepted with, ms after the start of the write', bench.revocation.lastAcceptedMs),
    revocationVerdict('end of the open stream of a revoked token, ms after the start of the write', bench.revocation.streamEndedMs),
    ...operatorVerdicts(bench.operator),
  ];
}

function revocationVerdict(what: string, timesMs: readonly number[]): Verdict {
  const [least, middle, p99, most] = [Math.min(...timesMs), median(timesMs), percentile(timesMs, 0.99), Math.max(...timesMs)];
  return {
    what, limit: `p99 ≤ ${String(LIMITS.revocationP99Ms)}`, holds: p99 <= LIMITS.revocationP99Ms,
    measured: `min ${least.toFixed(1)}, median ${middle.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${most.toFixed(1)}`,
  };
}

export function page(bench: Bench): string {
  const { setting } = bench;
  return `# Benchmarks

Written by \`make bench\` on ${bench.date}; do not edit.

Every subject gets the same request: a \`tools/call\` of ${String(setting.bodyBytes)} bytes over ${String(setting.connections)} kept-alive connections, plain HTTP on both sides. The
server behind the proxies answers 800 bytes. CPU is what the kernel counted for the process (\`/proc/<pid>/stat\`, all threads), divided by the requests answered.
After a warm-up the runs are interleaved, ${String(setting.runs)} of ${String(setting.secondsPerRun)} s for each subject; each cell is the median with the least and the most. Load, server and subject share
${setting.processors}, so latency and throughput only compare subjects of this table; CPU per call is what to plan with.

${table(['subject', 'does', 'CPU per call, µs', `times ${bench.baseline}`, 'calls/s', 'p50, ms', 'p99, ms', 'RSS idle, MiB', 'RSS peak, MiB'], bench.subjects.map((subject) => row(subject, bench)))}
## Limits

\`make bench\` fails when one of these does not hold.

${table(['what', 'limit', 'measured', 'holds'], verdicts(bench).map(({ what, limit, measured, holds }) => [what, limit, measured, holds ? 'yes' : '**no**']))}
The first accepted request counts from the start of \`bin/mcpgateway\` to the whole answer of the server behind the gateway, ${String(bench.firstAcceptedMs.length)} starts.
A revocation is an edit of the token's YAML while one connection calls without a pause and another holds a stream open, ${String(bench.revocation.streamEndedMs.length)} tokens one after the other.

The operator runs as one bundled file with a heap of at most 256 MiB against a real kube-apiserver, in one replica, with at most 50 requests a second but for setting the scene.
Its sidecars are simulated: each is a pod with a token of its own and a stream that is read and acknowledged. One more is a real process, which a client calls
without a pause while another holds a stream open. Half of the tokens are revoked with \`kubectl patch\`, half are deleted. A time below 0 is one before kubectl returned. Each series begins
when nothing else has changed for a while: a message also carries what was written meanwhile, some 50 bytes for each status.

## Versions

${table(['what', 'version'], bench.versions)}
## Reproduce

\`\`\`sh
make bench           # half an hour; fails when a limit does not hold
make bench QUICK=1   # a trial: short runs, wider ranges, writes results/benchmarks-quick.md instead
\`\`\`

nginx is measured when it is on the path (\`nginx-light\` on Debian is enough).
`;
}

function row(subject: Measured, bench: Bench): readonly string[] {
  const { name, does, samples, idleMiB, peakMiB } = subject;
  if (samples.length === 0) return [name, does, ...Array.from({ length: 7 }, () => 'not measured')];
  const of = (pick: (sample: Sample) => number, digits: number): string => spread(samples.map(pick), digits);
  return [
    name, does, of((sample) => sample.cpuMicrosecondsPerRequest, 1), spread(ratios(subject, subjectOf(bench, bench.baseline)), 2),
    of((sample) => sample.requestsPerSecond, 0), of((sample) => sample.p50Ms, 1), of((sample) => sample.p99Ms, 1),
    idleMiB?.toFixed(0) ?? 'not measured', peakMiB?.toFixed(0) ?? 'not measured',
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

function subjectOf(bench: Bench, name: string): Measured {
  const found = bench.subjects.find((subject) => subject.name === name);
  if (found === undefined) throw new TypeError(`no subject ${name}`);
  return found;
}
