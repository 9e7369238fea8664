/** A leader that stops in the middle of a delivery, as on a frozen machine, and goes on after another has taken over. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SERVER_LABEL } from '../../api/annotations.ts';
import { serverYaml, tokenYaml, toolsOf } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator, startOperatorProcess } from '../kit/operator-process.ts';
import type { OperatorProcess } from '../kit/operator-process.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
const operators: OperatorProcess[] = [];
let tools: string;

const { kubectl, secretOf } = createKubectl(cluster, () => tools);

beforeAll(async () => {
  const home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  // Nobody acknowledges for it, so that a delivery waits. Without a sidecar it has to be there before the policies.
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hanging', namespace: tools, labels: { [SERVER_LABEL]: 'hanging' } }, spec: { containers: [{ name: 'server', image: 'example/server:1' }] } }));
  const ports = await freePorts();
  const account = await installOperator(cluster(), home, ports);
  for (const [name, address] of [['first', '127.0.0.1'], ['second', '127.0.0.2']] as const) operators.push(await startOperatorProcess({ namespace: home, name, kubeconfig: account, address, ports }));
}, 60_000);
afterAll(async () => {
  for (const { kill } of operators) await kill('SIGTERM');
});

test('what it holds is dead by then, and never gets into the Secret', async () => {
  await kubectl(['apply', '-f', '-'], `${serverYaml({ namespace: tools, name: 'hanging' })}---${tokenYaml({ namespace: tools, name: 'ci', permissions: toolsOf('hanging') })}`);
  const generationIn = async (state: string): Promise<string> => kubectl(['get', 'gwt', 'ci', '-n', tools, '-o', `jsonpath={.status.generations[?(@.state=="${state}")].id}`]);
  const [paused] = operators;
  if (paused === undefined) throw new Error('nothing runs');
  const dead = await eventually('a pending generation', async () => (await generationIn('Pending')) || undefined);
  process.kill(paused.pid, 'SIGSTOP');
  const live = await eventually('the other leader delivering its own', async () => (await generationIn('Current')) || undefined, 60_000).catch((error: unknown) => error);
  const text = await secretOf('ci').catch(() => '');
  // Whatever came of it: a process that is stopped cannot be ended.
  process.kill(paused.pid, 'SIGCONT');
  if (typeof live !== 'string') throw live;
  await eventually('the end of the first', async () => paused.logText().includes('leadership lost, the process ends') || undefined);
  await paused.kill('SIGTERM');
  expect(live).not.toBe(dead);
  expect(text).toContain(`_${live}_`);
  expect(await secretOf('ci')).toBe(text);
  expect(await generationIn('Current')).toBe(live);
}, 120_000);
