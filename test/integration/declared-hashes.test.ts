/** Tokens of which only a hash is declared, on a real API server: what is gone does not come back, and nobody ends another's. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { startOperator } from '../kit/operator.ts';
import type { TestOperator } from '../kit/operator.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
let operator: TestOperator;
let home: string;
let tools: string;
let other: string;
const startOne = (): Promise<TestOperator> => startOperator({ kubeconfig: cluster().kubeconfig.text, namespace: home });
const { kubectl } = createKubectl(cluster, () => tools);

beforeAll(async () => {
  home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  other = await cluster().namespace('other');
  operator = await startOne();
  await kubectl(['apply', '-f', '-'], `
apiVersion: mcpgateway.dev/v1alpha1
kind: MCPServer
metadata: {name: github, namespace: ${tools}}
spec:
  upstream: {port: 3000}
  authentication: {gatewayTokens: {bearer: true}}
  tokens: {from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${other}}}, tools: ["*"]}]}
`);
}, 60_000);
afterAll(() => operator.stop());

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const aToken = (namespace: string, name: string, text: string): string => `
apiVersion: mcpgateway.dev/v1alpha1
kind: GatewayToken
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  type: Bearer
  source: {type: Hash, id: ${hashOf(text).slice(0, 8)}, sha256: ${hashOf(text)}}
  identity: {user: ${name}}
  lifetime: 24h
  expiresAt: "2099-01-01T00:00:00Z"
  permissions: [{serverRefs: [{name: github, namespace: ${tools}}], tools: ["get_*"]}]
`;
const apply = (...args: Parameters<typeof aToken>): Promise<string> => kubectl(['apply', '-f', '-'], aToken(...args));
const revoke = (namespace: string, name: string): Promise<string> => kubectl(['patch', 'gwt', name, '-n', namespace, '--type=merge', '-p', '{"spec":{"revoked":true}}']);
/** Who is accepted with this text, as `<namespace>/<name>`. */
const accepted = (text: string): readonly string[] =>
  (operator.bundle(`${tools}/github`)?.tokens ?? []).filter(({ revoked, generations }) => !revoked && generations.some(({ sha256 }) => sha256 === hashOf(text))).map(({ namespace, name }) => `${namespace}/${name}`);
const untilAccepted = (text: string, ...who: readonly string[]) => eventually(`${who.join()} accepted`, async () => accepted(text).join() === who.join() || undefined);
const condition = async (namespace: string, name: string): Promise<string> =>
  kubectl(['get', 'gwt', name, '-n', namespace, '-o', 'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.reason}: {.message}{end}']);
const untilReady = (namespace: string, name: string) => eventually(`${name} ready`, async () => (await condition(namespace, name)).startsWith('True') || undefined);
const RETIRED = 'False HashRetired: This hash was revoked or deleted before: make a new token.';
const untilRetired = (namespace: string, name: string) => eventually(`${name} refused`, async () => (await condition(namespace, name)) === RETIRED || undefined);

describe('a hash', () => {
  test('of a token that was deleted does not come back in its namespace, under no name and after no restart', async () => {
    await apply(tools, 'gone', 'one');
    await untilAccepted('one', `${tools}/gone`);
    await untilReady(tools, 'gone');
    // As one command: the object is made again before anything could be noticed.
    await kubectl(['replace', '--force', '-f', '-'], aToken(tools, 'gone', 'one'));
    await untilRetired(tools, 'gone');
    expect(accepted('one')).toEqual([]);
    await kubectl(['delete', 'gwt', 'gone', '-n', tools]);
    await operator.stop();
    operator = await startOne();
    await apply(tools, 'again', 'one');
    await untilRetired(tools, 'again');
    expect(accepted('one')).toEqual([]);
  });

  test('that was revoked does not come back in any namespace', async () => {
    await apply(tools, 'leaked', 'two');
    await untilReady(tools, 'leaked');
    await untilAccepted('two', `${tools}/leaked`);
    await revoke(tools, 'leaked');
    await untilAccepted('two');
    await apply(other, 'copy', 'two');
    await eventually('the copy refused', async () => (await condition(other, 'copy')).startsWith('False Invalid: spec.source') || undefined);
    await kubectl(['delete', 'gwt', 'leaked', '-n', tools]);
    await eventually('the leaked one forgotten', async () => (operator.bundle(`${tools}/github`)?.tokens ?? []).every(({ name }) => name !== 'leaked') || undefined);
    await apply(other, 'second-copy', 'two');
    await untilRetired(other, 'second-copy');
    expect(accepted('two')).toEqual([]);
  });

  test('of a live token stays its own, whatever is declared, revoked and deleted elsewhere', async () => {
    await apply(tools, 'live', 'three');
    await untilReady(tools, 'live');
    // Creation times have whole seconds.
    const made = Date.parse(await kubectl(['get', 'gwt', 'live', '-n', tools, '-o', 'jsonpath={.metadata.creationTimestamp}']));
    await eventually('the next second', async () => Date.now() > made + 1_000 || undefined);
    for (const name of ['thief', 'thief-again']) {
      await apply(other, name, 'three');
      await eventually('the thief refused', async () => (await condition(other, name)).startsWith('False Invalid: spec.source') || undefined);
      await revoke(other, name);
      await eventually('the thief revoked', async () => (await condition(other, name)).startsWith('False Revoked') || undefined);
      await kubectl(['delete', 'gwt', name, '-n', other]);
      await untilAccepted('three', `${tools}/live`);
    }
    expect(await condition(tools, 'live')).toMatch(/^True/);
  });

  test('that somebody declared and deleted before its owner came is the owner\'s', async () => {
    await apply(other, 'early', 'four');
    await untilReady(other, 'early');
    await untilAccepted('four', `${other}/early`);
    await kubectl(['delete', 'gwt', 'early', '-n', other]);
    await untilAccepted('four');
    await apply(tools, 'owner', 'four');
    await untilAccepted('four', `${tools}/owner`);
  });
});
