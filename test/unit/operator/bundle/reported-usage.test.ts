import { expect, test } from '@jest/globals';
import { createUsageFilter } from '../../../../operator/bundle/reported-usage.ts';
import { aRevision } from '../../../kit/bundle-changes.ts';
import { POD } from '../../../kit/bundle-replica.ts';
import { aGenerationUsage, aReport } from '../../../kit/usage.ts';

const filter = createUsageFilter();
const report = aReport([aGenerationUsage('uid-default-alice'), aGenerationUsage('uid-default-bob')], { sequence: 7 });

test('keeps of a report the tokens of the bundle, which come with it', () => {
  const bundle = aRevision(['alice']);
  const kept = filter(POD, report, bundle);
  expect(kept).toEqual({ pod: POD, report: { ...report, generations: [aGenerationUsage('uid-default-alice')] }, tokens: new Map([['uid-default-alice', bundle.tokens[0]]]) });
  expect(filter(POD, report, bundle).tokens).toBe(kept.tokens);
});

test('keeps nothing where the server has no bundle', () => {
  expect(filter(POD, report, undefined).report.generations).toEqual([]);
});
