/** A revocation through the whole process. How long it takes is measured, and bounded, by `make bench`. */
import { expect, test } from '@jest/globals';
import { runRevocationTrials } from '../kit/revocation-trials.ts';

const TRIALS = 20;

test('F5 F6 I7 editing the YAML of a token ends its calls and its open stream, and nothing is left open upstream', async () => {
  const { lastAcceptedMs, streamEndedMs } = await runRevocationTrials(TRIALS);
  expect(lastAcceptedMs).toHaveLength(TRIALS);
  expect(streamEndedMs.filter(Number.isFinite)).toHaveLength(TRIALS);
}, 60_000);
