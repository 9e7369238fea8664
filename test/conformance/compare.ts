/** Compares what the suite found directly with what it found through the gateway. */
import type { ScenarioResult } from './suite.ts';

export interface Comparison {
  readonly rows: readonly ComparedScenario[];
  readonly directTotal: Total;
  readonly throughTotal: Total;
  /** One sentence each; empty where the gateway changes nothing and every scored scenario passes. */
  readonly faults: readonly string[];
}

export interface ComparedScenario {
  readonly scenario: string;
  readonly scored: boolean;
  readonly direct: Total;
  readonly through: Total;
  readonly equal: boolean;
}

export interface Total {
  readonly passed: number;
  readonly failed: number;
}

export function compare(direct: readonly ScenarioResult[], through: readonly ScenarioResult[]): Comparison {
  const names = [...new Set([...direct, ...through].map(({ scenario }) => scenario))];
  const compared = names.map((scenario) => {
    const find = (results: readonly ScenarioResult[]) => results.find((result) => result.scenario === scenario);
    return compareScenario(scenario, find(direct), find(through));
  });
  return {
    rows: compared.map(({ row }) => row),
    directTotal: totalOf(direct),
    throughTotal: totalOf(through),
    faults: compared.flatMap(({ faults }) => faults),
  };
}

function compareScenario(scenario: string, direct: ScenarioResult | undefined, through: ScenarioResult | undefined) {
  const [first, second] = [direct ?? absent(scenario), through ?? absent(scenario)];
  const lost = without(first.checks, second.checks).map((check) => `${scenario}: only directly: ${check}`);
  const added = without(second.checks, first.checks).map((check) => `${scenario}: only through the gateway: ${check}`);
  const row: ComparedScenario = {
    scenario,
    scored: first.scored || second.scored,
    direct: totalOf([first]),
    through: totalOf([second]),
    equal: lost.length === 0 && added.length === 0,
  };
  return { row, faults: [...lost, ...added, ...failures(first, 'directly'), ...failures(second, 'through the gateway')] };
}

function failures({ scenario, scored, failed }: ScenarioResult, way: string): readonly string[] {
  return scored && failed > 0 ? [`${scenario}: ${String(failed)} failed ${way}`] : [];
}

function absent(scenario: string): ScenarioResult {
  return { scenario, scored: false, passed: 0, failed: 0, checks: [] };
}

/** Those of the first that the second has not, counting repeated ones. */
function without(first: readonly string[], second: readonly string[]): readonly string[] {
  const rest = [...second];
  return first.filter((check) => {
    const position = rest.indexOf(check);
    if (position !== -1) rest.splice(position, 1);
    return position === -1;
  });
}

function totalOf(results: readonly ScenarioResult[]): Total {
  const sum = (pick: (result: ScenarioResult) => number): number => results.map(pick).reduce((a, b) => a + b, 0);
  return { passed: sum(({ passed }) => passed), failed: sum(({ failed }) => failed) };
}

export function formatComparison(title: string, comparison: Comparison): string {
  const width = Math.max(...comparison.rows.map(({ scenario }) => scenario.length), 'scenario'.length);
  const line = (...cells: readonly [string, string, string, string]): string =>
    `  ${cells[0].padEnd(width)}  ${cells[1].padStart(10)}  ${cells[2].padStart(10)}  ${cells[3]}`;
  const cell = ({ passed, failed }: Total): string => `${String(passed)} / ${String(failed)}`;
  const verdict = ({ equal, scored }: ComparedScenario): string =>
    `${equal ? 'equal' : 'DIFFERS'}${scored ? '' : ' (not scored)'}`;
  return [
    `${title}: checks passed / failed`,
    line('scenario', 'direct', 'through', ''),
    ...comparison.rows.map((row) => line(row.scenario, cell(row.direct), cell(row.through), verdict(row))),
    line('total', cell(comparison.directTotal), cell(comparison.throughTotal), ''),
    ...comparison.faults.map((fault) => `  ! ${fault}`),
  ].join('\n');
}
