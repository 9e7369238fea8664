/** The operator against a real API server: YAML and kubectl in; Secrets, Services, status and bundles out. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GenerationUsage } from '../../api/bundle-stream.ts';
import type { GatewayTokenStatus } from '../../api/v1alpha1/index.ts';
import { hashCredential } from '../../core/credential.ts';
import { serverYaml, tokenYaml } from '../kit/declared.ts';
import { eventually } from '../kit/eventually.ts';
import { createKubectl } from '../kit/kubectl.ts';
import { startOperator } from '../kit/operator.ts';
import type { TestOperator } from '../kit/operator.ts';
import { aGenerationUsage, aPermissionUsage, aReport } from '../kit/usage.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

/** The shortest interval there is. */
const USAGE_CONFIG = { tokens: { usageIntervalSeconds: 10 } };
const cluster = withControlPlane({ crds: true });
let operator: TestOperator;
let home: string;
let tools: string;

beforeAll(async () => {
  home = await cluster().namespace('mcpgateway');
  tools = await cluster().namespace('tools');
  operator = await startOperator({ kubeconfig: cluster().kubeconfig.text, namespace: home, config: USAGE_CONFIG });
}, 60_000);
afterAll(() => operator.stop());

const aServer = (name: string): string => serverYaml({ namespace: tools, name });
const aToken = (name: string): string => tokenYaml({ namespace: tools, name });

const { kubectl, wait, secretOf } = createKubectl(cluster, () => tools);

const tokenIn = (name: string) => operator.bundle(`${tools}/github`)?.tokens.find((token) => token.name === name);

describe('a token', () => {
  test('is minted into a Secret of its own, accepted by the server it names, and nobody else ever holds its text', async () => {
    await kubectl(['apply', '-f', '-'], `${aServer('github')}---${aToken('ci')}`);
    await wait('condition=Ready', 'gwt/ci');
    const text = await secretOf('ci');
    expect(text).toMatch(/^mgt_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(tokenIn('ci')).toMatchObject({ revoked: false, generations: [{ sha256: hashCredential(text) }], grants: [{ allow: { tools: ['get_*'] } }] });
    const secret = JSON.parse(await kubectl(['get', 'secret', 'ci-token', '-n', tools, '-o', 'json'])) as { type: string; metadata: { ownerReferences: unknown[] } };
    expect(secret.type).toBe('mcpgateway.dev/token');
    expect(secret.metadata.ownerReferences).toMatchObject([{ kind: 'GatewayToken', name: 'ci' }]);
    const everything = `${await kubectl(['get', 'gwt,mcps,events,configmaps', '-A', '-o', 'yaml'])}${await kubectl(['get', 'secrets', '-n', home, '-o', 'yaml'])}${operator.logText()}`;
    expect(everything).not.toContain(text);
    expect(everything).not.toContain(Buffer.from(text).toString('base64'));
  });

  test('is rotated by annotation, with both generations alive, and the same request is not carried out twice', async () => {
    const before = await secretOf('ci');
    const at = '2026-11-23T10:00:00Z';
    await kubectl(['annotate', 'gwt', 'ci', '-n', tools, `mcpgateway.dev/rotate-requested-at=${at}`, '--overwrite']);
    await wait(`jsonpath={.status.observedRotateRequest}=${at}`, 'gwt/ci');
    const after = await secretOf('ci');
    expect(after).not.toBe(before);
    expect(new Set(tokenIn('ci')?.generations.map(({ sha256 }) => sha256))).toEqual(new Set([hashCredential(before), hashCredential(after)]));
    await kubectl(['annotate', 'gwt', 'ci', '-n', tools, `mcpgateway.dev/rotate-requested-at=${at}`, 'again=1', '--overwrite']);
    await kubectl(['apply', '-f', '-'], aToken('later'));
    await wait('condition=Ready', 'gwt/later');
    expect(await secretOf('ci')).toBe(after);
  });

  test('is revoked by kubectl patch, for good', async () => {
    await kubectl(['patch', 'gwt', 'ci', '-n', tools, '--type=merge', '-p', '{"spec":{"revoked":true}}']);
    await eventually('the revocation in the bundle', async () => tokenIn('ci')?.revoked === true || undefined);
    await wait('condition=Revoked', 'gwt/ci');
    const events = await eventually('the Events', async () => {
      const reasons = await kubectl(['get', 'events.events.k8s.io', '-n', tools, '--field-selector=regarding.name=ci', '-o', 'jsonpath={.items[*].reason}']);
      return reasons.includes('Revoked') ? reasons : undefined;
    });
    expect(new Set(events.split(' '))).toEqual(new Set(['Minted', 'Rotated', 'Revoked']));
    await wait('condition=Ready=false', 'gwt/ci');
    const { code, stderr } = await cluster().kubectl(['patch', 'gwt', 'ci', '-n', tools, '--type=merge', '-p', '{"spec":{"revoked":false}}']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('revoked');
  });

  test('is dead once deleted, and one made again under its name is another', async () => {
    const before = await secretOf('later');
    await kubectl(['delete', 'gwt', 'later', '-n', tools]);
    await eventually('the token gone from the bundle', async () => tokenIn('later') === undefined || undefined);
    await eventually('its Secret collected', async () => (await cluster().kubectl(['get', 'secret', 'later-token', '-n', tools])).code !== 0 || undefined);
    await kubectl(['apply', '-f', '-'], aToken('later'));
    await wait('condition=Ready', 'gwt/later');
    expect(await secretOf('later')).not.toBe(before);
    expect(tokenIn('later')?.generations.map(({ sha256 }) => sha256)).not.toContain(hashCredential(before));
  });

  test('that the operator cannot read is denied, and is what it was when it can be read again', async () => {
    const before = await secretOf('later');
    const crd = ['patch', 'crd', 'gatewaytokens.mcpgateway.dev', '--type=json', '-p'];
    const field = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/novel';
    await kubectl([...crd, JSON.stringify([{ op: 'add', path: field, value: { type: 'string' } }])]);
    let edits = 0;
    // A watch that was open before the change of the CRD is still told of objects without the field.
    await eventually('the token gone from the bundle', async () => {
      edits += 1;
      await kubectl(['patch', 'gwt', 'later', '-n', tools, '--type=merge', '-p', JSON.stringify({ metadata: { annotations: { edit: String(edits) } }, spec: { novel: 'x' } })]);
      return tokenIn('later') === undefined || undefined;
    });
    await kubectl(['patch', 'gwt', 'later', '-n', tools, '--type=json', '-p', '[{"op":"remove","path":"/spec/novel"}]']);
    await kubectl([...crd, JSON.stringify([{ op: 'remove', path: field }])]);
    await eventually('the token back in the bundle', async () => tokenIn('later')?.generations.some(({ sha256 }) => sha256 === hashCredential(before)) || undefined);
    expect(await secretOf('later')).toBe(before);
  });

  test('never takes a Secret that somebody else made', async () => {
    await kubectl(['create', 'secret', 'generic', 'mine-token', '-n', tools, '--from-literal=token=precious']);
    await kubectl(['apply', '-f', '-'], aToken('mine'));
    await wait('condition=SecretNameTaken', 'gwt/mine');
    expect(await secretOf('mine')).toBe('precious');
    expect(tokenIn('mine')?.generations).toEqual([]);
  });

  test('never shares the Secret of another token', async () => {
    await kubectl(['apply', '-f', '-'], aToken('thief').replace('thief-token', 'later-token'));
    await wait('condition=SecretNameTaken', 'gwt/thief');
    expect(tokenIn('later')?.generations.map(({ sha256 }) => sha256)).toContain(hashCredential(await secretOf('later')));
  });
});

describe('a server', () => {
  test('gets a Service that targets the sidecar by name, a NetworkPolicy, and the authorities of the operator', async () => {
    const service = JSON.parse(await kubectl(['get', 'service', 'github-mcp', '-n', tools, '-o', 'json'])) as { spec: { ports: unknown[]; selector: unknown } };
    expect(service.spec).toMatchObject({ ports: [{ port: 443, targetPort: 'mcpgw-https' }], selector: { 'mcpgateway.dev/server': 'github' } });
    expect(await kubectl(['get', 'networkpolicy', 'github-mcp', '-n', tools, '-o', 'jsonpath={.spec.ingress[0].ports[0].port}'])).toBe('15443');
    expect(await kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', tools, '-o', 'jsonpath={.data.ca\\.crt}'])).toBe('test authorities');
  });

  test('is accepted, and says that it has no pods', async () => {
    await wait('condition=Accepted', 'mcps/github');
    expect(await kubectl(['get', 'mcps', 'github', '-n', tools, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'])).toBe('NoPods');
  });

  test('leaves a Service alone that it did not make', async () => {
    await kubectl(['create', 'service', 'clusterip', 'other-mcp', '-n', tools, '--tcp=80:80']);
    await kubectl(['apply', '-f', '-'], aServer('other'));
    await wait('condition=Accepted=false', 'mcps/other');
    expect(await kubectl(['get', 'service', 'other-mcp', '-n', tools, '-o', 'jsonpath={.spec.ports[0].port}'])).toBe('80');
  });

  test('shares the authorities with the other servers of its namespace: each of them is an owner', async () => {
    const owners = await kubectl(['get', 'configmap', 'mcpgateway-authorities', '-n', tools, '-o', 'jsonpath={.metadata.ownerReferences[*].name}']);
    expect(new Set(owners.split(' '))).toEqual(new Set(['github', 'other']));
  });

  test('is closed when it is deleted', async () => {
    await kubectl(['delete', 'mcps', 'other', '-n', tools]);
    await eventually('its bundle retracted', async () => operator.bundle(`${tools}/other`) === undefined || undefined);
  });
});

describe('the use of a token', () => {
  const tokensOfServer = () => new Map(operator.bundle(`${tools}/github`)?.tokens.map((token) => [token.uid, token]));
  const report = (reporter: string, usage: Partial<GenerationUsage>): void => {
    const uid = tokenIn('later')?.uid ?? '';
    operator.usage.receive({ pod: { namespace: tools, name: 'pod', uid: 'pod' }, tokens: tokensOfServer(), report: aReport([aGenerationUsage(uid, usage)], { reporter }) });
  };
  const useStatus = async () => {
    const { lastUsedAt, usage } = JSON.parse(await kubectl(['get', 'gwt', 'later', '-n', tools, '-o', 'jsonpath={.status}'])) as GatewayTokenStatus;
    return { lastUsedAt, lastDeniedAt: usage?.lastDeniedAt, asOf: usage?.asOf, permissions: usage?.permissions };
  };
  const at = (text: string): number => Date.parse(text);

  test('is in its status, and stays there under another leader that has heard less: no time goes back, no tool is forgotten', async () => {
    report('1'.repeat(16), { uses: 1, lastUsedAtMs: at('2026-01-02T00:00:00Z'), permissions: [aPermissionUsage(0, { lastUsedAtMs: at('2026-01-02T00:00:00Z'), tools: ['get_issue'] })] });
    const first = await eventually('the first use', async () => {
      const status = await useStatus();
      return status.lastUsedAt === undefined ? undefined : status;
    });
    expect(first).toMatchObject({ lastUsedAt: '2026-01-02T00:00:00Z', permissions: [{ index: 0, lastUsedAt: '2026-01-02T00:00:00Z', tools: ['get_issue'] }] });
    await operator.stop();
    operator = await startOperator({ kubeconfig: cluster().kubeconfig.text, namespace: home, config: USAGE_CONFIG });
    await eventually('the next operator publishing', async () => tokenIn('later') !== undefined || undefined);
    report('2'.repeat(16), { uses: 1, failures: 1, lastUsedAtMs: at('2026-01-01T00:00:00Z'), lastDeniedAtMs: at('2026-01-01T00:00:00Z'), permissions: [aPermissionUsage(0, { lastUsedAtMs: at('2026-01-01T00:00:00Z'), tools: ['get_file'] })] });
    const second = await eventually('the second report', async () => {
      const status = await useStatus();
      return status.asOf === first.asOf ? undefined : status;
    });
    expect(second).toMatchObject({
      lastUsedAt: '2026-01-02T00:00:00Z', lastDeniedAt: '2026-01-01T00:00:00Z',
      permissions: [{ index: 0, lastUsedAt: '2026-01-02T00:00:00Z', tools: ['get_file', 'get_issue'] }],
    });
    expect(at(second.asOf ?? '') - at(first.asOf ?? '')).toBeGreaterThanOrEqual(USAGE_CONFIG.tokens.usageIntervalSeconds * 1000);
  }, 60_000);

  test('is shown by kubectl, and explained', async () => {
    expect(await kubectl(['get', 'gwt', 'later', '-n', tools, '-o', 'wide'])).toMatch(/LAST USED/);
    expect(await kubectl(['explain', 'gwt.status.usage.permissions.digest'])).toContain('SHA-256 of the permission');
  });
});

test('nothing is written while nothing changes', async () => {
  const versions = async (): Promise<string> => `${await kubectl(['get', 'gwt,mcps,secrets,services,networkpolicies,configmaps', '-n', tools, '-o', 'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion} {end}'])}${await kubectl(['get', 'secrets', '-n', home, '-o', 'jsonpath={.items[*].metadata.resourceVersion}'])}`;
  await wait('condition=Ready', 'gwt/later');
  const before = await versions();
  await operator.stop();
  operator = await startOperator({ kubeconfig: cluster().kubeconfig.text, namespace: home });
  await eventually('the second operator publishing', async () => tokenIn('later') !== undefined || undefined);
  await kubectl(['apply', '-f', '-'], aToken('last'));
  await wait('condition=Ready', 'gwt/last');
  const after = await versions();
  for (const version of before.split(' ').filter((each) => each.includes('later') || each.includes('github'))) expect(after).toContain(version);
});
