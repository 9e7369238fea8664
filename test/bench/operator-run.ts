/** The operator's figures: how soon a revocation is in force everywhere, and what many objects cost. */
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { aCall } from '../kit/calls.ts';
import { openRaw, sendRaw } from '../kit/raw-http.ts';
import { callUntilRefused } from '../kit/revocation-trials.ts';
import { startPod } from '../kit/simulated-pod.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { answerEvents, answerJson } from '../kit/spy-scripts.ts';
import { startSpyUpstream } from '../kit/spy-upstream.ts';
import type { SpyUpstream } from '../kit/spy-upstream.ts';
import type { StreamClient } from '../kit/stream-client.ts';
import { ADDRESS, BUSY_SERVER, NAMESPACE, startBenchCluster } from './operator-cluster.ts';
import type { BenchCluster, BenchToken } from './operator-cluster.ts';
import { cpuMs, memory } from './process-usage.ts';

/** Milliseconds from the return of kubectl; less than 0: before it returned. */
export interface ClusterRevocation {
  readonly clients: number;
  readonly tokens: number;
  /** When the last of the simulated sidecars was told. */
  readonly toldMs: readonly number[];
  /** When the last call that a real sidecar accepted had its answer, and when the open stream of the token had ended. */
  readonly lastAcceptedMs: readonly number[];
  readonly streamEndedMs: readonly number[];
  /** Of the largest message that told a sidecar of a revocation. */
  readonly patchBytes: number;
}

export interface OperatorBench {
  readonly revocations: readonly ClusterRevocation[];
  readonly servers: number;
  readonly tokens: number;
  readonly readyMs: number;
  readonly residentMiB: number;
  readonly idle: { readonly seconds: number; readonly cpuShare: number; readonly writes: readonly string[] };
}

export interface OperatorBenchSize {
  readonly trials: number;
  readonly servers: number;
  readonly small: { readonly clients: number; readonly tokens: number };
  readonly large: { readonly clients: number; readonly tokens: number };
  readonly idleSeconds: number;
}

const USER = 'system:serviceaccount:mcpgateway:mcpgateway-operator';
/** For the sidecars to come back, for statuses to be looked at again, and for what all that wrote to be told to sidecars. */
const QUIET_MS = 45_000;

export async function measureOperator(size: OperatorBenchSize, progress: (line: string) => void): Promise<OperatorBench> {
  const audit = await auditFlags();
  const spy = await startSpyUpstream({ script: answerJson() });
  const bench = await startBenchCluster(audit.flags);
  const { small, large, servers, trials } = size;
  try {
    await bench.addServers(0, servers, spy.port);
    const tokens = [...(await bench.addTokens(0, small.tokens, servers))];
    const clients = [...(await bench.addClients(0, small.clients))];
    const pod = await startPod({ cluster: bench.cluster, namespace: NAMESPACE, name: 'real', server: BUSY_SERVER, replicas: [ADDRESS] });
    await bench.settle();
    await pause(QUIET_MS);
    progress(`${String(servers)} servers, ${String(tokens.length)} tokens, ${String(clients.length)} sidecars`);
    const first = await revoke({ bench, spy, pod, clients, tokens: tokens.splice(0, trials) });
    tokens.push(...(await bench.addTokens(small.tokens, large.tokens, servers)));
    clients.push(...(await bench.addClients(small.clients, large.clients)));
    await bench.settle();
    await pause(QUIET_MS);
    progress(`${String(large.tokens)} tokens, ${String(clients.length)} sidecars`);
    const second = await revoke({ bench, spy, pod, clients, tokens: tokens.splice(0, trials) });
    await pod.stop();
    return { revocations: [{ ...first, ...small }, { ...second, ...large }], servers, tokens: large.tokens, ...(await settleDown(bench, audit.file, size, progress)) };
  } finally {
    await bench.stop();
    await spy.stop();
  }
}

/** Every request of the operator's account that stores something, as lines of JSON. */
async function auditFlags(): Promise<{ readonly file: string; readonly flags: readonly string[] }> {
  const name = join(tmpdir(), `mcpgateway-bench-audit-${String(process.pid)}`);
  const stages = ['RequestReceived', 'ResponseStarted', 'Panic'];
  const rules = [{ level: 'Metadata', users: [USER], verbs: ['create', 'update', 'patch', 'delete'], omitStages: stages }, { level: 'None' }];
  await writeFile(`${name}.json`, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  return { file: `${name}.log`, flags: [`--audit-policy-file=${name}.json`, `--audit-log-path=${name}.log`] };
}

async function settleDown(bench: BenchCluster, auditFile: string, { idleSeconds }: OperatorBenchSize, progress: (line: string) => void): Promise<Omit<OperatorBench, 'revocations' | 'servers' | 'tokens'>> {
  const startedMs = performance.now();
  await bench.restartOperator();
  await untilReady(bench);
  const readyMs = performance.now() - startedMs;
  await bench.reconnect();
  await bench.settle();
  await pause(QUIET_MS);
  const { pid } = bench.operator();
  const { residentMiB } = memory(pid);
  progress(`ready in ${readyMs.toFixed(0)} ms, ${residentMiB.toFixed(0)} MiB; now nothing happens for ${String(idleSeconds)} s`);
  const before = { cpu: cpuMs(pid), lines: (await auditLines(auditFile)).length };
  await pause(idleSeconds * 1000);
  const cpuShare = (cpuMs(pid) - before.cpu) / (idleSeconds * 1000);
  const writes = (await auditLines(auditFile)).slice(before.lines).filter((line) => !line.endsWith(' leases'));
  return { readyMs, residentMiB, idle: { seconds: idleSeconds, cpuShare, writes } };
}

/** `verb resource` of each write. Reviews store nothing. */
async function auditLines(file: string): Promise<readonly string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  const events = lines.map((line) => JSON.parse(line) as { verb: string; objectRef?: { resource?: string; subresource?: string; name?: string } });
  return events.filter(({ objectRef }) => objectRef?.resource !== 'tokenreviews').map(({ verb, objectRef }) => `${verb} ${objectRef?.name ?? ''} ${objectRef?.subresource ?? ''} ${objectRef?.resource ?? ''}`);
}

async function untilReady(bench: BenchCluster): Promise<void> {
  for (;;) {
    const { status } = await fetch(`http://${ADDRESS}:${String(bench.operator().ports.admin)}/readyz`);
    if (status === 200) return;
    await pause(20);
  }
}

interface Trials {
  readonly bench: BenchCluster;
  readonly spy: SpyUpstream;
  readonly pod: SimulatedPod;
  readonly clients: readonly StreamClient[];
  /** One is revoked in each trial. */
  readonly tokens: readonly BenchToken[];
}

interface Times {
  readonly told: number;
  readonly bytes: number;
  readonly accepted: number;
  readonly ended: number;
}

async function revoke(trials: Trials): Promise<Omit<ClusterRevocation, 'clients' | 'tokens'>> {
  const times: Times[] = [];
  for (const [index, token] of trials.tokens.entries()) times.push(await revokeOne(trials, token, index % 2 === 0));
  return {
    toldMs: times.map(({ told }) => told), lastAcceptedMs: times.map(({ accepted }) => accepted), streamEndedMs: times.map(({ ended }) => ended),
    patchBytes: Math.max(...times.map(({ bytes }) => bytes)),
  };
}

async function revokeOne({ bench, spy, pod, clients }: Trials, token: BenchToken, isPatch: boolean): Promise<Times> {
  const call = aCall(token.text, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_issue', arguments: {} } }).replace('Host: localhost', `Host: ${BUSY_SERVER}-mcp`);
  const tls = { rejectUnauthorized: false };
  const [stream, calling] = await Promise.all([openRaw(pod.port, { tls }), openRaw(pod.port, { tls })]);
  try {
    spy.answerWith(answerEvents([': open\n\n']));
    stream.write(call);
    await stream.untilReceived(': open');
    spy.answerWith(answerJson());
    const refused = callUntilRefused(calling, call);
    const closed = stream.untilClosed().then(() => performance.now());
    const told = Promise.all(clients.map((client) => client.untilEnded(token.uid)));
    const command = isPatch ? ['patch', 'gwt', token.name, '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"revoked":true}}'] : ['delete', 'gwt', token.name, '-n', NAMESPACE];
    const { code, stderr } = await bench.cluster.kubectl(command);
    const returnedMs = performance.now();
    if (code !== 0) throw new Error(stderr);
    const [news, acceptedMs, endedMs] = await Promise.all([told, refused, closed]);
    if ((await sendRaw(pod.port, call, { tls })).status !== 401) throw new Error(`${token.name} is revoked, and still accepted`);
    return {
      told: Math.max(...news.map(({ atMs }) => atMs)) - returnedMs, bytes: Math.max(...news.map(({ bytes }) => bytes)),
      accepted: acceptedMs - returnedMs, ended: endedMs - returnedMs,
    };
  } finally {
    stream.destroy();
    calling.destroy();
  }
}
