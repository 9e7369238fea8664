import { describe, expect, test } from '@jest/globals';
import { operatorVerdicts } from '../../../bench/operator-report.ts';
import type { ClusterRevocation, OperatorBench } from '../../../bench/operator-run.ts';
import { anOperatorBench } from './kit.ts';

const failing = (bench: OperatorBench): readonly string[] => operatorVerdicts(bench).filter(({ holds }) => !holds).map(({ what }) => what.split(/[,;]/)[0] ?? '');
const withRevocation = (index: 0 | 1, over: Partial<ClusterRevocation>): OperatorBench => {
  const bench = anOperatorBench();
  return { ...bench, revocations: bench.revocations.map((each, at) => (at === index ? { ...each, ...over } : each)) };
};

test('every limit holds, and each is said', () => {
  expect(failing(anOperatorBench())).toEqual([]);
  expect(operatorVerdicts(anOperatorBench())).toHaveLength(12);
});

describe('a limit that does not hold is named', () => {
  test.each<[string, OperatorBench, string]>([
    ['few sidecars are told late', withRevocation(0, { toldMs: [1, 251] }), 'last sidecar told of a revocation'],
    ['many sidecars are told late', withRevocation(1, { toldMs: [1, 1001] }), 'last sidecar told of a revocation'],
    ['a call is accepted late', withRevocation(0, { lastAcceptedMs: [251] }), 'last call that a revoked token was accepted with'],
    ['a stream ends late', withRevocation(1, { streamEndedMs: [1001] }), 'end of the open stream of a revoked token'],
    ['nothing was measured', withRevocation(0, { toldMs: [] }), 'last sidecar told of a revocation'],
    ['a patch is large', withRevocation(0, { patchBytes: 2049 }), 'largest message that told a sidecar of a revocation'],
    ['memory', { ...anOperatorBench(), residentMiB: 351 }, 'RSS of the operator with 200 servers and 10000 tokens'],
    ['the start', { ...anOperatorBench(), readyMs: 15_001 }, 'start of the operator to readyz with 200 servers and 10000 tokens'],
    ['CPU', { ...anOperatorBench(), idle: { seconds: 600, cpuShare: 0.011, writes: [] } }, 'share of a core while nothing changes'],
    ['a write', { ...anOperatorBench(), idle: { seconds: 600, cpuShare: 0, writes: ['patch a status gatewaytokens'] } }, 'writes other than of Leases while nothing changes'],
  ])('%s', (_what, bench, expected) => {
    expect(failing(bench)).toEqual([expected]);
  });

  test('the larger bound is for the larger size alone', () => {
    expect(failing(withRevocation(1, { toldMs: [999] }))).toEqual([]);
  });
});
