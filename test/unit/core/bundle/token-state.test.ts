import { describe, expect, test } from '@jest/globals';
import type { BundleGeneration } from '../../../../api/bundle.ts';
import type { GatewayToken } from '../../../../api/v1alpha1/index.ts';
import { readTokenStates } from '../../../../core/bundle/token-state.ts';
import { aToken, SHA } from './kit.ts';

const END = '2027-01-31T00:00:00Z';
const END_MS = Date.parse(END);
const hash = (id: string, sha256: string) => ({ source: { type: 'Hash' as const, id, sha256 }, expiresAt: END });
const states = (tokens: readonly GatewayToken[], ledger: Readonly<Record<string, readonly BundleGeneration[]>> = {}) =>
  readTokenStates({ tokens, ledger: new Map(Object.entries(ledger)) }).map(({ revoked, generations, problems }) => ({
    revoked,
    generations,
    problems: problems.map(({ field, problem }) => `${field} ${problem}`),
  }));

test('a minted token has the generations of the ledger, none beyond the end of the grant', () => {
  const ledger = { 'token-ci': [{ id: 'bbbbbbbb', sha256: 'b', expiresAtMs: END_MS + 5 }, { id: 'aaaaaaaa', sha256: 'a', expiresAtMs: 5 }] };
  expect(states([aToken('ci', { expiresAt: END })], ledger)).toEqual([
    { revoked: false, problems: [], generations: [{ id: 'aaaaaaaa', sha256: 'a', expiresAtMs: 5 }, { id: 'bbbbbbbb', sha256: 'b', expiresAtMs: END_MS }] },
  ]);
});

test('a token that is made elsewhere has the one generation of its hash', () => {
  expect(states([aToken('ci', hash('aaaaaaaa', SHA))])).toEqual([{ revoked: false, problems: [], generations: [{ id: 'aaaaaaaa', sha256: SHA, expiresAtMs: END_MS }] }]);
});

test.each<[string, Parameters<typeof aToken>[1], string[]]>([
  ['without an end', { source: { type: 'Hash', id: 'aaaaaaaa', sha256: SHA } }, ['spec.expiresAt is required with source Hash: nothing else ends such a token']],
  ['without its id', { source: { type: 'Hash', sha256: SHA }, expiresAt: END }, ['spec.source.id is required with source Hash']],
  ['without its hash', { source: { type: 'Hash', id: 'aaaaaaaa' }, expiresAt: END }, ['spec.source.sha256 is required with source Hash']],
  ['with an end that is no time', { expiresAt: 'never' }, ['spec.expiresAt is not a time']],
])('a token %s is at fault', (_title, spec, problems) => {
  expect(states([aToken('ci', spec)])[0]?.problems).toEqual(problems);
});

test('F8 an end that is no time is no end in the far future', () => {
  const [state] = states([aToken('ci', { expiresAt: 'never' })], { 'token-ci': [{ id: 'aaaaaaaa', sha256: 'a', expiresAtMs: END_MS }] });
  expect(state?.generations[0]?.expiresAtMs).toBe(0);
});

test('a token without a UID is at fault and has no generations', () => {
  const { uid: _, ...metadata } = aToken('ci').metadata;
  expect(states([{ ...aToken('ci'), metadata }])).toEqual([{ revoked: false, generations: [], problems: ['metadata.uid is missing'] }]);
});

describe('revoked', () => {
  test.each([
    ['by its spec', aToken('ci', { revoked: true })],
    ['F7 by its deletion, from the moment that begins', aToken('ci', {}, { deletionTimestamp: END })],
  ])('%s', (_title, token) => {
    expect(states([token])[0]?.revoked).toBe(true);
  });
});

describe('F13 two tokens', () => {
  const SHARED = 'is also that of another GatewayToken: neither is accepted';

  test.each([
    ['with the same hash', hash('aaaaaaaa', SHA), hash('bbbbbbbb', SHA)],
    ['with the same id', hash('aaaaaaaa', SHA), hash('aaaaaaaa', 'b'.repeat(64))],
    ['one of which is revoked', hash('aaaaaaaa', SHA), { ...hash('aaaaaaaa', SHA), revoked: true }],
  ])('%s are both at fault, in whatever namespaces they are', (_title, one, other) => {
    const found = states([aToken('ci', one), aToken('cd', other, { namespace: 'elsewhere' }), aToken('ok', hash('cccccccc', 'c'.repeat(64)))]);
    expect(found.map(({ problems }) => problems)).toEqual([[`spec.source ${SHARED}`], [`spec.source ${SHARED}`], []]);
  });

  test('with the same hash, one of which is minted: that one keeps it', () => {
    const found = states([aToken('ci', hash('aaaaaaaa', SHA)), aToken('minted')], { 'token-minted': [{ id: 'zzzzzzzz', sha256: SHA, expiresAtMs: 1 }] });
    expect(found.map(({ problems }) => problems)).toEqual([['spec.source is also that of another GatewayToken, which was there first'], []]);
  });

  const FIRST = 'is also that of another GatewayToken, which was there first';
  const at = (creationTimestamp: string) => ({ creationTimestamp });

  test('with the same id: the one that was minted keeps it', () => {
    const squatter = aToken('squatter', hash('zzzzzzzz', 'b'.repeat(64)), { namespace: 'elsewhere', ...at('2020-01-01T00:00:00Z') });
    const found = states([squatter, aToken('minted', {}, at('2026-01-01T00:00:00Z'))], { 'token-minted': [{ id: 'zzzzzzzz', sha256: SHA, expiresAtMs: 1 }] });
    expect(found.map(({ problems }) => problems)).toEqual([[`spec.source ${FIRST}`], []]);
  });

  test('with the same id: the one that was there first keeps it, and at the same second nobody does', () => {
    const [one, other] = [hash('aaaaaaaa', SHA), hash('aaaaaaaa', 'b'.repeat(64))];
    const late = states([aToken('squatter', other, at('2026-01-01T00:00:01Z')), aToken('ci', one, at('2026-01-01T00:00:00Z'))]);
    expect(late.map(({ problems }) => problems)).toEqual([[`spec.source ${FIRST}`], []]);
    const together = states([aToken('squatter', other, at('2026-01-01T00:00:00Z')), aToken('ci', one, at('2026-01-01T00:00:00Z'))]);
    expect(together.map(({ problems }) => problems)).toEqual([[`spec.source ${SHARED}`], [`spec.source ${SHARED}`]]);
  });

  test.each([
    ['live', {}],
    ['revoked', { revoked: true }],
  ])('with the same hash: the one that was there first keeps it, and the other, which is %s, has no generation to revoke', (_what, over) => {
    const [first, copy] = [aToken('ci', hash('aaaaaaaa', SHA), at('2026-01-01T00:00:00Z')), aToken('cd', { ...hash('aaaaaaaa', SHA), ...over }, { namespace: 'elsewhere', ...at('2026-01-02T00:00:00Z') })];
    for (const tokens of [[first, copy], [copy, first]]) {
      const found = new Map(tokens.map((token, index) => [token.metadata.name, states(tokens)[index]]));
      expect(found.get('ci')).toMatchObject({ problems: [], generations: [{ sha256: SHA }] });
      expect(found.get('cd')).toMatchObject({ problems: [`spec.source ${FIRST}`], generations: [] });
    }
  });

  test('with the same hash, the first of which is revoked: its hash stays with it', () => {
    const found = states([aToken('ci', { ...hash('aaaaaaaa', SHA), revoked: true }, at('2026-01-01T00:00:00Z')), aToken('cd', hash('bbbbbbbb', SHA), at('2026-01-02T00:00:00Z'))]);
    expect(found).toMatchObject([{ revoked: true, problems: [] }, { revoked: false, problems: [`spec.source ${FIRST}`], generations: [] }]);
  });
});
