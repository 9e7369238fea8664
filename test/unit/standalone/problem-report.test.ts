import { expect, test } from '@jest/globals';
import { createProblemReport } from '../../../standalone/problem-report.ts';

test('tells of each problem once when it comes and once when it goes', () => {
  const told: string[] = [];
  const log = { debug: () => {}, error: () => {}, child: () => log, warn: (_: string, fields = {}) => void told.push(`+${JSON.stringify(fields)}`), info: (_: string, fields = {}) => void told.push(`-${JSON.stringify(fields)}`) };
  const report = createProblemReport(log);
  report(['a', 'b', 'a']);
  report(['b']);
  report(['b']);
  expect(told).toEqual(['+{"problem":"a"}', '+{"problem":"b"}', '-{"problem":"a"}']);
});
