/** Injection and the admission policies on a real API server: what is stored, and what is refused with which words. */
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { admissionPolicies } from '../../operator/policies/admission-policies.ts';
import { configHash } from '../../operator/webhook/config-hash.ts';
import { allowedRepositories } from '../../operator/webhook/overrides.ts';
import { podPatch } from '../../operator/webhook/pod-patch.ts';
import { aServer, aToken } from '../kit/crd-examples.ts';
import { eventually } from '../kit/eventually.ts';
import { aGuardedServer, aPod, SETTINGS } from '../kit/pod-examples.ts';
import type { Mutable } from '../kit/pod-examples.ts';
import { applyObject, startMeddler, startPodWebhook } from '../kit/pod-webhook.ts';
import type { PodWebhook } from '../kit/pod-webhook.ts';
import { withControlPlane } from '../kit/with-control-plane.ts';

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const DEADLINE_MS = 120_000;
const OWN_IMAGE = 'mirror.example:5000/mcpgateway:1.2.4';
const OWN_SIDECAR = { image: OWN_IMAGE, logLevel: 'debug', resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '1Gi' } } };

/** With the admission plugin that changes every container, and refuses a pod in which its change was put back. */
const cluster = withControlPlane({ crds: true, apiserverArgs: ['--enable-admission-plugins=NodeRestriction,AlwaysPullImages'] });
let operatorNamespace = '';
let namespace = '';
let webhook: PodWebhook;

beforeAll(async () => {
  operatorNamespace = await cluster().namespace('mcpgateway-system');
  namespace = await cluster().namespace('tools');
  await applyObject(cluster(), aServer({}, { namespace }));
  await applyObject(cluster(), aServer({ sidecar: OWN_SIDECAR }, { namespace, name: 'own' }));
  webhook = await startPodWebhook(cluster(), operatorNamespace);
  // A configuration takes a moment: until then pods are stored as they come.
  await eventually('the webhook', async () => {
    const { body } = await createPod(aPod({}, { name: undefined, generateName: 'probe-' }), '?dryRun=All');
    return sidecars(body) === 1 ? true : undefined;
  });
}, DEADLINE_MS);
afterAll(() => webhook.stop());

const pods = (query = ''): string => `/api/v1/namespaces/${namespace}/pods${query}`;
const createPod = (pod: object, query = '') => cluster().request('POST', pods(query), pod);
const sidecars = (pod: unknown): number =>
  ((pod as { spec?: { initContainers?: Mutable[] } }).spec?.initContainers ?? []).filter(({ name }) => name === 'mcp-gateway').length;

const aProbedPod = (name: string): Mutable =>
  aPod(
    {
      terminationGracePeriodSeconds: 10,
      containers: [{
        name: 'server', image: 'x', ports: [{ name: 'mcp', containerPort: 3000 }],
        readinessProbe: { httpGet: { path: '/ready', port: 'mcp' }, periodSeconds: 3 }, livenessProbe: { tcpSocket: { port: 3000 } }, startupProbe: { exec: { command: ['true'] } },
      }],
    },
    { name },
  );

interface PodSpec {
  readonly initContainers: readonly Mutable[];
  readonly containers: readonly Mutable[];
  readonly volumes: readonly Mutable[];
}

describe('injection', () => {
  test('a labelled pod is stored with the sidecar, exactly as it was written', async () => {
    const { status, body } = await createPod(aPod({ initContainers: [{ name: 'migrate', image: 'x' }] }, { name: 'stored' }));
    expect(status).toBe(201);
    const spec = body.spec as PodSpec;
    expect(spec.initContainers.map(({ name }) => name)).toEqual(['mcp-gateway', 'migrate']);
    // Nothing was added, dropped or changed by defaults or other admission: no patch is left to make.
    expect(podPatch(body, aGuardedServer({}, { namespace }), SETTINGS)).toEqual([]);
    expect(spec.initContainers[0]).toMatchObject({ restartPolicy: 'Always', imagePullPolicy: 'Always' });
    expect(JSON.parse(body.metadata?.annotations?.['mcpgateway.dev/injected'] ?? '')).toMatchObject({ version: '1.2.3' });
  });

  test('the app keeps its service account token, and the sidecar does not get it', async () => {
    const { body } = await createPod(aPod({}, { name: 'token' }));
    const spec = body.spec as { [kind in 'initContainers' | 'containers']: { volumeMounts: { name: string; mountPath: string }[] }[] };
    const at = (mounts: { name: string; mountPath: string }[] = []): string[] =>
      mounts.filter(({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount').map(({ name }) => name);
    expect(at(spec.containers[0]?.volumeMounts)).toEqual([expect.stringMatching(/^kube-api-access-/)]);
    expect(at(spec.initContainers[0]?.volumeMounts)).toEqual(['mcp-gateway-nothing']);
  });

  test('a pod that came out is guarded again without a change when it is copied', async () => {
    const { body } = await createPod(aPod({}, { name: 'original' }));
    const before = webhook.outcomes.length;
    const { status } = await createPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'copy', labels: body.metadata?.labels, annotations: body.metadata?.annotations }, spec: body.spec });
    expect(status).toBe(201);
    expect(webhook.outcomes.slice(before).map(({ result }) => result)).toEqual(['unchanged']);
  });

  test('another webhook that changes the sidecar brings a second call, which puts it back', async () => {
    const meddler = await startMeddler(cluster());
    try {
      const body = await eventually('the other webhook', async () => {
        const answer = await createPod(aPod({}, { name: undefined, generateName: 'meddled-' }), '?dryRun=All');
        return JSON.stringify(answer.body.spec).includes('MEDDLED') ? answer.body : undefined;
      });
      const [{ result: last } = { result: undefined }] = webhook.outcomes.slice(-1);
      expect(last).toBe('injected');
      const spec = body.spec as PodSpec;
      expect(spec.containers[0]?.['env']).toEqual([{ name: 'MEDDLED', value: 'yes' }]);
      expect(JSON.stringify(spec.initContainers)).not.toContain('MEDDLED');
      expect(podPatch(body, aGuardedServer({}, { namespace }), SETTINGS)).toEqual([]);
    } finally {
      await meddler.stop();
    }
  });

  test('the injected pod is admitted to a namespace that enforces the restricted standard', async () => {
    await cluster().kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
    try {
      const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } };
      const guarded = await createPod(aPod({ containers: [{ name: 'server', image: 'x', securityContext }] }, { name: 'restricted' }));
      expect({ status: guarded.status, message: guarded.body.message }).toEqual({ status: 201, message: undefined });
      expect(await createPod(aPod({}, { name: 'privileged' }))).toMatchObject({ status: 403 });
    } finally {
      await cluster().kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce-']);
    }
  });

  test('a LimitRange may add to the resources of the sidecar, and the pod is still as it should be', async () => {
    const limited = await cluster().namespace('limited');
    await applyObject(cluster(), aServer({}, { namespace: limited }));
    const limits = [{ type: 'Container', default: { cpu: '1', memory: '512Mi' }, defaultRequest: { cpu: '10m' }, max: { cpu: '2' } }];
    await applyObject(cluster(), { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace: limited }, spec: { limits } });
    const path = `/api/v1/namespaces/${limited}/pods?dryRun=All`;
    const body = await eventually('the LimitRange', async () => {
      const answer = await cluster().request('POST', path, aPod());
      return (answer.body.spec as PodSpec).containers[0]?.['resources'] === undefined || JSON.stringify(answer.body.spec).includes('"cpu":"1"') ? answer.body : undefined;
    });
    expect((body.spec as PodSpec).initContainers[0]?.['resources']).toEqual({ requests: { cpu: '50m', memory: '96Mi' }, limits: { cpu: '1', memory: '256Mi' } });
    expect(podPatch(body, aGuardedServer({}, { namespace: limited }), SETTINGS)).toEqual([]);
  });

  test.each<[string, Mutable, Mutable, string]>([
    ['hostNetwork', { hostNetwork: true }, {}, 'spec.hostNetwork: the sidecar cannot guard the ports of a node: remove the field'],
    ['shareProcessNamespace', { shareProcessNamespace: true }, {}, 'spec.shareProcessNamespace: the other containers could read'],
    ['a server that does not exist', {}, { labels: { 'mcpgateway.dev/server': 'jira' } }, 'there is no MCPServer "jira" in namespace tools'],
    ['a port of the sidecar', { containers: [{ name: 'a', image: 'x', ports: [{ containerPort: 8443 }] }] }, {}, 'spec.containers[0].ports[0].containerPort: 8443, 8445 and 9901 are ports of the sidecar'],
  ])('a pod with %s is refused in a sentence', async (_title, spec, metadata, sentence) => {
    const { status, body } = await createPod(aPod(spec, { name: 'refused', ...metadata }));
    expect({ status, message: body.message }).toEqual({ status: 403, message: expect.stringContaining(sentence) });
  });

  test('a server may have an image, resources and a log level of its own', async () => {
    const { status, body } = await createPod(aPod({}, { name: 'own', labels: { 'mcpgateway.dev/server': 'own' } }));
    expect({ status, message: body.message }).toEqual({ status: 201, message: undefined });
    const [sidecar] = (body.spec as PodSpec).initContainers;
    expect(sidecar).toMatchObject({ image: OWN_IMAGE, resources: OWN_SIDECAR.resources, env: expect.arrayContaining([{ name: 'MCPGATEWAY_LOG_LEVEL', value: 'debug' }]) });
    const injected: unknown = JSON.parse(body.metadata?.annotations?.['mcpgateway.dev/injected'] ?? '');
    const server = aGuardedServer({ sidecar: { ...OWN_SIDECAR, logLevel: 'debug' } }, { namespace, name: 'own' });
    expect(injected).toEqual({ version: '1.2.3', configHash: configHash(server, SETTINGS) });
  });

  test.each<[string, Mutable, string]>([
    ['an image of another repository', { image: 'evil.example/sidecar:1' }, 'spec.sidecar.image: the operator allows images of registry.example/mcpgateway/sidecar, mirror.example:5000/mcpgateway alone'],
    ['more memory asked for than allowed', { resources: { requests: { memory: '1Gi' } } }, 'spec.sidecar.resources: a request of 1Gi of memory exceeds the limit of 256Mi'],
  ])('a pod of a server with %s is refused in a sentence, and those of others are not', async (_title, sidecar, sentence) => {
    await applyObject(cluster(), aServer({ sidecar: sidecar as typeof OWN_SIDECAR }, { namespace, name: 'wrong' }));
    const { status, body } = await createPod(aPod({}, { name: 'wrong', labels: { 'mcpgateway.dev/server': 'wrong' } }));
    expect({ status, message: body.message }).toEqual({ status: 403, message: expect.stringContaining(sentence) });
    expect(await createPod(aPod({}, { name: 'right' }), '?dryRun=All')).toMatchObject({ status: 201 });
    await cluster().kubectl(['delete', 'mcps', 'wrong', '-n', namespace]);
  });

  test('a pod that was injected before its server got a sidecar of its own gets all of it when it is copied', async () => {
    const { body } = await createPod(aPod({}, { name: 'former' }), '?dryRun=All');
    const labels = { 'mcpgateway.dev/server': 'own' };
    const copy = await createPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'copied', labels, annotations: body.metadata?.annotations }, spec: body.spec }, '?dryRun=All');
    expect((copy.body.spec as PodSpec).initContainers[0]).toMatchObject({ image: OWN_IMAGE, resources: OWN_SIDECAR.resources });
  });

  test('probes of the server are stored as they ask the sidecar, and the server goes on for a moment at its end', async () => {
    const { status, body } = await createPod(aProbedPod('probed'));
    expect(status).toBe(201);
    expect(podPatch(body, aGuardedServer({}, { namespace }), SETTINGS)).toEqual([]);
    const { initContainers: [sidecar], containers: [server] } = body.spec as PodSpec;
    expect(server).toMatchObject({
      readinessProbe: { httpGet: { path: '/probe/server/readiness', port: 9901, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 3 },
      livenessProbe: { httpGet: { path: '/probe/server/liveness', port: 9901, scheme: 'HTTP' } },
      startupProbe: { exec: { command: ['true'] } },
      lifecycle: { preStop: { sleep: { seconds: 2 } } },
    });
    expect(server?.['livenessProbe']).not.toHaveProperty('tcpSocket');
    const probes = '{"port":3000,"probes":[{"container":"server","kind":"readiness","timeoutSeconds":1,"http":{"path":"/ready","headers":[]}},{"container":"server","kind":"liveness","timeoutSeconds":1}]}';
    expect(sidecar?.['env']).toEqual(expect.arrayContaining([{ name: 'MCPGATEWAY_PROBES', value: probes }, { name: 'MCPGATEWAY_DRAIN_SECONDS', value: '3' }]));
  });

  test('a pod without the label is not touched and not even shown to the webhook', async () => {
    const before = webhook.outcomes.length;
    const { status, body } = await createPod(aPod({ hostNetwork: true }, { name: 'unlabelled', labels: {} }));
    expect(status).toBe(201);
    expect(sidecars(body)).toBe(0);
    expect(body.metadata?.annotations ?? {}).toEqual({});
    expect(webhook.outcomes).toHaveLength(before);
  });

  test('requests and answers are counted', async () => {
    const metrics = await webhook.metricsText();
    expect(metrics).toMatch(/^mcpgateway_injection_responses_total\{result="injected",reason="Injected"\} [1-9]/m);
    expect(metrics).toMatch(/^mcpgateway_injection_responses_total\{result="refused",reason="HostNetwork"\} 1$/m);
    expect(metrics).toMatch(new RegExp(`^mcpgateway_injection_requests_total ${webhook.outcomes.length}$`, 'm'));
  });
});

describe('the admission policies', () => {
  const OPERATOR = 'mcpgateway-operator';
  let token = '';

  beforeAll(async () => {
    await grantOperator();
    ({ token } = await cluster().kubeconfigForServiceAccount(operatorNamespace, OPERATOR));
    const { operatorAddress, audiencePrefix, authoritiesConfigMap, ports } = SETTINGS;
    const guardedPods = { images: [SETTINGS.image], repositories: allowedRepositories(SETTINGS), operatorAddress, audiencePrefix, authoritiesConfigMap, ports };
    const policies = admissionPolicies({ guardedPods, operator: { namespace: operatorNamespace, serviceAccount: OPERATOR } });
    await applyObject(cluster(), { apiVersion: 'v1', kind: 'List', items: policies });
    await eventually('the policy on the operator', async () => ((await asOperator('POST', secretsPath(), aSecret('Opaque', 'probe'), '?dryRun=All')).status === 403 ? true : undefined));
    await eventually('the policy on authors', async () => ((await createToken('nobody', {})).code === 0 ? undefined : true));
    await eventually('the policy on pods', async () => ((await changePod('stored', { metadata: { labels: { 'mcpgateway.dev/server': 'x' } } }, '?dryRun=All')).status === 200 ? undefined : true));
  }, DEADLINE_MS);

  async function grantOperator(): Promise<void> {
    const metadata = { name: OPERATOR, namespace: operatorNamespace };
    const rule = (apiGroups: string[], resources: string[], verbs = ['create', 'patch', 'update']): object => ({ apiGroups, resources, verbs });
    const items = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: OPERATOR },
        rules: [
          rule([''], ['secrets', 'services', 'configmaps']),
          rule(['networking.k8s.io'], ['networkpolicies']),
          rule(['admissionregistration.k8s.io'], ['mutatingwebhookconfigurations'], ['create', 'get', 'patch', 'update']),
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: OPERATOR },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: OPERATOR },
        subjects: [{ kind: 'ServiceAccount', name: OPERATOR, namespace: operatorNamespace }],
      },
      // Authors may write tokens of any kind; for whom is what the policy decides.
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'authors', namespace }, rules: [{ apiGroups: ['mcpgateway.dev'], resources: ['gatewaytokens'], verbs: ['*'] }] },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'authors', namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'authors' },
        subjects: ['nobody', 'alice', 'root'].map((name) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name })),
      },
      ...assume('alice', ['user:ci-bot', 'group:ci', ...names(24).map((name) => `group:${name}`), 'role:reader', ...names(24).map((name) => `role:${name}`)]),
      ...assume('root', undefined),
    ];
    await applyObject(cluster(), { apiVersion: 'v1', kind: 'List', items });
  }

  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

  function assume(user: string, resourceNames: readonly string[] | undefined): readonly object[] {
    const metadata = { name: `assume-${user}`, namespace };
    const rule = { apiGroups: ['mcpgateway.dev'], resources: ['identities'], verbs: ['assume'], ...(resourceNames === undefined ? {} : { resourceNames }) };
    return [
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: [rule] },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user }],
      },
    ];
  }

  /** A raw request: kubectl would read before it patches. */
  async function asOperator(method: string, path: string, body: object, query = '', contentType = 'application/json') {
    const { url, ca } = cluster();
    const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
    const response = await new Promise<NodeJS.ReadableStream & { statusCode?: number | undefined }>((resolve, reject) => {
      httpsRequest(new URL(`${path}${query}`, url), { method, ca, agent: false, headers }, resolve).once('error', reject).end(JSON.stringify(body));
    });
    const content = await text(response);
    return { status: response.statusCode ?? 0, text: content, message: (JSON.parse(content) as { message?: string }).message ?? '' };
  }

  const secretsPath = (name = '', at = namespace): string => `/api/v1/namespaces/${at}/secrets${name === '' ? '' : `/${name}`}`;
  const aSecret = (type: string, name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, stringData: { key: 'HIDDEN-VALUE' } });
  const createToken = (user: string, identity: Mutable, metadata: Mutable = {}) =>
    cluster().kubectl(['create', '--dry-run=server', '-f', '-'], { user, input: JSON.stringify(aToken({ identity: { user: 'ci-bot', ...identity } }, { namespace, ...metadata })) });
  const changePod = (name: string, patch: object, query = '', subresource = '') =>
    cluster().request('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}${subresource}${query}`, patch, MERGE);

  test('are free of expressions that the API server doubts', async () => {
    const policies = await eventually('the judgement of the types', async () => {
      const { body } = await cluster().request('GET', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies');
      const items = body.items ?? [];
      return items.length === 9 && items.every(({ status }) => (status as { observedGeneration?: number }).observedGeneration === 1) ? items : undefined;
    });
    expect(policies.map(({ metadata, status }) => ({ name: metadata?.name, doubts: (status as { typeChecking?: Mutable }).typeChecking?.['expressionWarnings'] })).filter(({ doubts }) => doubts !== undefined)).toEqual([]);
  });

  describe('on labelled pods', () => {
    test('accept what the webhook injects, for several kinds of servers', async () => {
      expect(await createPod(aProbedPod('accepted-probed'))).toMatchObject({ status: 201 });
      await applyObject(cluster(), aServer({ tls: { secretRef: { name: 'tls' } }, upstream: { credentials: [{ header: 'X-Key', secretRef: { name: 'a', key: 'b' } }] } }, { namespace, name: 'full' }));
      for (const [name, server] of [['accepted', 'github'], ['accepted-full', 'full'], ['accepted-own', 'own']] as const) {
        const { status, body } = await createPod(aPod({}, { name, labels: { 'mcpgateway.dev/server': server } }));
        expect({ status, message: body.message }).toEqual({ status: 201, message: undefined });
      }
    });

    test('keep the label on a pod that exists, also through its status', async () => {
      for (const value of ['other', null]) {
        for (const subresource of ['', '/status']) {
          const { status, body } = await changePod('stored', { metadata: { labels: { 'mcpgateway.dev/server': value } } }, '', subresource);
          expect({ status, message: body.message }).toEqual({ status: 403, message: expect.stringContaining('cannot be added, changed or removed') });
        }
      }
      const added = await changePod('unlabelled', { metadata: { labels: { 'mcpgateway.dev/server': 'github' } } });
      expect(added).toMatchObject({ status: 403, body: { message: expect.stringContaining('cannot be added, changed or removed') } });
    });

    test('are not passed by when a pod is bound to a node: the label of a binding is not the pod\'s', async () => {
      await createPod(aPod({}, { name: 'bound', labels: {} }));
      const labels = { 'mcpgateway.dev/server': 'github' };
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'bound', labels }, target: { kind: 'Node', name: 'node' } };
      expect(await cluster().request('POST', `${pods('/bound')}/binding`, binding)).toMatchObject({ status: 201 });
      const { body } = await cluster().request('GET', pods('/bound'));
      expect(body.spec).toMatchObject({ nodeName: 'node' });
      expect(body.metadata?.labels ?? {}).toEqual({});
    });

    test('leave other changes alone', async () => {
      expect(await changePod('stored', { metadata: { labels: { other: 'x' } } })).toMatchObject({ status: 200 });
      expect(await changePod('unlabelled', { metadata: { labels: { other: 'x' } } })).toMatchObject({ status: 200 });
      expect(await changePod('stored', { status: { message: 'x' } }, '', '/status')).toMatchObject({ status: 200 });
    });

    test('keep the image that its server chose, too', async () => {
      const change = (image: string) =>
        cluster().request('PATCH', pods('/own?dryRun=All'), { spec: { initContainers: [{ name: 'mcp-gateway', image }] } }, 'application/strategic-merge-patch+json');
      expect(await change('mirror.example:5000/mcpgateway:1.2.5')).toMatchObject({ status: 403, body: { message: expect.stringContaining('cannot be changed') } });
      expect(await change(OWN_IMAGE)).toMatchObject({ status: 200 });
    });

    test('keep the image of the sidecar, and let that of the app be changed', async () => {
      const change = (kind: string, name: string) =>
        cluster().request('PATCH', `/api/v1/namespaces/${namespace}/pods/stored`, { spec: { [kind]: [{ name, image: 'registry.example/other:1' }] } }, 'application/strategic-merge-patch+json');
      expect(await change('initContainers', 'mcp-gateway')).toMatchObject({ status: 403, body: { message: expect.stringContaining('cannot be changed') } });
      expect(await change('containers', 'server')).toMatchObject({ status: 200 });
    });

    test.each<[string, Mutable, number, string]>([
      ['with the name of the sidecar', { name: 'mcp-gateway' }, 422, ''],
      ['that mounts a volume of the sidecar', { name: 'debug', volumeMounts: [{ name: 'mcp-gateway-identity', mountPath: '/x' }] }, 403, 'are for the sidecar alone'],
      ['that shares the processes of the sidecar', { name: 'debug', targetContainerName: 'mcp-gateway' }, 403, 'would share the processes'],
      ['of no concern', { name: 'debug' }, 200, ''],
    ])('judge an ephemeral container %s', async (_title, container, status, message) => {
      const body = { spec: { ephemeralContainers: [{ image: 'x', ...container }] } };
      const answer = await cluster().request('PATCH', `/api/v1/namespaces/${namespace}/pods/token/ephemeralcontainers`, body, 'application/strategic-merge-patch+json');
      expect({ status: answer.status, message: answer.body.message ?? '' }).toEqual({ status, message: expect.stringContaining(message) });
    });
  });

  describe('on labelled pods that no webhook has seen', () => {
    let injected: Mutable;
    let ofOwn: Mutable;
    let probed: Mutable;
    beforeAll(async () => {
      injected = await template('github');
      ofOwn = await template('own');
      const { body } = await createPod(aProbedPod('template-probed'));
      probed = { ...injected, spec: body.spec };
      await cluster().kubectl(['delete', 'mutatingwebhookconfiguration', webhook.configurationName]);
      await eventually('the webhook to be gone', async () => ((await createPod(aPod({}, { name: 'gone' }), '?dryRun=All')).text.includes('needs the sidecar') ? true : undefined));
    }, DEADLINE_MS);

    async function template(server: string): Promise<Mutable> {
      const { body } = await createPod(aPod({}, { name: `template-${server}`, labels: { 'mcpgateway.dev/server': server } }));
      return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bare', labels: body.metadata?.labels }, spec: body.spec };
    }

    const changed = (change: (spec: Mutable, sidecar: Mutable) => void, of = injected): Mutable => {
      const pod = structuredClone(of);
      const spec = pod['spec'] as Mutable;
      change(spec, (spec['initContainers'] as Mutable[])[0] as Mutable);
      return pod;
    };
    const first = (value: unknown): Mutable => (value as Mutable[])[0] as Mutable;

    test('accept the pod that was injected before', async () => {
      const { status, body } = await createPod(changed(() => undefined), '?dryRun=All');
      expect({ status, message: body.message }).toEqual({ status: 201, message: undefined });
    });

    test.each<[string, (spec: Mutable, sidecar: Mutable) => void, string]>([
      ['without a sidecar', (spec) => delete spec['initContainers'], 'needs the sidecar mcp-gateway'],
      ['whose sidecar has another image', (_, it) => (it['image'] = 'evil'), 'must have the image'],
      ['whose sidecar has an image of a repository that only begins like ours', (_, it) => (it['image'] = 'registry.example/mcpgateway/sidecar-evil:1.2.3'), 'must have the image'],
      ['whose sidecar has an image below our repository', (_, it) => (it['image'] = 'registry.example/mcpgateway/sidecar:1.2.3/evil:1'), 'must have the image'],
      ['whose sidecar has an image that its server did not choose', (_, it) => (it['image'] = 'registry.example/mcpgateway/sidecar:1.0.0'), 'must have the image of its MCPServer'],
      ['whose sidecar has an image that another server chose', (_, it) => (it['image'] = OWN_IMAGE), 'must have the image of its MCPServer'],
      ['whose sidecar is an init container', (_, it) => { for (const key of ['restartPolicy', 'startupProbe', 'readinessProbe', 'livenessProbe']) delete it[key]; }, 'must have restartPolicy Always'],
      ['whose sidecar runs something else', (_, it) => (it['command'] = ['sh']), 'must run what its image runs'],
      ['whose sidecar is root', (_, it) => ((it['securityContext'] as Mutable)['runAsUser'] = 0), 'security context'],
      ['whose sidecar may escalate', (_, it) => ((it['securityContext'] as Mutable)['capabilities'] = { drop: ['ALL'], add: ['NET_ADMIN'] }), 'security context'],
      ['whose sidecar asks another operator', (_, it) => ((it['env'] as Mutable[]).find(({ name }) => name === 'MCPGATEWAY_OPERATOR_ADDRESS') as Mutable)['value'] = 'evil:1', 'must keep the environment'],
      ['whose sidecar has one more variable', (_, it) => (it['env'] as Mutable[]).push({ name: 'NODE_OPTIONS', value: '--inspect' }), 'must keep the environment'],
      ['whose sidecar carries the token of the pod', (_, it) => (it['volumeMounts'] = (it['volumeMounts'] as Mutable[]).filter(({ name }) => name !== 'mcp-gateway-nothing')), 'must mount its own volumes alone'],
      ['whose token is for another server', (spec) => ((first((first((spec['volumes'] as Mutable[]).filter(({ name }) => name === 'mcp-gateway-identity'))['projected'] as Mutable)['sources'])['serviceAccountToken'] as Mutable)['audience'] = 'mcpgateway.dev/tools/other'), 'must keep the volumes'],
      ['that trusts other authorities', (spec) => ((first((spec['volumes'] as Mutable[]).filter(({ name }) => name === 'mcp-gateway-authorities'))['configMap'] as Mutable)['name'] = 'mine'), 'must keep the volumes'],
      ['whose sidecar has another port', (_, it) => (first(it['ports'])['containerPort'] = 8444), 'must keep its three ports'],
      ['that shares its processes', (spec) => (spec['shareProcessNamespace'] = true), 'are not possible'],
      ['whose app mounts a volume of the sidecar', (spec) => (first(spec['containers'])['volumeMounts'] = [{ name: 'mcp-gateway-tls', mountPath: '/x' }]), 'are for the sidecar alone'],
      ['whose app has a port of the sidecar', (spec) => (first(spec['containers'])['ports'] = [{ containerPort: 9901 }]), "are the sidecar's"],
    ])('refuse one %s', async (_title, change, message) => {
      const answer = await createPod(changed(change), '?dryRun=All');
      expect({ status: answer.status, message: answer.body.message }).toEqual({ status: 403, message: expect.stringContaining(message) });
    });

    test('accept the pod of a server with a sidecar of its own, and none in which it is another one', async () => {
      expect(await createPod(changed(() => undefined, ofOwn), '?dryRun=All')).toMatchObject({ status: 201 });
      const envOf = (it: Mutable): Mutable[] => it['env'] as Mutable[];
      const changes: readonly [(it: Mutable) => void, string][] = [
        [(it) => (it['image'] = SETTINGS.image), 'must have the image of its MCPServer'],
        [(it) => (it['image'] = 'mirror.example:5000/mcpgateway:1.2.5'), 'must have the image of its MCPServer'],
        [(it) => ((envOf(it).find(({ name }) => name === 'MCPGATEWAY_LOG_LEVEL') as Mutable)['value'] = 'error'), 'must have the log level of its MCPServer'],
        [(it) => (it['env'] = envOf(it).filter(({ name }) => name !== 'MCPGATEWAY_LOG_LEVEL')), 'must have the log level of its MCPServer'],
      ];
      for (const [change, message] of changes) {
        const answer = await createPod(changed((_, it) => change(it), ofOwn), '?dryRun=All');
        expect({ status: answer.status, message: answer.body.message }).toEqual({ status: 403, message: expect.stringContaining(message) });
      }
    });

    test('accept the pod of which the sidecar probes its server, and none of which it probes another port', async () => {
      const asking = (change: (text: string) => string) =>
        changed((_, it) => {
          const variable = (it['env'] as Mutable[]).find(({ name }) => name === 'MCPGATEWAY_PROBES') as Mutable;
          variable['value'] = change(String(variable['value']));
        }, probed);
      expect(await createPod(asking((text) => text), '?dryRun=All')).toMatchObject({ status: 201 });
      for (const change of [(text: string) => text.replace('"port":3000', '"port":30001'), (text: string) => text.replace('"port":3000', '"port":9901'), (text: string) => ` ${text}`, () => '']) {
        expect(await createPod(asking(change), '?dryRun=All')).toMatchObject({ status: 403, body: { message: expect.stringContaining('must probe the port of its MCPServer alone') } });
      }
    });

    test('refuse one that pretends to be the mirror of a file of a node', async () => {
      const pod = aPod({ nodeName: 'node' }, { name: 'mirror', annotations: { 'kubernetes.io/config.mirror': 'x' } });
      expect(await createPod(pod, '?dryRun=All')).toMatchObject({ status: 403, body: { message: expect.stringContaining('needs the sidecar') } });
    });
  });

  describe('on authors of tokens', () => {
    test.each<[string, string, Mutable, string]>([
      ['who may assume the user', 'alice', {}, ''],
      ['who may assume the user, the group and the role', 'alice', { groups: ['ci'], roles: ['reader'] }, ''],
      ['who may assume twenty-four groups and roles', 'alice', { groups: names(24), roles: names(24) }, ''],
      ['who may assume nobody', 'nobody', {}, 'spec.identity.user: the author needs the verb assume on identities.mcpgateway.dev named user:ci-bot'],
      ['of another user', 'alice', { user: 'admin' }, 'named user:admin'],
      ['of another group', 'alice', { groups: ['ci', 'admins'] }, 'spec.identity.groups[1]: the author needs the verb assume on identities.mcpgateway.dev named group:admins'],
      ['of another group at the last place', 'alice', { groups: [...names(23), 'admins'] }, 'named group:admins'],
      ['of another role', 'alice', { roles: ['admin'] }, 'named role:admin'],
      ['of a long list', 'alice', { groups: names(25) }, 'more than 24 need the verb assume on identities.mcpgateway.dev without resourceNames'],
      ['of a long list who may assume anybody', 'root', { user: 'anybody', groups: names(64), roles: names(64) }, ''],
    ])('judge one %s', async (_title, user, identity, message) => {
      const { code, stderr } = await createToken(user, identity);
      expect({ refused: code !== 0, stderr }).toEqual({ refused: message !== '', stderr: message === '' ? '' : expect.stringContaining(message) });
    });

    test('let others withdraw a token, but not widen it', async () => {
      await applyObject(cluster(), aToken({}, { namespace }));
      const patch = (changes: object) => cluster().kubectl(['patch', 'gwt', 'ci-bot', '-n', namespace, '--type=merge', '-p', JSON.stringify(changes)], { user: 'nobody' });
      expect(await patch({ spec: { permissions: [{ serverRefs: [{ name: 'github' }], tools: ['*'] }] } })).toMatchObject({ code: 1, stderr: expect.stringContaining('named user:ci-bot') });
      expect(await patch({ spec: { identity: { groups: ['ci'] } } })).toMatchObject({ code: 1, stderr: expect.stringContaining('named') });
      expect(await patch({ metadata: { annotations: { 'mcpgateway.dev/rotate-requested-at': '2026-11-23T10:00:00Z' } } })).toMatchObject({ code: 0 });
      expect(await patch({ spec: { lifetime: '1h', expiresAt: '2026-12-31T00:00:00Z' } })).toMatchObject({ code: 0 });
      expect(await patch({ spec: { revoked: true } })).toMatchObject({ code: 0 });
    });
  });

  describe('on the account of the operator', () => {
    const OTHERS = 'others';
    beforeAll(async () => {
      await cluster().request('POST', secretsPath(), aSecret('Opaque', OTHERS));
      await cluster().request('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: OTHERS }, data: { a: 'b' } });
    });

    test('let it write Secrets for tokens, and read no other by patching it', async () => {
      expect(await asOperator('POST', secretsPath(), aSecret('mcpgateway.dev/token', 'ours'))).toMatchObject({ status: 201 });
      expect(await asOperator('PATCH', secretsPath('ours'), { metadata: { labels: { a: 'b' } } }, '', MERGE)).toMatchObject({ status: 200 });
      const applied = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'applied' }, type: 'mcpgateway.dev/token' };
      expect(await asOperator('PATCH', secretsPath('applied'), applied, '?fieldManager=x&force=true', APPLY)).toMatchObject({ status: 201 });

      const noApply = { apiVersion: 'v1', kind: 'Secret', metadata: { name: OTHERS } };
      for (const answer of [
        await asOperator('PATCH', secretsPath(OTHERS), {}, '', MERGE),
        await asOperator('PATCH', secretsPath(OTHERS), {}, '?dryRun=All', MERGE),
        await asOperator('PATCH', secretsPath(OTHERS), [], '', 'application/json-patch+json'),
        await asOperator('PATCH', secretsPath(OTHERS), {}, '', 'application/strategic-merge-patch+json'),
        await asOperator('PATCH', secretsPath(OTHERS), noApply, '?fieldManager=x&force=true', APPLY),
        await asOperator('POST', secretsPath(), aSecret('Opaque', 'new')),
      ]) {
        expect(answer).toMatchObject({ status: 403, message: expect.stringContaining('of type mcpgateway.dev/token alone') });
        expect(answer.text).not.toContain(Buffer.from('HIDDEN-VALUE').toString('base64'));
      }
      expect(await asOperator('POST', secretsPath('', operatorNamespace), aSecret('Opaque', 'ledger'))).toMatchObject({ status: 201 });
    });

    const owners = [{ apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer', name: 'github', uid: '0f3b0a52-38e4-4b6c-8f62-4f2f4c0a9d11' }];
    test.each<[string, string, string, object]>([
      ['Services', '/api/v1', 'services', { spec: { ports: [{ port: 443 }] } }],
      ['ConfigMaps', '/api/v1', 'configmaps', { data: {} }],
      ['NetworkPolicies', '/apis/networking.k8s.io/v1', 'networkpolicies', { spec: { podSelector: {} } }],
    ])('let it write %s that an MCPServer owns, and no others', async (_title, api, resource, content) => {
      const path = `${api}/namespaces/${namespace}/${resource}`;
      const dry = '?dryRun=All';
      expect(await asOperator('POST', path, { metadata: { name: 'mine', ownerReferences: owners }, ...content }, dry)).toMatchObject({ status: 201 });
      expect(await asOperator('POST', path, { metadata: { name: 'mine' }, ...content }, dry)).toMatchObject({ status: 403 });
      const foreign = [{ ...owners[0], apiVersion: 'example.com/v1' }];
      expect(await asOperator('POST', path, { metadata: { name: 'mine', ownerReferences: foreign }, ...content }, dry)).toMatchObject({ status: 403 });
      await cluster().request('POST', path, { metadata: { name: 'somebodys' }, ...content });
      expect(await asOperator('PATCH', `${path}/somebodys`, { metadata: { ownerReferences: owners } }, dry, MERGE)).toMatchObject({ status: 403, message: expect.stringContaining('before and after') });
    });

    test('let it change caBundle in webhook configurations, and nothing else', async () => {
      await cluster().kubectl(['delete', 'mutatingwebhookconfiguration', webhook.configurationName, '--ignore-not-found']);
      await webhook.stop();
      webhook = await startPodWebhook(cluster(), operatorNamespace);
      const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
      const one = `${path}/${webhook.configurationName}`;
      const change = (patch: object) => asOperator('PATCH', one, patch, '?dryRun=All', 'application/json-patch+json');
      const replace = (at: string, value: unknown) => [{ op: 'add', path: at, value }];
      const caBundle = Buffer.from('-----BEGIN CERTIFICATE-----\nMIIBhTCCASugAwIBAgIQIRi6zePL6mKjOipn+dNuaTAKBggqhkjOPQQDAjASMRAw\nDgYDVQQKEwdBY21lIENvMB4XDTE3MTAyMDE5NDMwNloXDTE4MTAyMDE5NDMwNlow\nEjEQMA4GA1UEChMHQWNtZSBDbzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD0d\n7VNhbWvZLWPuj/RtHFjvtJBEwOkhbN/BnnE8rnZR8+sbwnc/KhCk3FhnpHZnQz7B\n5aETbbIgmuvewdjvSBSjYzBhMA4GA1UdDwEB/wQEAwICpDATBgNVHSUEDDAKBggr\nBgEFBQcDATAPBgNVHRMBAf8EBTADAQH/MCkGA1UdEQQiMCCCDmxvY2FsaG9zdDo1\nNDUzgg4xMjcuMC4wLjE6NTQ1MzAKBggqhkjOPQQDAgNIADBFAiEA2zpJEPQyz6/l\nWf86aX6PepsntZv2GYlA5UpabfT2EZICICpJ5h/iI+i341gBmLiAFQOyTDT+/wQc\n6MF9+Yw1Yy0t\n-----END CERTIFICATE-----\n').toString('base64');
      expect(await change(replace('/webhooks/0/clientConfig/caBundle', caBundle))).toMatchObject({ status: 200 });
      for (const [at, value] of [
        ['/webhooks/0/failurePolicy', 'Ignore'],
        ['/webhooks/0/clientConfig/url', 'https://127.0.0.1:1/inject'],
        ['/webhooks/0/timeoutSeconds', 1],
        ['/webhooks/0/objectSelector', {}],
        ['/webhooks/0/namespaceSelector', {}],
        ['/webhooks/0/matchConditions', []],
        ['/webhooks/0/rules', []],
        ['/webhooks/0/reinvocationPolicy', 'Never'],
        ['/webhooks', []],
        ['/metadata/labels', { a: 'b' }],
      ] as const) {
        expect({ at, ...(await change(replace(at, value))) }).toMatchObject({ at, status: 403, message: expect.stringContaining('changes caBundle') });
      }
      expect(await asOperator('POST', path, { metadata: { name: 'new' }, webhooks: [] }, '?dryRun=All')).toMatchObject({ status: 403 });
    });
  });
});

describe('while the webhook is away', () => {
  test('K10 a labelled pod is refused, and another is not', async () => {
    await webhook.stop();
    const refused = await eventually('the refusal', async () => {
      const answer = await createPod(aPod({}, { name: 'away' }), '?dryRun=All');
      return answer.text.includes('inject.mcpgateway.dev') ? answer : undefined;
    });
    expect(refused).toMatchObject({ status: 500, body: { message: expect.stringContaining('failed calling webhook "inject.mcpgateway.dev"') } });
    expect(await createPod(aPod({}, { name: 'other', labels: {} }), '?dryRun=All')).toMatchObject({ status: 201 });
  });
});
