/** The operator's part of the page: limits, and what was measured against them. */
import type { ClusterRevocation, OperatorBench } from './operator-run.ts';
import { median, percentile } from './statistics.ts';
import type { Verdict } from './statistics.ts';

export const OPERATOR_LIMITS = { smallRevocationP99Ms: 250, largeRevocationP99Ms: 1000, patchBytes: 2048, residentMiB: 350, readyMs: 15_000, idleCpuShare: 0.01, idleWrites: 0 } as const;
/** From here on the larger bound counts. */
const LARGE_TOKENS = 10_000;

export function operatorVerdicts(operator: OperatorBench): readonly Verdict[] {
  const { readyMs, residentMiB, idle, servers, tokens } = operator;
  const size = `${String(servers)} servers and ${String(tokens)} tokens`;
  return [
    ...operator.revocations.flatMap(revocationVerdicts),
    verdict(`RSS of the operator with ${size}, MiB`, residentMiB, OPERATOR_LIMITS.residentMiB, 0),
    verdict(`start of the operator to readyz with ${size}, ms`, readyMs, OPERATOR_LIMITS.readyMs, 0),
    verdict(`share of a core while nothing changes, ${String(idle.seconds)} s`, idle.cpuShare, OPERATOR_LIMITS.idleCpuShare, 4),
    verdict(`writes other than of Leases while nothing changes, ${String(idle.seconds)} s`, idle.writes.length, OPERATOR_LIMITS.idleWrites, 0),
  ];
}

function revocationVerdicts(revocation: ClusterRevocation): readonly Verdict[] {
  const { clients, tokens, patchBytes } = revocation;
  const limitMs = tokens < LARGE_TOKENS ? OPERATOR_LIMITS.smallRevocationP99Ms : OPERATOR_LIMITS.largeRevocationP99Ms;
  const size = `${String(clients)} sidecars, ${String(tokens)} tokens, ${String(revocation.toldMs.length)} trials`;
  const timed = (what: string, timesMs: readonly number[]): Verdict => {
    const p99 = percentile(timesMs, 0.99);
    const numbers = [Math.min(...timesMs), median(timesMs), p99, Math.max(...timesMs)].map((ms) => ms.toFixed(1));
    return { what: `${what}, ms after kubectl returned; ${size}`, limit: `p99 ≤ ${String(limitMs)}`, measured: `min ${numbers[0] ?? ''}, median ${numbers[1] ?? ''}, p99 ${numbers[2] ?? ''}, max ${numbers[3] ?? ''}`, holds: p99 <= limitMs };
  };
  return [
    timed('last sidecar told of a revocation', revocation.toldMs),
    timed('last call that a revoked token was accepted with', revocation.lastAcceptedMs),
    timed('end of the open stream of a revoked token', revocation.streamEndedMs),
    verdict(`largest message that told a sidecar of a revocation, bytes; ${size}`, patchBytes, OPERATOR_LIMITS.patchBytes, 0),
  ];
}

/** A number that is missing does not hold. */
function verdict(what: string, value: number, limit: number, digits: number): Verdict {
  return { what, limit: `≤ ${String(limit)}`, measured: value.toFixed(digits), holds: value <= limit };
}
