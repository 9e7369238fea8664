import { describe, expect, test } from '@jest/globals';
import { summarize } from '../../../tools/check-test-results.ts';

const CLEAN = { numPassedTests: 12, numFailedTests: 0, numRuntimeErrorTestSuites: 0, numPendingTests: 0, numTodoTests: 0 };

describe('the closing line of a test run', () => {
  test.each([
    ['says what passed', CLEAN, '12 passed, 0 failed', true],
    ['counts failures', { ...CLEAN, numFailedTests: 2 }, '12 passed, 2 failed', false],
    ['counts a file that did not load as a failure', { ...CLEAN, numRuntimeErrorTestSuites: 1 }, '12 passed, 1 failed', false],
    ['fails when a test is skipped', { ...CLEAN, numPendingTests: 1 }, '12 passed, 0 failed, 1 skipped (write the test or remove it)', false],
    ['fails when nothing ran', { ...CLEAN, numPassedTests: 0 }, '0 passed, 0 failed', false],
  ])('%s', (_title, results, line, ok) => {
    expect(summarize(results)).toEqual({ line, ok });
  });

  test.each([undefined, null, [], { numPassedTests: '12' }])('refuses %j, which Jest did not write', (results) => {
    expect(() => summarize(results)).toThrow(TypeError);
  });
});
