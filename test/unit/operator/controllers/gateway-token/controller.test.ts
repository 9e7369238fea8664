import { beforeEach, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../../../../api/ledger.ts';
import type { GatewayToken } from '../../../../../api/v1alpha1/index.ts';
import { parseGatewayConfig } from '../../../../../manifest/gateway-config.ts';
import { createTokenController } from '../../../../../operator/controllers/gateway-token/controller.ts';
import type { ReconcileToken } from '../../../../../operator/controllers/gateway-token/controller.ts';
import { keepLog } from '../../../../kit/kube-parts.ts';
import { aToken, anEntry, minted, NOW } from './kit.ts';

const CONFIG = parseGatewayConfig(JSON.stringify({ listener: { plainHTTP: true } }), 'gateway-config.json');
const { signal } = new AbortController();
let token: GatewayToken | undefined;
/** As this process knows it, and as it is stored; they differ where another process wrote last. */
let known: LedgerToken | undefined;
let stored: LedgerToken | undefined;
let calls: string[];
let reconcile: ReconcileToken;

beforeEach(() => {
  token = aToken();
  known = anEntry();
  stored = known;
  calls = [];
  const answer = (call: string) => async () => {
    calls.push(call);
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'ci-token', uid: 's', resourceVersion: '1' } };
  };
  reconcile = createTokenController({
    client: { apply: answer('apply'), applyStatus: answer('status'), patch: answer('patch') },
    ledger: {
      fresh: async () => stored,
      change: async (_token, step) => {
        stored = step(stored);
        known = stored;
        return stored;
      },
    },
    isLeading: () => true,
    forgotten: () => undefined,
    sources: {
      token: () => token,
      isUnreadable: () => false,
      entry: () => known,
      entries: () => (known === undefined ? [] : [known]),
      countIn: () => 1,
      isRetired: () => false,
      namespaceLabels: () => ({}),
      config: () => CONFIG,
      problems: () => [],
      // One sidecar says nothing: a delivery waits.
      enforcement: () => ({ sidecars: 1, enforcing: 0, isSettling: false }),
      status: () => ({ conditions: [], whole: undefined }),
    },
    published: async () => undefined,
    record: () => undefined,
    clock: { nowMs: () => NOW, monotonicMs: () => 0 },
    log: keepLog(),
  });
});

test('what was held for a token that went away is not there when its record is', async () => {
  await reconcile('tools/ci', signal);
  const pending = stored;
  expect([pending?.generations[0]?.state, calls]).toEqual(['Pending', ['status']]);
  token = undefined;
  await reconcile('tools/ci', signal);
  expect(stored).toBeUndefined();
  token = aToken();
  known = pending;
  stored = pending;
  await reconcile('tools/ci', signal);
  // Whether it was delivered has to be asked: the text is gone.
  expect(calls).toContain('patch');
});

test('what another leader has recorded and is not known here yet is not written over', async () => {
  known = undefined;
  stored = minted();
  await reconcile('tools/ci', signal);
  expect(stored).toEqual(minted());
});
