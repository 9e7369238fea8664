import { expect, test } from '@jest/globals';
import { createFailureBudget, FAILURES_AT_ONCE, MS_PER_FAILURE } from '../../../../operator/bundle/failure-budget.ts';

function aBudget() {
  const now = { ms: 5_000 };
  return { now, budget: createFailureBudget({ monotonicMs: () => now.ms }) };
}
const takes = (take: () => boolean): number => Array.from({ length: 100 }, take).filter(Boolean).length;

test('is spent at once, and comes back one by one up to what it was', () => {
  const { now, budget } = aBudget();
  expect(takes(() => budget.take('a'))).toBe(FAILURES_AT_ONCE);
  now.ms += MS_PER_FAILURE - 1;
  expect(budget.take('a')).toBe(false);
  now.ms += 1;
  expect(takes(() => budget.take('a'))).toBe(1);
  now.ms += 3_600_000;
  expect(takes(() => budget.take('a'))).toBe(FAILURES_AT_ONCE);
});

test('is each address\'s own', () => {
  const { budget } = aBudget();
  takes(() => budget.take('a'));
  expect(budget.take('b')).toBe(true);
});

test('is not spent by what was given back', () => {
  const { budget } = aBudget();
  for (let index = 0; index < 100; index += 1) {
    expect(budget.take('a')).toBe(true);
    budget.giveBack('a');
  }
  budget.giveBack('never seen');
  expect(takes(() => budget.take('a'))).toBe(FAILURES_AT_ONCE);
});

test('of the quietest address is forgotten where there are too many, and of no other', () => {
  const { budget } = aBudget();
  takes(() => budget.take('quiet'));
  takes(() => budget.take('loud'));
  for (let index = 0; index < 4_095; index += 1) budget.take(`peer ${String(index)}`);
  expect(budget.take('loud')).toBe(false);
  expect(budget.take('quiet')).toBe(true);
});
