/** What can go wrong between the API server and the webhook, and with the operator's own file: pods are refused, never unguarded. */
import { rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SERVER_LABEL } from '../../api/annotations.ts';
import { createAuthority } from '../kit/certificates.ts';
import { eventually } from '../kit/eventually.ts';
import { createGuardedCluster } from '../kit/guarded-cluster.ts';
import type { GuardedCluster } from '../kit/guarded-cluster.ts';
import { WEBHOOK_CONFIGURATION } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';
import { createWrongClock } from '../kit/wrong-clock.ts';
import type { WrongClock } from '../kit/wrong-clock.ts';

const cluster = withControlPlane({ crds: true, controllerManager: false });
/** The operator's own certificate is good for seven. */
const EIGHT_DAYS_MS = 8 * 24 * 3_600_000;
/** The operator looks after its files and certificates every 10 s. */
const UPKEEP_MS = 20_000;
const BUNDLE_PATH = 'jsonpath={.webhooks[0].clientConfig.caBundle}';
let guarded: GuardedCluster;
let operator: OperatorProcess;
let clock: WrongClock;

/** What the API server says to a pod that would be guarded; nothing is stored. */
async function tryPod(): Promise<{ readonly status: number; readonly text: string }> {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried', labels: { [SERVER_LABEL]: 'github' } }, spec: { containers: [{ name: 'server', image: 'example/server:1' }] } };
  return cluster().request('POST', `/api/v1/namespaces/${guarded.tools}/pods?dryRun=All`, pod);
}

async function untilGuarded(): Promise<void> {
  const { text } = await eventually('a guarded pod', async () => {
    const answer = await tryPod();
    return answer.status === 201 ? answer : undefined;
  }, UPKEEP_MS);
  expect(text).toContain('"name":"mcp-gateway"');
}

async function untilRefused(words: string): Promise<void> {
  const refused = await eventually('the refusal', async () => {
    const answer = await tryPod();
    return answer.status === 201 ? undefined : answer;
  });
  expect(refused).toMatchObject({ status: 500, text: expect.stringContaining(words) });
}

const caBundle = (): Promise<string> => guarded.kubectl(['get', 'mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION, '-o', BUNDLE_PATH]);
const setCaBundle = (value: string): Promise<string> =>
  guarded.kubectl(['patch', 'mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION, '--type=json', '-p', JSON.stringify([{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value }])]);

beforeAll(async () => {
  guarded = await createGuardedCluster(cluster());
  // Eight days ago, by its own clock: what it signs for itself has ended by now.
  clock = await createWrongClock(-EIGHT_DAYS_MS);
  operator = await guarded.startOperator(0, clock.options);
  await guarded.guard();
}, 60_000);
afterAll(async () => {
  await guarded.stop();
  await clock.remove();
});

describe('the webhook', () => {
  test('whose certificate has expired lets no pod in, and renews it', async () => {
    await untilRefused('certificate has expired');
    await clock.set(operator.pid, { wallMs: 0, passedMs: 0 });
    await untilGuarded();
  });

  test('whose caBundle was wiped or replaced lets no pod in until the operator has put it back', async () => {
    const before = await caBundle();
    for (const other of ['', Buffer.from(await otherAuthority()).toString('base64')]) {
      await setCaBundle(other);
      await untilRefused('x509: certificate signed by unknown authority');
      await untilGuarded();
      expect(await caBundle()).toBe(before);
    }
  }, 90_000);

  test('whose authority was deleted makes another, and serves with it', async () => {
    const before = await caBundle();
    await guarded.kubectl(['delete', 'secret', 'mcpgateway-authorities', '-n', guarded.home]);
    await eventually('another authority', async () => ((await caBundle()) === before ? undefined : true), UPKEEP_MS);
    await untilGuarded();
  });
});

describe('gateway-config.json', () => {
  const config = (maxLifetime: string): string =>
    JSON.stringify({ listener: { plainHTTP: true }, tokens: { lifetimePolicies: [{ name: 'all', namespaceSelector: { matchLabels: {} }, minLifetime: '1m', maxLifetime }] } });
  const lifetimeOf = async (name: string): Promise<number> => {
    await guarded.applyToken(name);
    // It asks for more than the policy allows: that is a fault of its own, and it is minted with what is allowed.
    await guarded.wait('jsonpath={.status.generations[0].state}=Current', `gwt/${name}`);
    const { issuedAt, expiresAt } = JSON.parse(await guarded.kubectl(['get', 'gwt', name, '-n', guarded.tools, '-o', 'jsonpath={.status.generations[0]}'])) as { issuedAt: string; expiresAt: string };
    return Date.parse(expiresAt) - Date.parse(issuedAt);
  };
  const untilLogged = (words: string): Promise<true> => eventually(words, async () => operator.logText().includes(words) || undefined, UPKEEP_MS);

  test('that becomes wrong, or goes away, is reported with its problem, and the last good one stays', async () => {
    await writeFile(operator.configFile, config('1h'));
    await untilLogged('configuration in force');
    expect(await lifetimeOf('under-the-first')).toBe(3_600_000);
    await writeFile(operator.configFile, config('a while'));
    await untilLogged('tokens.lifetimePolicies[0].maxLifetime: must be a Go duration');
    expect(await lifetimeOf('under-the-last-good')).toBe(3_600_000);
    await rm(operator.configFile);
    await untilLogged('cannot be read');
    expect(await lifetimeOf('without-a-file')).toBe(3_600_000);
    await writeFile(operator.configFile, config('2h'));
    await eventually('the next good one', async () => (operator.logText().match(/configuration in force/g) ?? []).length === 2 || undefined, UPKEEP_MS);
    expect(await lifetimeOf('under-the-next')).toBe(7_200_000);
  }, 90_000);
});

async function otherAuthority(): Promise<string> {
  return (await createAuthority('Somebody else')).cert;
}
