import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import type { MCPServer } from '../../../../api/v1alpha1/index.ts';
import { podPatch } from '../../../../operator/webhook/pod-patch.ts';
import { aGuardedServer, aPod, applyPatch, SETTINGS } from '../../../kit/pod-examples.ts';
import type { Mutable } from '../../../kit/pod-examples.ts';

const GOLDEN = join(import.meta.dirname, '../../../golden/injection');
const CREDENTIALS = [
  { header: 'Authorization', prefix: 'Bearer ', secretRef: { name: 'github-pat', key: 'token' } },
  { header: 'X-Org', prefix: '', secretRef: { name: 'github-pat', key: 'organization' } },
  { header: 'X-Other', prefix: '', secretRef: { name: 'other', key: 'key' } },
];
const withCredentials = aGuardedServer({ upstream: { port: 3000, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked', credentials: CREDENTIALS } });
const withCertificate = aGuardedServer({ tls: { secretRef: { name: 'github-tls' } } });
const withOverrides = aGuardedServer({
  sidecar: { image: 'mirror.example:5000/mcpgateway:1.2.4', logLevel: 'debug', resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } } },
});

/** The server of each golden case; another server is the smallest. */
const SERVERS: Readonly<Record<string, MCPServer>> = {
  'upstream-credentials': withCredentials,
  'own-certificate': withCertificate,
  overrides: withOverrides,
};

const read = (name: string, file: string): string => readFileSync(join(GOLDEN, name, file), 'utf8');
const patched = (pod: Mutable, server = aGuardedServer(), settings = SETTINGS): Mutable => applyPatch(pod, podPatch(pod, server, settings));
const initContainers = (pod: Mutable): Mutable[] => (pod['spec'] as { initContainers: Mutable[] }).initContainers;
const sidecarOf = (pod: Mutable): Mutable => initContainers(pod).find(({ name }) => name === 'mcp-gateway') as Mutable;
const volumesOf = (pod: Mutable): Mutable[] => (pod['spec'] as { volumes: Mutable[] }).volumes;

/** GOLDEN=refresh writes what is made now; it is reviewed as a difference. */
describe('golden pairs', () => {
  test.each(readdirSync(GOLDEN))('%s', (name) => {
    const patch = podPatch(parse(read(name, 'pod.yaml')) as Mutable, SERVERS[name] ?? aGuardedServer(), SETTINGS);
    if (process.env['GOLDEN'] === 'refresh') writeFileSync(join(GOLDEN, name, 'patch.json'), `${JSON.stringify(patch, undefined, 2)}\n`);
    expect(patch).toEqual(JSON.parse(read(name, 'patch.json')));
  });

  test('every server of a case has its case', () => {
    expect(readdirSync(GOLDEN)).toEqual(expect.arrayContaining(Object.keys(SERVERS)));
  });
});

describe('a patched pod', () => {
  const pods: readonly [string, Mutable][] = [
    ['the smallest pod', aPod()],
    ['a pod with init containers and volumes', aPod({ initContainers: [{ name: 'migrate', image: 'x' }], volumes: [{ name: 'work', emptyDir: {} }] })],
    ['a pod with empty lists', aPod({ initContainers: [], volumes: [] })],
    ['a pod with annotations', aPod({}, { annotations: { a: 'b' } })],
    ['a pod of every golden case', parse(read('deployment', 'pod.yaml')) as Mutable],
  ];
  const servers: readonly MCPServer[] = [aGuardedServer(), withCredentials, withCertificate, withOverrides];

  test.each(pods)('needs no patch again: %s', (_title, pod) => {
    for (const server of servers) {
      const once = patched(pod, server);
      expect(podPatch(once, server, SETTINGS)).toEqual([]);
    }
  });

  test.each(pods)('comes out the same whichever server it was for before: %s', (_title, pod) => {
    for (const before of servers) {
      for (const server of servers) {
        const settings = { ...SETTINGS, image: 'registry.example/mcpgateway/sidecar:1.3.0', version: '1.3.0' };
        const twice = patched(patched(pod, before), server, settings);
        const direct = patched(pod, server, settings);
        expect(sidecarOf(twice)).toEqual(sidecarOf(direct));
        expect(volumesOf(twice)).toHaveLength(volumesOf(direct).length);
        expect(volumesOf(twice)).toEqual(expect.arrayContaining(volumesOf(direct)));
      }
    }
  });

  test('needs no patch again, whatever was in it', () => {
    const named = (...names: string[]) =>
      fc.uniqueArray(fc.record({ name: fc.constantFrom(...names), image: fc.string(), restartPolicy: fc.string(), env: fc.jsonValue(), emptyDir: fc.jsonValue() }, { requiredKeys: ['name'] }), { selector: ({ name }) => name });
    const pods = fc.record(
      {
        initContainers: named('a', 'b', 'mcp-gateway'),
        volumes: named('a', 'b', 'mcp-gateway-tls', 'mcp-gateway-identity', 'mcp-gateway-secrets', 'mcp-gateway-older', 'mcp-gateway-oldest'),
        annotations: fc.dictionary(fc.constantFrom('a', 'mcpgateway.dev/injected'), fc.string()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(pods, fc.constantFrom(...servers), ({ annotations, ...spec }, server) => {
        const once = patched(aPod(spec, annotations === undefined ? {} : { annotations }), server);
        expect(podPatch(once, server, SETTINGS)).toEqual([]);
        expect(new Set(volumesOf(once).map(({ name }) => name)).size).toBe(volumesOf(once).length);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps everything that it had', () => {
    const pod = aPod({ initContainers: [{ name: 'migrate' }], volumes: [{ name: 'work', emptyDir: {} }] }, { annotations: { a: 'b' } });
    const result = patched(pod);
    expect(result).toMatchObject({ metadata: { ...(pod['metadata'] as Mutable), annotations: { a: 'b' } } });
    expect(initContainers(result)[1]).toEqual({ name: 'migrate' });
    expect(volumesOf(result)[0]).toEqual({ name: 'work', emptyDir: {} });
    expect((result['spec'] as Mutable)['containers']).toMatchObject((pod['spec'] as Mutable)['containers'] as Mutable[]);
  });

  test('has the sidecar before every other init container', () => {
    expect(initContainers(patched(aPod({ initContainers: [{ name: 'migrate' }] }))).map(({ name }) => name)).toEqual(['mcp-gateway', 'migrate']);
  });

  test('says what was injected, and another configuration has another hash', () => {
    const injected = (server: MCPServer, settings = SETTINGS): unknown => {
      const { annotations } = patched(aPod(), server, settings)['metadata'] as { annotations: Record<string, string> };
      return JSON.parse(annotations['mcpgateway.dev/injected'] ?? '');
    };
    const plain = injected(aGuardedServer());
    expect(plain).toEqual({ version: '1.2.3', configHash: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(injected(aGuardedServer())).toEqual(plain);
    expect(injected(withCredentials)).not.toEqual(plain);
    expect(injected(aGuardedServer(), { ...SETTINGS, logLevel: 'debug' })).not.toEqual(plain);
  });
});

describe('what others change in the sidecar', () => {
  const changed = (change: (sidecar: Mutable) => void): Mutable => {
    const pod = patched(aPod());
    change(sidecarOf(pod));
    return pod;
  };

  test.each<[string, (sidecar: Mutable) => void, unknown]>([
    ['another image is put back', (it) => (it['image'] = 'evil'), { op: 'replace', path: '/spec/initContainers/0/image', value: SETTINGS.image }],
    ['a command is removed', (it) => (it['command'] = ['sh']), { op: 'remove', path: '/spec/initContainers/0/command' }],
    ['environment from elsewhere is removed', (it) => (it['envFrom'] = []), { op: 'remove', path: '/spec/initContainers/0/envFrom' }],
    ['a field with a slash is removed', (it) => (it['a/b~c'] = 1), { op: 'remove', path: '/spec/initContainers/0/a~1b~0c' }],
    ['a missing probe is added again', (it) => delete it['livenessProbe'], { op: 'add', path: '/spec/initContainers/0/livenessProbe', value: expect.anything() }],
  ])('%s', (_title, change, operation) => {
    const pod = changed(change);
    expect(podPatch(pod, aGuardedServer(), SETTINGS)).toEqual([operation]);
    expect(sidecarOf(patched(pod))).toEqual(sidecarOf(patched(aPod())));
  });

  test('one more variable, mount or capability is put back as a whole', () => {
    const pod = changed((it) => {
      (it['env'] as Mutable[]).push({ name: 'NODE_OPTIONS', value: '--require=/evil.js' });
      (it['volumeMounts'] as Mutable[]).push({ name: 'kube-api-access-x', mountPath: '/token' });
      (it['securityContext'] as Mutable)['capabilities'] = { add: ['SYS_PTRACE'] };
    });
    expect(podPatch(pod, aGuardedServer(), SETTINGS).map(({ op, path }) => `${op} ${path}`)).toEqual([
      'replace /spec/initContainers/0/env',
      'replace /spec/initContainers/0/securityContext',
      'replace /spec/initContainers/0/volumeMounts',
    ]);
  });

  test('resources and when to pull the image are left to LimitRange, the autoscaler and AlwaysPullImages', () => {
    const pod = changed((it) => {
      it['resources'] = { limits: { cpu: '1', memory: '1Gi' } };
      it['imagePullPolicy'] = 'Always';
      it['resizePolicy'] = [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }];
    });
    expect(podPatch(pod, aGuardedServer(), SETTINGS)).toEqual([]);
  });

  test('a changed volume is replaced, and one that is not needed any more goes', () => {
    const pod = patched(aPod({ volumes: [{ name: 'work' }] }), withCredentials);
    const identity = volumesOf(pod).find(({ name }) => name === 'mcp-gateway-identity') as Mutable;
    identity['projected'] = { sources: [] };
    volumesOf(pod).push({ name: 'mcp-gateway-older', emptyDir: {} });
    const result = patched(pod, aGuardedServer());
    expect(volumesOf(result)).toEqual(volumesOf(patched(aPod({ volumes: [{ name: 'work' }] }))));
  });
});

describe('the sidecar', () => {
  test('meets the pod security standard restricted', () => {
    const { securityContext } = sidecarOf(patched(aPod()));
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: SETTINGS.runAsUser,
      runAsGroup: SETTINGS.runAsUser,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    const kinds = volumesOf(patched(aPod(), withCredentials)).flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'));
    expect(new Set(kinds)).toEqual(new Set(['projected', 'configMap', 'emptyDir']));
  });

  test('has no secret in its environment, and only the keys of Secrets that the server names', () => {
    const pod = patched(aPod(), withCredentials);
    expect(JSON.stringify(sidecarOf(pod))).not.toMatch(/secretKeyRef|envFrom|github-pat/);
    expect(volumesOf(pod).find(({ name }) => name === 'mcp-gateway-secrets')).toEqual({
      name: 'mcp-gateway-secrets',
      projected: {
        defaultMode: 0o644,
        sources: [
          {
            secret: {
              name: 'github-pat',
              optional: true,
              items: [
                { key: 'token', path: 'credentials/github-pat/token' },
                { key: 'organization', path: 'credentials/github-pat/organization' },
              ],
            },
          },
          { secret: { name: 'other', optional: true, items: [{ key: 'key', path: 'credentials/other/key' }] } },
        ],
      },
    });
  });

  test('has a token for this server alone, and nothing where the pod has its own', () => {
    const pod = patched(aPod(), aGuardedServer({}, { name: 'jira', namespace: 'desk' }));
    expect(volumesOf(pod)[0]).toMatchObject({ projected: { sources: [{ serviceAccountToken: { audience: 'mcpgateway.dev/desk/jira', expirationSeconds: 3600, path: 'token' } }] } });
    expect(sidecarOf(pod)['volumeMounts']).toContainEqual({ name: 'mcp-gateway-nothing', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true });
  });

  test('has a memory limit and no CPU limit', () => {
    expect(sidecarOf(patched(aPod()))['resources']).toEqual({ requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } });
  });
});
