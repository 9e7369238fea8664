/**
 * The sidecar as a container. Every field has the value that the API server would store, defaults included, so that a
 * container read back can be compared with it. Meets the pod security standard `restricted`.
 */
import { formatServerProbes } from '../../api/server-probes.ts';
import type { ServerProbes } from '../../api/server-probes.ts';
import { ENVIRONMENT } from '../../api/sidecar-environment.ts';
import type { JsonObject } from './json.ts';
import { DIRECTORIES, POD_TOKEN_DIRECTORY, PORT_NAMES, SIDECAR_NAME, VOLUMES } from './names.ts';
import type { InjectionSettings, ServerRef } from './settings.ts';

export interface SidecarNeeds {
  readonly server: ServerRef;
  /** The server's own certificate comes from a Secret; else the operator issues one. */
  readonly ownCertificate: boolean;
  /** Names of the Service under which clients inside the cluster know the server. */
  readonly hosts: readonly string[];
  /** The volume of Secrets exists. */
  readonly secrets: boolean;
  readonly drainSeconds: number;
  /** What it asks the server in the kubelet's stead. */
  readonly probes: ServerProbes;
}

/** No secret is in it: those come through volumes, which `kubectl describe` does not show and which change at run time. */
export function sidecarContainer(settings: InjectionSettings, needs: SidecarNeeds): JsonObject {
  return {
    name: SIDECAR_NAME,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    // A native sidecar: started before the containers of the pod, and stopped after them.
    restartPolicy: 'Always',
    env: environment(settings, needs),
    ports: [
      { name: PORT_NAMES.https, containerPort: settings.ports.https, protocol: 'TCP' },
      { name: PORT_NAMES.peer, containerPort: settings.ports.peer, protocol: 'TCP' },
      { name: PORT_NAMES.admin, containerPort: settings.ports.admin, protocol: 'TCP' },
    ],
    // The next container waits for this one; being alive is enough, because a bundle may take longer than a pod should.
    startupProbe: probe('/healthz', { periodSeconds: 1, failureThreshold: 60 }),
    readinessProbe: probe('/readyz', { periodSeconds: 5, failureThreshold: 2 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 6 }),
    resources: {
      requests: { cpu: settings.resources.cpuRequest, memory: settings.resources.memoryRequest },
      limits: { memory: settings.resources.memoryLimit },
    },
    securityContext: securityContext(settings.runAsUser),
    volumeMounts: mounts(needs),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  };
}

function environment(settings: InjectionSettings, { server, ownCertificate, hosts, drainSeconds, probes }: SidecarNeeds): readonly JsonObject[] {
  const { ports } = settings;
  return [
    // Not by reference to the pod's fields: a label or a namespace is what the webhook judged, and nothing later.
    { name: ENVIRONMENT.namespace, value: server.namespace },
    { name: ENVIRONMENT.server, value: server.name },
    fieldOfPod(ENVIRONMENT.podName, 'metadata.name'),
    fieldOfPod(ENVIRONMENT.podUid, 'metadata.uid'),
    fieldOfPod(ENVIRONMENT.podIps, 'status.podIPs'),
    { name: ENVIRONMENT.hosts, value: hosts.join(',') },
    { name: ENVIRONMENT.operatorAddress, value: settings.operatorAddress },
    { name: ENVIRONMENT.logLevel, value: settings.logLevel },
    { name: ENVIRONMENT.httpsPort, value: String(ports.https) },
    { name: ENVIRONMENT.peerPort, value: String(ports.peer) },
    { name: ENVIRONMENT.adminPort, value: String(ports.admin) },
    { name: ENVIRONMENT.identityDirectory, value: DIRECTORIES.identity },
    { name: ENVIRONMENT.authoritiesDirectory, value: DIRECTORIES.authorities },
    { name: ENVIRONMENT.bundleDirectory, value: DIRECTORIES.bundle },
    { name: ENVIRONMENT.tlsDirectory, value: DIRECTORIES.tls },
    { name: ENVIRONMENT.secretsDirectory, value: DIRECTORIES.secrets },
    { name: ENVIRONMENT.certificateSource, value: ownCertificate ? 'Secret' : 'Operator' },
    { name: ENVIRONMENT.drainSeconds, value: String(drainSeconds) },
    ...(probes.probes.length === 0 ? [] : [{ name: ENVIRONMENT.probes, value: formatServerProbes(probes) }]),
  ];
}

const fieldOfPod = (name: string, fieldPath: string): JsonObject => ({ name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } });

function probe(path: string, { periodSeconds, failureThreshold }: { readonly periodSeconds: number; readonly failureThreshold: number }): JsonObject {
  return {
    httpGet: { path, port: PORT_NAMES.admin, scheme: 'HTTP' },
    timeoutSeconds: 2,
    periodSeconds,
    successThreshold: 1,
    failureThreshold,
  };
}

function securityContext(user: number): JsonObject {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

function mounts({ secrets }: SidecarNeeds): readonly JsonObject[] {
  return [
    { name: VOLUMES.identity, mountPath: DIRECTORIES.identity, readOnly: true },
    { name: VOLUMES.authorities, mountPath: DIRECTORIES.authorities, readOnly: true },
    { name: VOLUMES.bundle, mountPath: DIRECTORIES.bundle },
    { name: VOLUMES.tls, mountPath: DIRECTORIES.tls },
    ...(secrets ? [{ name: VOLUMES.secrets, mountPath: DIRECTORIES.secrets, readOnly: true }] : []),
    // Admission mounts the pod's own token wherever nothing is mounted yet: the sidecar must not carry it.
    { name: VOLUMES.nothing, mountPath: POD_TOKEN_DIRECTORY, readOnly: true },
  ];
}
