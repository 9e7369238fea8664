import { describe, expect, test } from '@jest/globals';
import { compare, formatComparison } from '../../../conformance/compare.ts';
import type { ScenarioResult } from '../../../conformance/suite.ts';

const aResult = (scenario: string, checks: readonly string[], scored = true): ScenarioResult => ({
  ...{ scenario, scored, checks },
  passed: checks.filter((check) => check.endsWith(' SUCCESS')).length,
  failed: checks.filter((check) => check.endsWith(' FAILURE')).length,
});

describe('comparing what the conformance suite found', () => {
  test('finds no fault where both ways have the same checks and every scored scenario passes', () => {
    const results = [aResult('ping', ['a SUCCESS']), aResult('tasks', ['t FAILURE'], false)];
    const comparison = compare(results, results);
    expect(comparison.faults).toEqual([]);
    expect(comparison.throughTotal).toEqual({ passed: 1, failed: 1 });
  });

  test.each([
    ['a check that turns from success to failure', ['a SUCCESS'], ['a FAILURE']],
    ['a check that is missing through the gateway', ['a SUCCESS', 'b SUCCESS'], ['a SUCCESS']],
    ['a repeated check that appears once less', ['a SUCCESS', 'a SUCCESS'], ['a SUCCESS']],
    ['a check that only the gateway brings about', ['a SUCCESS'], ['a SUCCESS', 'b WARNING']],
    ['another check with the same counts', ['a SUCCESS'], ['b SUCCESS']],
  ])('finds fault with %s', (_name, direct, through) => {
    const comparison = compare([aResult('ping', direct)], [aResult('ping', through)]);
    expect(comparison.faults).not.toEqual([]);
    expect(formatComparison('2025-11-25', comparison)).toContain('DIFFERS');
  });

  test('finds fault with a scenario that ran only one way', () => {
    expect(compare([aResult('ping', ['a SUCCESS'])], []).faults).toEqual(['ping: only directly: a SUCCESS']);
  });

  test('finds fault with a scored scenario that fails the same way twice', () => {
    const results = [aResult('ping', ['a FAILURE'])];
    expect(compare(results, results).faults).toEqual(['ping: 1 failed directly', 'ping: 1 failed through the gateway']);
  });
});
