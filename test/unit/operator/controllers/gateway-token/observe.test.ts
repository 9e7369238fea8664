import { beforeEach, describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../../../api/ledger.ts';
import type { GatewayToken } from '../../../../../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../../../../../core/bundle/problem.ts';
import { parseGatewayConfig } from '../../../../../manifest/gateway-config.ts';
import { observeToken } from '../../../../../operator/controllers/gateway-token/observe.ts';
import type { HeldSecret, ObserveDeps, TokenSources } from '../../../../../operator/controllers/gateway-token/observe.ts';
import { TOKENS_PER_NAMESPACE } from '../../../../../operator/controllers/gateway-token/refusal.ts';
import { aToken, anEntry, HOUR, minted, NOW } from './kit.ts';

const NAME = { namespace: 'tools', name: 'ci' };
const PROBLEM: ObjectProblem = { kind: 'GatewayToken', namespace: 'tools', name: 'ci', field: 'spec.binding', problem: 'is not supported by this release', reason: 'NotSupported' };
const CONFIG = parseGatewayConfig(
  JSON.stringify({
    listener: { plainHTTP: true },
    tokens: { lifetimePolicies: [{ name: 'ci', namespaceSelector: { matchLabels: { stage: 'ci' } }, minLifetime: '1h', maxLifetime: '2h' }] },
  }),
  'gateway-config.json',
);

let token: GatewayToken | undefined;
let entry: LedgerToken | undefined;
let others: LedgerToken[];
let labels: Record<string, string>;
let problems: ObjectProblem[];
let held: HeldSecret | undefined;
let refused: string[];
let onRecord: number;

beforeEach(() => {
  token = aToken();
  entry = minted();
  others = [];
  labels = {};
  problems = [];
  held = undefined;
  refused = [];
  onRecord = 1;
});

function observe(over: Partial<ObserveDeps> = {}) {
  const sources: TokenSources = {
    isUnreadable: () => false,
    token: () => token,
    entry: () => entry,
    entries: () => [...(entry === undefined ? [] : [entry]), ...others],
    countIn: () => onRecord,
    isRetired: () => false,
    namespaceLabels: () => labels,
    config: () => CONFIG,
    problems: () => problems,
    enforcement: () => ({ sidecars: 3, enforcing: 2, isSettling: false }),
  };
  return observeToken(NAME, {
    sources, held: (uid) => (uid === 'u1' ? held : undefined), refusedForMs: (uid) => (refused.includes(uid) ? 1_234 : undefined), secretRefusal: () => undefined, nowMs: NOW, monotonicMs: 5000, ...over,
  });
}

describe('the facts about a token', () => {
  test('are what the cluster, the ledger and this process know of it', () => {
    expect(observe()).toEqual({
      name: NAME, token, entry, demand: { lifetimeMs: 24 * HOUR }, problems: [], refusal: undefined, isSecretNameTaken: false, nameRetryMs: undefined, secretRefusal: undefined,
      held: undefined, heldForMs: 0, enforcement: { sidecars: 3, enforcing: 2, isSettling: false }, nowMs: NOW,
    });
  });

  test('of an object that is gone are its entry alone: no demand, and nothing that is held', () => {
    token = undefined;
    held = { generation: 'b0000000', text: 'canary', sinceMs: 1 };
    expect(observe()).toEqual({
      name: NAME, token: undefined, entry, demand: undefined, problems: [], refusal: undefined, isSecretNameTaken: false, nameRetryMs: undefined, secretRefusal: undefined,
      held: undefined, heldForMs: 0, enforcement: { sidecars: 0, enforcing: 0, isSettling: false }, nowMs: NOW,
    });
  });

  test('have the lifetime cut by the policy of its namespace, and say so', () => {
    labels = { stage: 'ci' };
    const { demand, problems: found } = observe();
    expect(demand).toEqual({ lifetimeMs: 2 * HOUR });
    expect(found).toMatchObject([{ field: 'spec.lifetime', problem: 'is longer than the lifetime policy ci allows; 2h applies' }]);
  });

  test('have its own problems before those of the bundles', () => {
    labels = { stage: 'ci' };
    problems = [PROBLEM];
    expect(observe().problems.map(({ field }) => field)).toEqual(['spec.lifetime', 'spec.binding']);
  });

  test('name the generation that is held and for how long, by the monotonic clock, and never its text', () => {
    held = { generation: 'b0000000', text: 'canary', sinceMs: 1200 };
    const facts = observe();
    expect([facts.held, facts.heldForMs]).toEqual(['b0000000', 3800]);
    expect(JSON.stringify(facts)).not.toContain('canary');
  });

  test('say why it is not taken on record', () => {
    entry = undefined;
    onRecord = TOKENS_PER_NAMESPACE;
    expect(observe().refusal).toMatchObject({ reason: 'TooManyTokens' });
  });

  test('of an object made again do not have what is held for the former', () => {
    held = { generation: 'b0000000', text: 'canary', sinceMs: 1200 };
    token = aToken({}, { uid: 'u2' });
    expect(observe().held).toBeUndefined();
  });
});

describe('the name of its Secret', () => {
  test.each<[string, Partial<LedgerToken>, boolean]>([
    ['another token of its namespace', {}, true],
    ['a token of another namespace', { namespace: 'prod' }, false],
    ['a token with another Secret', { secretName: 'other-token' }, false],
  ])('when %s is on record', (_whose, over, isTaken) => {
    entry = anEntry();
    others = [minted({ name: 'other', uid: 'u9', ...over })];
    expect(observe()).toMatchObject({ isSecretNameTaken: isTaken, nameRetryMs: isTaken ? 60_000 : undefined });
  });

  test('is not taken by the token itself', () => {
    expect(observe().isSecretNameTaken).toBe(false);
  });

  test('is not claimed by an entry that names no Secret', () => {
    others = [anEntry({ name: 'other', uid: 'u9' })];
    expect(observe().isSecretNameTaken).toBe(false);
  });

  test('is not claimed where the token wants no Secret', () => {
    const { secretRef: _, ...spec } = aToken().spec;
    token = { ...aToken(), spec };
    others = [anEntry({ name: 'other', uid: 'u9' })];
    expect(observe().isSecretNameTaken).toBe(false);
  });

  test('is taken where the Secret was found to be somebody else\'s, for this very object', () => {
    refused = ['u1'];
    expect(observe()).toMatchObject({ isSecretNameTaken: true, nameRetryMs: 1_234 });
    token = aToken({}, { uid: 'u2' });
    entry = undefined;
    expect(observe().isSecretNameTaken).toBe(false);
  });
});
