/**
 * The operator is killed at every write of a mint, a rotation and a revocation: once when the write is about to be sent,
 * once when it is carried out and not yet answered. Another operator takes over each time.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LedgerToken } from '../../api/ledger.ts';
import { hashCredential } from '../../core/credential.ts';
import { startApiRelay } from '../kit/api-relay.ts';
import type { ApiRelay, ApiRequest } from '../kit/api-relay.ts';
import { eventually } from '../kit/eventually.ts';
import { createGuardedCluster, statusOfCall } from '../kit/guarded-cluster.ts';
import type { GuardedCluster } from '../kit/guarded-cluster.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { readLedger } from '../kit/read-ledger.ts';
import type { SimulatedPod } from '../kit/simulated-pod.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
/** No scenario writes more often; without a bound a fault would have the tests go on for ever. */
const MOST_WRITES = 12;
const DEADLINE_MS = 240_000;
let guarded: GuardedCluster;
let relay: ApiRelay;
let operator: OperatorProcess;
let pod: SimulatedPod;
let minted: string[];
/** The texts that the Secret of each token was seen to hold; a rotation may end all but the one that it replaces. */
let readable: Map<string, Set<string>>;

type Moment = 'before' | 'after';

interface Scenario {
  /** Of the token. */
  readonly name: string;
  /** What the user does. */
  readonly begin: () => Promise<void>;
  /** `undefined` until the operator has done all that is to be done. */
  readonly isDone: () => Promise<true | undefined>;
}

interface TokenObject {
  readonly status?: {
    readonly observedRotateRequest?: string;
    readonly generations?: readonly { readonly state: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const pathOf = (name: string): string => `/apis/mcpgateway.dev/v1alpha1/namespaces/${guarded.tools}/gatewaytokens/${name}`;

async function statusOf(name: string): Promise<NonNullable<TokenObject['status']>> {
  return ((await cluster().request('GET', pathOf(name))).body as TokenObject).status ?? {};
}

async function holds(name: string, type: string): Promise<true | undefined> {
  return (await statusOf(name)).conditions?.some((condition) => condition.type === type && condition.status === 'True') === true || undefined;
}

/** `undefined`: there is no such Secret. */
async function readSecret(name: string): Promise<string | undefined> {
  const { status, body } = await cluster().request('GET', `/api/v1/namespaces/${guarded.tools}/secrets/${name}-token`);
  if (status === 404) return undefined;
  return Buffer.from((body as { readonly data: { readonly token: string } }).data.token, 'base64').toString('utf8');
}

async function recordOf(name: string): Promise<LedgerToken | undefined> {
  return (await readLedger(cluster(), guarded.home)).find((token) => token.name === name);
}

/** To the ledger, the token's Secret and its status: what a token's life consists of. Others' status follows each restart. */
function isCounted({ method, path }: ApiRequest, name: string): boolean {
  return method !== 'GET' && [`/namespaces/${guarded.home}/secrets`, `/secrets/${name}-token`, `/gatewaytokens/${name}/status`].some((part) => path.includes(part));
}

/** Kills the operator at its nth write for this token from now on; the answer is its death, once that is certain. */
function killAt(nth: number, moment: Moment, name: string): () => Promise<void> | undefined {
  const victim = operator;
  let death: Promise<void> | undefined;
  const kill = (): void => {
    death = victim.kill('SIGKILL');
  };
  let writes = 0;
  relay.judge((request) => {
    if (!isCounted(request, name)) return 'pass';
    writes += 1;
    if (writes < nth) return 'pass';
    if (writes > nth) return 'lose';
    if (moment === 'after') return { answered: kill };
    kill();
    return 'lose';
  });
  return () => death;
}

/** Another process takes over. */
async function takeOver(): Promise<void> {
  relay.judge(() => 'pass');
  await guarded.clearLease();
  // Killed again and again within seconds, the sidecar would wait ever longer before it asks again: so it begins anew.
  [operator] = await Promise.all([guarded.startOperator(0, { kubeconfig: relay.kubeconfig }), pod.restartSidecar()]);
}

/** With a kill at the first write, the second, and so on, until the scenario needs no more writes than that. */
async function killEverywhere(moment: Moment, scenario: (nth: number) => Scenario, check: (nth: number) => Promise<void>): Promise<number> {
  for (let nth = 1; nth <= MOST_WRITES; nth += 1) {
    const { name, begin, isDone } = scenario(nth);
    const deathOf = killAt(nth, moment, name);
    await begin();
    await eventually('the end of the operator or of its work', async () => deathOf() !== undefined || isDone());
    const death = deathOf();
    if (death !== undefined) {
      await death;
      await check(nth);
      await takeOver();
      await eventually('what the first operator began', isDone);
    }
    relay.judge(() => 'pass');
    await check(nth);
    if (death === undefined) return nth - 1;
  }
  throw new Error('it writes more often than it should');
}

/** What holds at every moment, whoever is alive: whatever could be read so far is accepted, and everything live is on record. */
async function expectSound(name: string): Promise<void> {
  const text = await readSecret(name);
  const record = (await recordOf(name))?.generations.map(({ sha256 }) => sha256) ?? [];
  const held = (await pod.heldBundle())?.tokens.find((token) => token.name === name)?.generations ?? [];
  expect(record.length).toBeLessThanOrEqual(2);
  expect(record).toEqual(expect.arrayContaining(held.map(({ sha256 }) => sha256)));
  if (text === undefined) return;
  expect(record).toContain(hashCredential(text));
  const texts = (readable.get(name) ?? new Set()).add(text);
  readable.set(name, texts);
  for (const each of texts) expect(await statusOfCall(pod, each)).toBe(200);
}

async function secretsOf(name: string): Promise<number> {
  const { body } = await cluster().request('GET', `/api/v1/namespaces/${guarded.tools}/secrets`);
  const owned = (body.items ?? []) as unknown as readonly { readonly metadata: { readonly ownerReferences?: readonly { readonly name: string }[] } }[];
  return owned.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === name) === true).length;
}

beforeAll(async () => {
  minted = [];
  readable = new Map();
  guarded = await createGuardedCluster(cluster());
  relay = await startApiRelay(cluster(), guarded.account);
  operator = await guarded.startOperator(0, { kubeconfig: relay.kubeconfig });
  await guarded.guard();
  pod = await guarded.addPod('github-0', { replicas: ['127.0.0.1'] });
}, 60_000);
afterAll(async () => {
  await guarded.stop();
  await relay.stop();
});

describe('an operator that is killed', () => {
  test.each(['before', 'after'] as const)('%s any write of a mint leaves a token that its successor brings to life, in one Secret', async (moment) => {
    const nameOf = (nth: number): string => `mint-${moment}-${String(nth)}`;
    const writes = await killEverywhere(
      moment,
      (nth) => ({ name: nameOf(nth), begin: () => guarded.applyToken(nameOf(nth)), isDone: () => holds(nameOf(nth), 'Ready') }),
      (nth) => expectSound(nameOf(nth)),
    );
    expect(writes).toBeGreaterThanOrEqual(4);
    for (let nth = 1; nth <= writes + 1; nth += 1) {
      expect(await secretsOf(nameOf(nth))).toBe(1);
      expect((await recordOf(nameOf(nth)))?.generations).toMatchObject([{ state: 'Current' }]);
      await expectSound(nameOf(nth));
      minted.push(nameOf(nth));
    }
  }, DEADLINE_MS);

  test.each(['before', 'after'] as const)('%s any write of a rotation leaves what could be read alive, and its successor carries it out', async (moment) => {
    const name = `rotated-${moment}`;
    await guarded.applyToken(name);
    await eventually('the token', () => holds(name, 'Ready'));
    let former = '';
    const atOf = (nth: number): string => `2026-11-23T10:00:${String(nth).padStart(2, '0')}Z`;
    const writes = await killEverywhere(
      moment,
      (nth) => ({
        name,
        begin: async () => {
          former = (await readSecret(name)) ?? '';
          readable.set(name, new Set([former]));
          const annotations = { 'mcpgateway.dev/rotate-requested-at': atOf(nth) };
          await cluster().request('PATCH', pathOf(name), { metadata: { annotations } }, 'application/merge-patch+json');
        },
        isDone: async () => (await statusOf(name)).observedRotateRequest === atOf(nth) || undefined,
      }),
      () => expectSound(name),
    );
    expect(writes).toBeGreaterThanOrEqual(3);
    expect(await readSecret(name)).not.toBe(former);
    expect(await secretsOf(name)).toBe(1);
    minted.push(name);
  }, DEADLINE_MS);

  test.each(['before', 'after'] as const)('%s any write of a revocation leaves a token that its successor refuses for good', async (moment) => {
    const left = [...minted];
    const revoked: { readonly name: string; readonly text: string }[] = [];
    const writes = await killEverywhere(
      moment,
      () => {
        const name = left.pop() ?? '';
        return {
          name,
          begin: async () => {
            revoked.push({ name, text: (await readSecret(name)) ?? '' });
            await guarded.revoke(name);
          },
          isDone: async () => ((await holds(name, 'Revoked')) && (await statusOfCall(pod, revoked.at(-1)?.text ?? '')) === 401) || undefined,
        };
      },
      async () => undefined,
    );
    expect(writes).toBeGreaterThanOrEqual(2);
    await pod.restartSidecar();
    const heard = guarded.spy.requests.length;
    for (const { name, text } of revoked) {
      expect(text).not.toBe('');
      expect(await statusOfCall(pod, text)).toBe(401);
      expect((await recordOf(name))?.revoked).toBe(true);
    }
    expect(guarded.spy.requests.length).toBe(heard);
    minted = left;
  }, DEADLINE_MS);
});
