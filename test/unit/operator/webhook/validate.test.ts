import { describe, expect, test } from '@jest/globals';
import type { MCPServer } from '../../../../api/v1alpha1/index.ts';
import { podPatch } from '../../../../operator/webhook/pod-patch.ts';
import { REFUSAL_REASONS, refusalOf } from '../../../../operator/webhook/validate.ts';
import type { Refusal, RefusalReason } from '../../../../operator/webhook/validate.ts';
import { aGuardedServer, aPod, applyPatch, SETTINGS } from '../../../kit/pod-examples.ts';
import type { Mutable } from '../../../kit/pod-examples.ts';

const REF = { namespace: 'tools', name: 'github' };
const judge = (pod: Mutable, server: MCPServer | undefined = aGuardedServer(), ref = REF): Refusal | undefined => refusalOf({ pod, ref, server, settings: SETTINGS });
const injected = (pod: Mutable = aPod()): Mutable => applyPatch(pod, podPatch(pod, aGuardedServer(), SETTINGS));
const container = (value: Mutable): Mutable => ({ containers: [{ name: 'server', image: 'x', ...value }] });
const upstreamAt = (port: number): MCPServer => aGuardedServer({ upstream: { port, path: '/mcp', transport: 'StreamableHTTP', directAccess: 'Blocked' } });

const SIDECAR_LIKE = { name: 'mcp-gateway', image: SETTINGS.image, restartPolicy: 'Always' };
const LABEL = 'metadata.labels[mcpgateway.dev/server]';
const VOLUME = "names that begin with \"mcp-gateway-\" are reserved for the sidecar: rename the volume";
const MOUNT = 'volumes that begin with "mcp-gateway-" are for the sidecar alone: remove the mount';
const NAME = '"mcp-gateway" is reserved for the sidecar: rename the container';
const PORT = '8443, 8445 and 9901 are ports of the sidecar: use another port';

interface Case {
  readonly pod?: Mutable;
  readonly server?: MCPServer | null;
  readonly name?: string;
  readonly reason: RefusalReason;
  readonly message: string;
}

const REFUSED: Readonly<Record<string, Case>> = {
  'an annotation that names another server': {
    pod: aPod({}, { annotations: { 'mcpgateway.dev/server': 'jira' } }),
    reason: 'ServerAmbiguous',
    message: 'metadata.annotations: mcpgateway.dev/server names another MCPServer than the label of the same key ("github"): remove the annotation',
  },
  'no such server': { server: null, reason: 'ServerNotFound', message: `${LABEL}: there is no MCPServer "github" in namespace tools: create it before the pod, or correct the label` },
  'an empty label': { server: null, name: '', reason: 'ServerNotFound', message: `${LABEL}: is empty: set it to the name of an MCPServer in namespace tools` },
  'a server that is being deleted': {
    server: aGuardedServer({}, { deletionTimestamp: '2026-11-23T10:00:00Z' }),
    reason: 'ServerNotFound',
    message: `${LABEL}: the MCPServer "github" is being deleted: create it again before the pod`,
  },
  'a server on the port of clients': { server: upstreamAt(8443), reason: 'UpstreamPortTaken', message: 'MCPServer "github" spec.upstream.port: 8443 is a port of the sidecar: let the server listen on another port than 8443, 8445 and 9901' },
  'a server on the port of probes': { server: upstreamAt(9901), reason: 'UpstreamPortTaken', message: 'MCPServer "github" spec.upstream.port: 9901 is a port of the sidecar: let the server listen on another port than 8443, 8445 and 9901' },
  'an image of another repository': {
    server: aGuardedServer({ sidecar: { image: 'evil.example/sidecar:1' } }),
    reason: 'ImageNotAllowed',
    message: 'MCPServer "github" spec.sidecar.image: the operator allows images of registry.example/mcpgateway/sidecar, mirror.example:5000/mcpgateway alone: name one of these, or have another repository added to the operator\'s configuration',
  },
  'more memory asked for than allowed': {
    server: aGuardedServer({ sidecar: { resources: { requests: { memory: '1Gi' } } } }),
    reason: 'MemoryNotPossible',
    message: 'MCPServer "github" spec.sidecar.resources: a request of 1Gi of memory exceeds the limit of 256Mi: set requests.memory and limits.memory both',
  },
  hostNetwork: { pod: aPod({ hostNetwork: true }), reason: 'HostNetwork', message: 'spec.hostNetwork: the sidecar cannot guard the ports of a node: remove the field' },
  hostPID: { pod: aPod({ hostPID: true }), reason: 'HostPID', message: "spec.hostPID: processes of the node could read the sidecar's memory and files, and it theirs: remove the field" },
  hostIPC: { pod: aPod({ hostIPC: true }), reason: 'HostIPC', message: 'spec.hostIPC: the sidecar shares no memory with the node: remove the field' },
  shareProcessNamespace: {
    pod: aPod({ shareProcessNamespace: true }),
    reason: 'SharedProcessNamespace',
    message: "spec.shareProcessNamespace: the other containers could read the sidecar's credentials through /proc: remove the field",
  },
  'a Windows pod': { pod: aPod({ os: { name: 'windows' } }), reason: 'WindowsPod', message: 'spec.os.name: the sidecar runs on Linux only: run this server on Linux, or remove the label' },
  'a pod for Windows nodes': {
    pod: aPod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    reason: 'WindowsPod',
    message: 'spec.nodeSelector[kubernetes.io/os]: the sidecar runs on Linux only: run this server on Linux, or remove the label',
  },
  "the server's port on the node": {
    pod: aPod(container({ ports: [{ containerPort: 3000, hostPort: 80 }] })),
    reason: 'HostPortBypass',
    message: "spec.containers[0].ports[0].hostPort: publishes the server's own port on the node, past the sidecar: remove it",
  },
  'a container of our name': { pod: aPod({ containers: [SIDECAR_LIKE] }), reason: 'NameTaken', message: `spec.containers[0].name: ${NAME}` },
  'an init container of our name that we did not put there': { pod: aPod({ initContainers: [SIDECAR_LIKE] }), reason: 'NameTaken', message: `spec.initContainers[0].name: ${NAME}` },
  'an ephemeral container of our name': { pod: aPod({ ephemeralContainers: [SIDECAR_LIKE] }, injected()['metadata'] as Mutable), reason: 'NameTaken', message: `spec.ephemeralContainers[0].name: ${NAME}` },
  'an init container of our name that is no sidecar': {
    pod: aPod({ initContainers: [{ name: 'mcp-gateway', image: SETTINGS.image }] }, injected()['metadata'] as Mutable),
    reason: 'NameTaken',
    message: `spec.initContainers[0].name: ${NAME}`,
  },
  'a sidecar of our name and another image': {
    pod: aPod({ initContainers: [{ ...SIDECAR_LIKE, image: 'registry.example/mcpgateway/sidecar-evil:1.2.3' }] }, injected()['metadata'] as Mutable),
    reason: 'NameTaken',
    message: `spec.initContainers[0].name: ${NAME}`,
  },
  'a port of ours': { pod: aPod(container({ ports: [{ containerPort: 1 }, { containerPort: 8443 }] })), reason: 'PortTaken', message: `spec.containers[0].ports[1].containerPort: ${PORT}` },
  'a port of ours in an init container': { pod: aPod({ initContainers: [{ name: 'i', ports: [{ containerPort: 9901 }] }] }), reason: 'PortTaken', message: `spec.initContainers[0].ports[0].containerPort: ${PORT}` },
  'a port of ours on the node': { pod: aPod(container({ ports: [{ containerPort: 1, hostPort: 8443 }] })), reason: 'PortTaken', message: `spec.containers[0].ports[0].hostPort: ${PORT}` },
  'a port name of ours': {
    pod: aPod(container({ ports: [{ containerPort: 1, name: 'mcpgw-https' }] })),
    reason: 'PortNameTaken',
    message: 'spec.containers[0].ports[0].name: "mcpgw-https" is the name of a port of the sidecar: rename the port',
  },
  'a volume name of ours': { pod: aPod({ volumes: [{ name: 'work' }, { name: 'mcp-gateway-tls' }] }), reason: 'VolumeNameTaken', message: `spec.volumes[1].name: ${VOLUME}` },
  'a volume name like ours': { pod: aPod({ volumes: [{ name: 'mcp-gateway-mine' }] }), reason: 'VolumeNameTaken', message: `spec.volumes[0].name: ${VOLUME}` },
  'a mount of ours': { pod: aPod(container({ volumeMounts: [{ name: 'a' }, { name: 'mcp-gateway-tls' }] })), reason: 'VolumeMounted', message: `spec.containers[0].volumeMounts[1].name: ${MOUNT}` },
  'a device of ours': { pod: aPod({ initContainers: [{ name: 'i', volumeDevices: [{ name: 'mcp-gateway-tls' }] }] }), reason: 'VolumeMounted', message: `spec.initContainers[0].volumeDevices[0].name: ${MOUNT}` },
  'a probe of the sidecar that nobody moved there': {
    pod: aPod(container({ readinessProbe: { httpGet: { path: '/probe/server/readiness', port: 9901 } } })),
    reason: 'ProbeLost',
    message: 'spec.containers[0].readinessProbe.httpGet: asks the sidecar for a probe that it does not know: write what the server itself is to be asked',
  },
  'a mount of ours in a pod that was injected': {
    pod: aPod({ ...(injected()['spec'] as Mutable), ...container({ volumeMounts: [{ name: 'mcp-gateway-identity' }] }) }, injected()['metadata'] as Mutable),
    reason: 'VolumeMounted',
    message: `spec.containers[0].volumeMounts[0].name: ${MOUNT}`,
  },
};

describe('refuses', () => {
  test.each(Object.entries(REFUSED))('%s', (_title, { pod = aPod(), server, name = 'github', reason, message }) => {
    const subject = { pod, ref: { namespace: 'tools', name }, server: server === null ? undefined : (server ?? aGuardedServer()), settings: SETTINGS };
    expect(refusalOf(subject)).toEqual({ reason, message });
  });

  test('for every reason there is', () => {
    expect(new Set(Object.values(REFUSED).map(({ reason }) => reason))).toEqual(new Set(REFUSAL_REASONS));
  });

  test('with one sentence, on one line, whatever the pod is called', () => {
    const server = `${'x'.repeat(200)}\n"}`;
    const message = refusalOf({ pod: aPod(), ref: { namespace: 'tools', name: server }, server: undefined, settings: SETTINGS })?.message ?? '';
    expect(message).not.toContain('\n');
    expect(message.length).toBeLessThan(250);
  });

  test('for the first fault in a fixed order', () => {
    expect(judge(aPod({ hostNetwork: true, hostPID: true, volumes: [{ name: 'mcp-gateway-tls' }] }))?.reason).toBe('HostNetwork');
  });
});

describe('accepts', () => {
  test.each<[string, Mutable]>([
    ['the smallest pod', aPod()],
    ['fields that are off', aPod({ hostNetwork: false, hostPID: false, shareProcessNamespace: null, os: { name: 'linux' } })],
    ['an annotation that agrees', aPod({}, { annotations: { 'mcpgateway.dev/server': 'github' } })],
    ["the server's port inside the pod", aPod(container({ ports: [{ containerPort: 3000, name: 'mcp' }] }))],
    ['another port on the node', aPod(container({ ports: [{ containerPort: 4000, hostPort: 80 }] }))],
    ['names that only resemble ours', aPod({ containers: [{ name: 'mcp-gateway-2' }], volumes: [{ name: 'mcp-gateway' }] })],
    ['a pod without lists', { apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: {} }],
    ['lists of anything', aPod({ containers: [null, 1, {}], volumes: 'x', initContainers: [{ ports: [null] }] })],
    ['a pod that is injected', injected()],
    ['a pod that is injected and has probes', injected(aPod(container({ livenessProbe: { tcpSocket: { port: 3000 } } })))],
    ['a probe of the sidecar itself', aPod(container({ readinessProbe: { httpGet: { path: '/healthz', port: 9901 } } }))],
    ['a pod that was injected with an image of another repository that is allowed', applyPatch(aPod(), podPatch(aPod(), aGuardedServer({ sidecar: { image: 'mirror.example:5000/mcpgateway:1' } }), SETTINGS))],
    ['a pod that an older version injected', applyPatch(aPod(), podPatch(aPod(), aGuardedServer(), { ...SETTINGS, image: 'registry.example/mcpgateway/sidecar@sha256:aa', ports: { https: 1, peer: 3, admin: 2 } }))],
  ])('%s', (_title, pod) => {
    expect(judge(pod)).toBeUndefined();
  });
});
