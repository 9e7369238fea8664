/** The budget of the authorizer; who is refused is shown on a real API server, test/integration/injection.test.ts. */
import { expect, test } from '@jest/globals';
import { JUDGED_SINGLY, tokenAuthorsPolicies } from '../../../../operator/policies/token-authors.ts';

const CHECK_COST = 350_000;

interface Policy {
  readonly spec: { readonly variables?: readonly { expression: string }[]; readonly validations?: readonly { expression: string }[] };
}

const checks = (expressions: readonly { expression: string }[] = []): number[] => expressions.map(({ expression }) => expression.split(".check('assume')").length - 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

test('no expression asks the authorizer more than twice, and no policy spends its budget', () => {
  for (const { spec } of tokenAuthorsPolicies() as unknown as readonly Policy[]) {
    const asked = checks(spec.validations);
    expect(Math.max(0, ...asked) * CHECK_COST).toBeLessThan(1_000_000);
    expect((sum(asked) + sum(checks(spec.variables))) * CHECK_COST).toBeLessThan(9_000_000);
  }
});

test('every place of a list is judged', () => {
  const written = JSON.stringify(tokenAuthorsPolicies());
  for (let index = 0; index < JUDGED_SINGLY; index += 1) {
    for (const prefix of ['group', 'role']) expect(written).toContain(`name('${prefix}:' + variables.names[${index}])`);
  }
});
