/** Figures of the operator that hold every limit. */
import type { OperatorBench } from '../../../bench/operator-run.ts';

export function anOperatorBench(): OperatorBench {
  const times = { toldMs: [-20, -10, 5], lastAcceptedMs: [-30, -20, 1], streamEndedMs: [-10, 3, 9], patchBytes: 800 };
  return {
    revocations: [{ clients: 20, tokens: 1000, ...times }, { clients: 100, tokens: 10_000, ...times }],
    servers: 200, tokens: 10_000, readyMs: 2000, residentMiB: 200, idle: { seconds: 600, cpuShare: 0.004, writes: [] },
  };
}
