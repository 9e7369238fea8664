import { describe, expect, test } from '@jest/globals';
import { operatorVerdicts } from '../../../bench/operator-report.ts';
import { page, ratios, verdicts } from '../../../bench/report.ts';
import type { Bench, Measured, Sample } from '../../../bench/report.ts';
import { anOperatorBench } from './kit.ts';

const aSample = (cpuMicrosecondsPerRequest: number): Sample => ({ cpuMicrosecondsPerRequest, requestsPerSecond: 5000, p50Ms: 5, p99Ms: 12 });

const bare: Measured = { name: 'bare', does: 'answers', samples: [aSample(20), aSample(25), aSample(30)], idleMiB: 50, peakMiB: 80 };
const gateway: Measured = { name: 'gateway', does: 'guards', samples: [aSample(60), aSample(90), aSample(90)], idleMiB: 70, peakMiB: 120 };

function aBench(overrides: Partial<Measured> = {}, firstAcceptedMs: readonly number[] = [300, 310, 420]): Bench {
  return {
    date: '2026-01-01', versions: [['Node', '24']], baseline: 'bare', gateway: 'gateway', firstAcceptedMs, revocation: { lastAcceptedMs: [2, 4, 3], streamEndedMs: [20, 30, 100] }, operator: anOperatorBench(),
    setting: { connections: 32, runs: 3, secondsPerRun: 15, bodyBytes: 700, processors: '2 processors' },
    subjects: [bare, { ...gateway, ...overrides }, { name: 'absent', does: 'is not here', samples: [] }],
  };
}

describe('the numbers', () => {
  test('each run is compared with the baseline run beside it', () => {
    expect(ratios(gateway, bare)).toEqual([3, 3.6, 3]);
  });
});

describe('the verdict', () => {
  /** Of the gateway's own part. */
  const holds = (bench: Bench): readonly boolean[] => verdicts(bench).slice(0, 5).map((verdict) => verdict.holds);

  test('holds within every limit', () => expect(holds(aBench())).toEqual([true, true, true, true, true]));
  test('fails above four times the CPU', () => expect(holds(aBench({ samples: [aSample(81), aSample(101), aSample(121)] }))).toEqual([false, true, true, true, true]));
  test('fails above 90 MiB', () => expect(holds(aBench({ idleMiB: 90.1 }))).toEqual([true, false, true, true, true]));
  test('fails when the first answer takes longer than half a second', () => expect(holds(aBench({}, [501, 502, 100]))).toEqual([true, true, false, true, true]));
  test('fails when a revocation takes longer than 100 ms in more than one case of a hundred', () => {
    const late = (count: number) => [...Array.from({ length: 100 - count }, () => 20), ...Array.from({ length: count }, () => 101)];
    expect(holds({ ...aBench(), revocation: { lastAcceptedMs: late(1), streamEndedMs: late(1) } })).toEqual([true, true, true, true, true]);
    expect(holds({ ...aBench(), revocation: { lastAcceptedMs: late(2), streamEndedMs: late(1) } })).toEqual([true, true, true, false, true]);
    expect(holds({ ...aBench(), revocation: { lastAcceptedMs: late(1), streamEndedMs: late(2) } })).toEqual([true, true, true, true, false]);
  });
  test('fails for what was not measured', () => {
    const { idleMiB: _, ...unmeasured } = gateway;
    const nothing = { lastAcceptedMs: [], streamEndedMs: [] };
    expect(holds({ ...aBench({ samples: [] }, []), subjects: [bare, { ...unmeasured, samples: [] }], revocation: nothing })).toEqual([false, false, false, false, false]);
  });
});

test('the limits of the operator are among the verdicts', () => {
  const bench = aBench();
  expect(verdicts(bench).slice(5)).toEqual(operatorVerdicts(bench.operator));
});

describe('the page', () => {
  test('says of an absent subject that it was not measured', () => {
    expect(page(aBench())).toContain(`| absent | is not here |${' not measured |'.repeat(7)}`);
  });

  test('marks a limit that does not hold', () => {
    expect(page(aBench({ idleMiB: 95 }))).toContain('| RSS when idle, MiB | ≤ 90 | 95 | **no** |');
  });

  test('gives medians with ranges', () => {
    expect(page(aBench())).toContain('| gateway | guards | 90.0 (60.0–90.0) | 3.00 (3.00–3.60) | 5000 (5000–5000) |');
  });
});
