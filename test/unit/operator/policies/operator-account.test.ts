/** Whom the policies are about; what they refuse is shown on a real API server, test/integration/injection.test.ts. */
import { expect, test } from '@jest/globals';
import { operatorAccountPolicies } from '../../../../operator/policies/operator-account.ts';

const conditions = operatorAccountPolicies({ namespace: 'sys', serviceAccount: 'op' }).flatMap(({ spec }) => {
  const { matchConditions } = spec as { matchConditions?: readonly { expression: string }[] };
  return matchConditions === undefined ? [] : [matchConditions.map(({ expression }) => expression)];
});

test('they are about the account of the operator, outside its own namespace', () => {
  const account = 'request.userInfo.username == "system:serviceaccount:sys:op"';
  const elsewhere = 'request.namespace != "sys"';
  expect(conditions).toEqual([[account, elsewhere], [account, elsewhere], [account]]);
});
