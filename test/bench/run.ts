/** `make bench`: measures every subject in turn, several times over, and writes the page. --quick is a trial. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BODY_BYTES, requestBytes } from './call.ts';
import { answerLength } from './load.ts';
import type { LoadOrder, LoadResult } from './load.ts';
import { cpuMs, memory } from './process-usage.ts';
import { measureOperator } from './operator-run.ts';
import type { OperatorBenchSize } from './operator-run.ts';
import { page, verdicts } from './report.ts';
import type { Bench, Measured, Sample } from './report.ts';
import { runRevocationTrials } from '../kit/revocation-trials.ts';
import { BARE, GATEWAY, nginxVersion, startGateway, startUpstream, subjects } from './subject.ts';
import type { Running, Subject } from './subject.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CONNECTIONS = 32;
const QUICK = process.argv.includes('--quick');
/** Many short rounds: on a shared machine the speed of a processor changes within seconds, for all subjects of a round alike. */
const RUNS = QUICK ? 4 : 20;
const RUN_SECONDS = QUICK ? 2 : 3;
/** Compiling what turned out to be hot takes some ten seconds of load, and its CPU would count as that of calls. */
const WARM_UP_SECONDS = QUICK ? 4 : 15;
const STARTS = QUICK ? 3 : 9;
const REVOCATIONS = QUICK ? 20 : 100;
const OPERATOR: OperatorBenchSize = QUICK
  ? { trials: 6, servers: 20, small: { clients: 5, tokens: 100 }, large: { clients: 10, tokens: 300 }, idleSeconds: 20 }
  : { trials: 100, servers: 200, small: { clients: 20, tokens: 1_000 }, large: { clients: 100, tokens: 10_000 }, idleSeconds: 600 };
/** Enough for what a start leaves behind to be collected or not, as it will. */
const IDLE_MS = 2_000;
const FIRST_REQUEST_DEADLINE_MS = 10_000;

interface Contender {
  readonly subject: Subject;
  readonly running: Running | undefined;
  readonly idleMiB: number | undefined;
  readonly samples: Sample[];
}

async function measure(): Promise<Bench> {
  const upstream = await startUpstream();
  const firstAcceptedMs: number[] = [];
  for (let start = 0; start < STARTS; start += 1) firstAcceptedMs.push(await firstAccepted(upstream.target.port));
  const revocation = await runRevocationTrials(REVOCATIONS);
  console.log(`revoked ${String(REVOCATIONS)} tokens`);
  const contenders: Contender[] = [];
  for (const subject of subjects(upstream.target.port)) contenders.push(await prepare(subject));
  for (let run = 0; run < RUNS; run += 1) {
    for (const { subject, running, samples } of contenders) {
      if (running === undefined) continue;
      samples.push(await sample(running, subject.name === GATEWAY));
      console.log(`run ${String(run + 1)}/${String(RUNS)}  ${subject.name.padEnd(22)} ${samples.at(-1)?.cpuMicrosecondsPerRequest.toFixed(1) ?? ''} µs of CPU per call`);
    }
  }
  const measured = contenders.map(describe);
  for (const { running } of contenders) await running?.stop();
  await upstream.stop();
  const operator = await measureOperator(OPERATOR, (line) => console.log(`operator: ${line}`));
  return {
    date: new Date().toISOString().slice(0, 10), versions: versions(), subjects: measured, baseline: BARE, gateway: GATEWAY, firstAcceptedMs, revocation, operator,
    setting: { connections: CONNECTIONS, runs: RUNS, secondsPerRun: RUN_SECONDS, bodyBytes: BODY_BYTES, processors: processors() },
  };
}

async function prepare(subject: Subject): Promise<Contender> {
  const running = await subject.start?.();
  if (running === undefined) return { subject, running, idleMiB: undefined, samples: [] };
  await untilAnswered(running);
  await pause(IDLE_MS);
  const idleMiB = memory(running.pid).residentMiB;
  await load(running, WARM_UP_SECONDS);
  return { subject, running, idleMiB, samples: [] };
}

async function sample(running: Running, audits: boolean): Promise<Sample> {
  const linesBefore = running.outputLines();
  const before = cpuMs(running.pid);
  const result = await load(running, RUN_SECONDS);
  const used = cpuMs(running.pid) - before;
  // The claim is "with audit on": no more calls than lines on record, but for those still in the batch.
  if (audits && running.outputLines() - linesBefore < result.requests * 0.99) throw new Error('the gateway did not write an audit line per call');
  return {
    cpuMicrosecondsPerRequest: (used * 1000) / result.requests,
    requestsPerSecond: (result.requests * 1000) / result.milliseconds,
    p50Ms: result.p50Ms, p99Ms: result.p99Ms,
  };
}

function describe({ subject, running, idleMiB, samples }: Contender): Measured {
  const { name, does } = subject;
  if (running === undefined || idleMiB === undefined) return { name, does, samples };
  return { name, does, samples, idleMiB, peakMiB: memory(running.pid).peakMiB };
}

async function load(running: Running, seconds: number): Promise<LoadResult> {
  const order: LoadOrder = {
    port: running.target.port, requestBase64: requestBytes(running.target).toString('base64'), connections: CONNECTIONS, milliseconds: seconds * 1000,
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load.ts'), JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  const result = JSON.parse(text) as LoadResult;
  if (result.failures > 0) throw new Error(`${String(result.failures)} calls failed, the first with: ${result.firstFailure ?? ''}`);
  return result;
}

async function firstAccepted(upstreamPort: number): Promise<number> {
  const running = await startGateway(upstreamPort);
  const answeredAt = await untilAnswered(running);
  await running.stop();
  return answeredAt - running.startedAtMs;
}

/** Sends the call until it is accepted; resolves with the moment of the answer. */
async function untilAnswered(running: Running): Promise<number> {
  const deadline = performance.now() + FIRST_REQUEST_DEADLINE_MS;
  for (;;) {
    const answer = await once(running);
    if (answer.startsWith('HTTP/1.1 200')) return performance.now();
    if (performance.now() > deadline) throw new Error(`not accepted: ${answer === '' ? 'no connection' : answer}`);
    await pause(5);
  }
}

function once({ target }: Running): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(target.port, '127.0.0.1', () => socket.write(requestBytes(target)));
    let received: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (answerLength(received) !== undefined) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received.toString('utf8')));
  });
}

function versions(): readonly (readonly [string, string])[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string; dependencies: Record<string, string> };
  return [
    ['gateway', manifest.version], ['Node', process.versions.node], ['V8', process.versions.v8],
    ['undici', manifest.dependencies['undici'] ?? ''], ['nginx', nginxVersion() ?? 'not on this machine'], ['kernel', kernel()],
  ];
}

function kernel(): string {
  return readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim().split('-', 1)[0] ?? '';
}

function processors(): string {
  return `${String(availableParallelism())} processors (${cpus()[0]?.model.trim() ?? 'unknown model'})`;
}

const bench = await measure();
const file = join(ROOT, QUICK ? 'results/benchmarks-quick.md' : 'docs/benchmarks.md');
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, page(bench));
console.log(`\nwrote ${file.slice(ROOT.length + 1)}`);
for (const { what, limit, measured, holds } of verdicts(bench)) {
  console.log(`${holds ? 'holds' : 'FAILS'}  ${what}: ${measured}, limit ${limit}`);
  if (!holds) process.exitCode = 1;
}
