/** The Secrets of tokens on a real API server, written by the operator's own account: whose they are, and what keeps one from being written. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hashCredential } from '../../core/credential.ts';
import { SERVER_LABEL } from '../../api/annotations.ts';
import { serverYaml, tokenYaml, toolsOf } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { freePorts, installOperator } from '../kit/operator-process.ts';
import { startOperator } from '../kit/operator.ts';
import type { TestOperator } from '../kit/operator.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const cluster = withControlPlane({ crds: true });
let operator: TestOperator;
let tools: string;

beforeAll(async () => {
  const home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  // Nobody acknowledges for it: every delivery waits its longest. Without a sidecar it has to be there before the policies.
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hanging', namespace: tools, labels: { [SERVER_LABEL]: 'hanging' } }, spec: { containers: [{ name: 'server', image: 'example/server:1' }] } }));
  const account = await installOperator(cluster(), home, await freePorts());
  operator = await startOperator({ kubeconfig: account.text, namespace: home });
}, 60_000);
afterAll(() => operator.stop());

const { kubectl, wait, secretOf } = createKubectl(cluster, () => tools);

const aServer = (name: string): string => serverYaml({ namespace: tools, name });
const aToken = (name: string, secret = `${name}-token`, server = 'github'): string => tokenYaml({ namespace: tools, name, secret, permissions: toolsOf(server) });
const hashesOf = (server: string, name: string) => operator.bundle(`${tools}/${server}`)?.tokens.find((token) => token.name === name)?.generations.map(({ sha256 }) => sha256) ?? [];
const conditionOf = async (name: string, type: string): Promise<{ status: string; reason: string; message: string }> =>
  JSON.parse(await kubectl(['get', 'gwt', name, '-n', tools, '-o', `jsonpath={.status.conditions[?(@.type=="${type}")]}`])) as { status: string; reason: string; message: string };

describe('one Secret, named by two tokens', () => {
  test('that are pending at once, because a sidecar hangs, is that of the older one, and holds what the sidecars accept', async () => {
    await kubectl(['apply', '-f', '-'], aServer('hanging'));
    await kubectl(['apply', '-f', '-'], ['first', 'second', 'third', 'fourth'].map((name) => aToken(name, 'shared-token', 'hanging')).join('---'));
    const owner = await eventually('one of them minted', async () => {
      const names = await kubectl(['get', 'secret', 'shared-token', '-n', tools, '-o', 'jsonpath={.metadata.ownerReferences[*].name}', '--ignore-not-found']);
      return names === '' ? undefined : names;
    });
    const listed = JSON.parse(await kubectl(['get', 'gwt', '-n', tools, '-o', 'json'])) as { items: { metadata: { name: string; uid: string; creationTimestamp: string } }[] };
    const ages = listed.items.map(({ metadata: { name, uid, creationTimestamp } }) => ({ name, key: `${creationTimestamp} ${uid}` })).filter(({ name }) => ['first', 'second', 'third', 'fourth'].includes(name));
    const [oldest, ...others] = ages.sort((one, other) => (one.key < other.key ? -1 : 1)).map(({ name }) => name);
    expect(owner).toBe(oldest);
    await wait('condition=Ready', `gwt/${owner}`);
    for (const name of others) {
      await wait('condition=SecretNameTaken', `gwt/${name}`);
      await eventually('its generation taken back', async () => hashesOf('hanging', name).length === 0 || undefined);
    }
    expect(hashesOf('hanging', owner)).toEqual([hashCredential(await secretOf('shared'))]);
  });
});

describe('a Secret that somebody else made', () => {
  test.each<[string, string, object]>([
    ['is of another type', 'typed', { type: 'Opaque', data: { token: 'cHJlY2lvdXM=' } }],
    ['is of our type and holds a token', 'alike', { type: 'mcpgateway.dev/token', data: { token: 'cHJlY2lvdXM=' } }],
    ['is of our type, empty, and has a controller', 'owned', { type: 'mcpgateway.dev/token' }],
  ])('and that %s is left as it is', async (_what, name, secret) => {
    const uid = await kubectl(['get', 'configmap', 'kube-root-ca.crt', '-n', tools, '-o', 'jsonpath={.metadata.uid}']);
    const controller = { apiVersion: 'v1', kind: 'ConfigMap', name: 'kube-root-ca.crt', uid, controller: true };
    const metadata = { name: `${name}-token`, namespace: tools, ...(name === 'owned' ? { ownerReferences: [controller] } : {}) };
    await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Secret', ...secret, metadata }));
    const read = (): Promise<string> => kubectl(['get', 'secret', `${name}-token`, '-n', tools, '-o', 'json']);
    const before = await read();
    await kubectl(['apply', '-f', '-'], aToken(name));
    await wait('condition=SecretNameTaken', `gwt/${name}`);
    expect(await conditionOf(name, 'Ready')).toMatchObject({ status: 'False', reason: 'SecretNameTaken' });
    expect(await read()).toBe(before);
  });
});

test('a Secret that is refused for another reason is said to be that, and is written once it may be', async () => {
  const forbidden = await cluster().namespace('full');
  await kubectl(['create', 'quota', 'none', '-n', forbidden, '--hard=count/secrets=0']);
  await eventually('the quota counted', async () => (await kubectl(['get', 'quota', 'none', '-n', forbidden, '-o', 'jsonpath={.status.hard}'])) !== '' || undefined);
  await kubectl(['apply', '-f', '-'], aToken('refused').replace(`namespace: ${tools}`, `namespace: ${forbidden}`));
  const of = async (type: string, member: string): Promise<string> => kubectl(['get', 'gwt', 'refused', '-n', forbidden, '-o', `jsonpath={.status.conditions[?(@.type=="${type}")].${member}}`]);
  await eventually('the condition', async () => (await of('Ready', 'reason')) === 'SecretNotWritten' || undefined);
  expect(await of('SecretNameTaken', 'status')).toBe('False');
  expect(await of('Ready', 'message')).toBe('The API server refuses the Secret (403 Forbidden); it is tried again.');
  await kubectl(['delete', 'quota', 'none', '-n', forbidden]);
  await kubectl(['wait', '--for=condition=Ready', 'gwt/refused', '-n', forbidden, '--timeout=30s']);
  const text = Buffer.from(await kubectl(['get', 'secret', 'refused-token', '-n', forbidden, '-o', 'jsonpath={.data.token}']), 'base64').toString();
  expect(operator.logText()).toContain('a reconcile failed');
  for (const secret of [text, Buffer.from(text).toString('base64')]) expect(operator.logText()).not.toContain(secret);
});
