import { describe, expect, test } from '@jest/globals';
import type { TokenStep } from '../../../../../operator/controllers/gateway-token/derive.ts';
import { happeningsOf } from '../../../../../operator/controllers/gateway-token/happenings.ts';
import type { StepOutcome } from '../../../../../operator/controllers/gateway-token/mint.ts';
import type { TokenFacts } from '../../../../../operator/controllers/gateway-token/observe.ts';
import { aGeneration, anEntry, aToken, facts, minted } from './kit.ts';

const reasons = (step: TokenStep, of: TokenFacts, outcome: StepOutcome = 'done'): readonly string[] => happeningsOf(step, of, outcome).map(({ reason, note }) => `${reason}: ${note}`);

describe('people are told', () => {
  test('that a token was minted, and where it is', () => {
    expect(reasons({ do: 'deliver', generation: 'a0000000' }, facts({ entry: anEntry({ generations: [aGeneration('a', 'Pending')] }) }))).toEqual(['Minted: Generation a0000000 is in Secret ci-token.']);
  });

  test('that it was rotated', () => {
    expect(reasons({ do: 'deliver', generation: 'b0000000' }, facts({ entry: minted({ generations: [aGeneration('a', 'Current'), aGeneration('b', 'Pending')] }) }))).toEqual(['Rotated: Generation b0000000 is in Secret ci-token.']);
  });

  test('that its Secret is somebody else\'s', () => {
    const told = ['SecretNameTaken: Secret ci-token belongs to somebody else; nothing was written.'];
    expect(reasons({ do: 'deliver', generation: 'a0000000' }, facts(), 'refused')).toEqual(told);
    expect(reasons({ do: 'abandon', generation: 'a0000000' }, facts(), 'refused')).toEqual(told);
  });

  test('once that it was revoked', () => {
    const step = { do: 'record', entry: minted({ revoked: true }) } as const;
    expect(reasons(step, facts({ token: aToken({ revoked: true }) }))).toEqual(['Revoked: The token is revoked; its open streams are being cut.']);
    expect(reasons(step, facts({ entry: minted({ revoked: true }) }))).toEqual([]);
  });

  test.each([{ do: 'mint' }, { do: 'recover' }, { do: 'wait', ms: 1 }, { do: 'record', entry: minted() }] as const)('nothing of %j', (step) => {
    expect(reasons(step, facts())).toEqual([]);
  });

  test('nothing of a delivery that came too late', () => {
    expect(reasons({ do: 'deliver', generation: 'a0000000' }, facts(), 'dropped')).toEqual([]);
  });

  test('nothing of an object that is gone', () => {
    expect(reasons({ do: 'forget' }, facts({ token: undefined }))).toEqual([]);
  });
});
