/**
 * The last word on labelled pods, after every webhook: what injection promises is compared with what is stored, and
 * cannot be changed later. Also holds when the webhook was bypassed or another webhook changed what it wrote.
 */
import { SERVER_LABEL } from '../../api/annotations.ts';
import type { JsonObject } from '../webhook/json.ts';
import { DIRECTORIES, POD_TOKEN_DIRECTORY, PORT_NAMES, SIDECAR_NAME, VOLUME_PREFIX, VOLUMES } from '../webhook/names.ts';
import { ENVIRONMENT } from '../../api/sidecar-environment.ts';
import type { SidecarPorts } from '../webhook/settings.ts';
import { list, policyWithBinding, text } from './policy.ts';
import type { NamedExpression, Validation } from './policy.ts';

export interface GuardedPodsSettings {
  /** The sidecar's image, and during an upgrade also the one before. */
  readonly images: readonly string[];
  /** Image repositories, without tag, of which a server may choose its sidecar's image. */
  readonly repositories: readonly string[];
  readonly ports: SidecarPorts;
  readonly operatorAddress: string;
  readonly audiencePrefix: string;
  readonly authoritiesConfigMap: string;
}

export function guardedPodsPolicies(settings: GuardedPodsSettings): readonly JsonObject[] {
  return [...createdPods(settings), ...podsOfServers(settings), ...changedPods(settings)];
}

const NAME = text(SIDECAR_NAME);
const LABEL = text(SERVER_LABEL);

/** Mirror pods of a node's own files are not admitted by webhooks; only a node can make one. */
const NOT_MIRRORED: NamedExpression = {
  name: 'not-mirrored-by-a-node',
  expression:
    "!(request.userInfo.username.startsWith('system:node:') && has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations)",
};

const sidecarsOf = (pod: string): string =>
  `has(${pod}.spec.initContainers) ? ${pod}.spec.initContainers.filter(c, c.name == ${NAME}) : []`;

/** Those that are not the sidecar; of another kind, a container of its name is one of these. */
const OTHERS: readonly NamedExpression[] = [
  { name: 'otherInits', expression: `has(object.spec.initContainers) ? object.spec.initContainers.filter(c, c.name != ${NAME}) : []` },
];

function createdPods(settings: GuardedPodsSettings): readonly JsonObject[] {
  return policyWithBinding({
    name: 'mcpgateway-guarded-pods',
    labelled: SERVER_LABEL,
    resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    matchConditions: [NOT_MIRRORED],
    variables: [
      { name: 'server', expression: `object.metadata.labels[${LABEL}]` },
      { name: 'sidecars', expression: sidecarsOf('object') },
      ...OTHERS,
      { name: 'env', expression: "variables.sidecars.size() == 1 && has(variables.sidecars[0].env) ? variables.sidecars[0].env : []" },
      { name: 'mounts', expression: "variables.sidecars.size() == 1 && has(variables.sidecars[0].volumeMounts) ? variables.sidecars[0].volumeMounts : []" },
      { name: 'volumes', expression: `has(object.spec.volumes) ? object.spec.volumes.filter(v, v.name.startsWith(${text(VOLUME_PREFIX)})) : []` },
    ],
    validations: [
      {
        expression: 'variables.sidecars.size() == 1',
        message: `spec.initContainers: a pod with the label ${SERVER_LABEL} needs the sidecar ${SIDECAR_NAME}: create it again while the injection webhook is there`,
      },
      ...sidecarFields(settings),
      ...sidecarVolumes(settings),
      ...podFields(settings),
    ],
  });
}

/** If there is no sidecar, the first validation has said so: these need one. */
const ofSidecar = (condition: string, message: string): Validation => ({
  expression: `variables.sidecars.size() != 1 || variables.sidecars.all(s, ${condition})`,
  message: `the sidecar ${SIDECAR_NAME} ${message}`,
});

/**
 * What the server's own settings make of its sidecar. Only the API server's copy of the servers can tell, so this is a
 * policy with the server as its parameter; what every server's sidecar must be is judged without one.
 */
function podsOfServers({ images }: GuardedPodsSettings): readonly JsonObject[] {
  const other = `params.metadata.name != object.metadata.labels[${LABEL}]`;
  const overrides = (field: string): string => `has(params.spec.sidecar) && has(params.spec.sidecar.${field})`;
  const ofThisServer = (condition: string, message: string): Validation => ({
    expression: `${other} || variables.sidecars.all(s, ${condition})`,
    message: `the sidecar ${SIDECAR_NAME} ${message}: create the pod again`,
  });
  return policyWithBinding({
    name: 'mcpgateway-guarded-pods-of-servers',
    labelled: SERVER_LABEL,
    resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    paramKind: { apiVersion: 'mcpgateway.dev/v1alpha1', kind: 'MCPServer' },
    matchConditions: [NOT_MIRRORED],
    variables: [{ name: 'sidecars', expression: sidecarsOf('object') }],
    validations: [
      ofThisServer(`${overrides('image')} ? s.image == params.spec.sidecar.image : s.image in ${list(images)}`, 'must have the image of its MCPServer, or that which the operator injects'),
      ofThisServer(`!(${overrides('logLevel')}) || (has(s.env) && s.env.exists_one(e, ${says(ENVIRONMENT.logLevel, 'params.spec.sidecar.logLevel')}))`, 'must have the log level of its MCPServer'),
      ofThisServer(`!has(s.env) || s.env.filter(e, e.name == ${text(ENVIRONMENT.probes)}).all(e, has(e.value) && e.value.startsWith('{"port":' + string(params.spec.upstream.port) + ',"probes":['))`, 'must probe the port of its MCPServer alone'),
    ],
  });
}

const says = (name: string, value: string): string => `e.name == ${text(name)} && has(e.value) && e.value == ${value}`;

/** Any tag or digest of a repository. Every other character of one is taken as it is by RE2. */
function isOfRepository(image: string, repositories: readonly string[]): string {
  const any = repositories.map((name) => name.replaceAll('.', '[.]')).join('|');
  return `${image}.matches(${text(`^(?:${any})(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`)})`;
}

function sidecarFields({ images, repositories, ports, operatorAddress }: GuardedPodsSettings): readonly Validation[] {
  const envSays = (name: string, value: string): string => `variables.env.exists_one(e, ${says(name, value)})`;
  const env = list(Object.values(ENVIRONMENT));
  return [
    ofSidecar(`s.image in ${list(images)} || ${isOfRepository('s.image', repositories)}`, 'must have the image that the operator injects, or another of a repository that it allows'),
    ofSidecar("has(s.restartPolicy) && s.restartPolicy == 'Always'", 'must have restartPolicy Always; is the API server older than 1.29?'),
    ofSidecar('!has(s.command) && !has(s.args) && !has(s.envFrom) && !has(s.lifecycle) && !has(s.workingDir)', 'must run what its image runs, and nothing else'),
    ofSidecar(SECURITY, 'must keep the security context that the operator injects'),
    ofSidecar(
      `has(s.ports) && s.ports.size() == 3 && ${port(PORT_NAMES.https, ports.https)} && ${port(PORT_NAMES.peer, ports.peer)} && ${port(PORT_NAMES.admin, ports.admin)}`,
      'must keep its three ports',
    ),
    ofSidecar(
      [
        `variables.env.all(e, e.name in ${env})`,
        envSays(ENVIRONMENT.operatorAddress, text(operatorAddress)),
        envSays(ENVIRONMENT.namespace, 'request.namespace'),
        envSays(ENVIRONMENT.server, 'variables.server'),
        envSays(ENVIRONMENT.httpsPort, text(String(ports.https))),
        envSays(ENVIRONMENT.peerPort, text(String(ports.peer))),
        envSays(ENVIRONMENT.adminPort, text(String(ports.admin))),
        ...(['identity', 'authorities', 'bundle', 'tls', 'secrets'] as const).map((what) => envSays(ENVIRONMENT[`${what}Directory`], text(DIRECTORIES[what]))),
      ].join(' && '),
      'must keep the environment that the operator injects, for this namespace and server',
    ),
  ];
}

const port = (name: string, number: number): string =>
  `s.ports.exists(p, has(p.name) && p.name == ${text(name)} && p.containerPort == ${number} && !has(p.hostPort))`;

const SECURITY = [
  'has(s.securityContext)',
  'has(s.securityContext.runAsNonRoot) && s.securityContext.runAsNonRoot',
  'has(s.securityContext.runAsUser) && s.securityContext.runAsUser > 0',
  'has(s.securityContext.allowPrivilegeEscalation) && !s.securityContext.allowPrivilegeEscalation',
  'has(s.securityContext.readOnlyRootFilesystem) && s.securityContext.readOnlyRootFilesystem',
  '(!has(s.securityContext.privileged) || !s.securityContext.privileged)',
  "has(s.securityContext.capabilities) && has(s.securityContext.capabilities.drop) && 'ALL' in s.securityContext.capabilities.drop && !has(s.securityContext.capabilities.add)",
  "has(s.securityContext.seccompProfile) && s.securityContext.seccompProfile.type == 'RuntimeDefault'",
].join(' && ');

function sidecarVolumes({ audiencePrefix, authoritiesConfigMap }: GuardedPodsSettings): readonly Validation[] {
  const mounted = (volume: string, path: string): string => `variables.mounts.exists(m, m.name == ${text(volume)} && m.mountPath == ${text(path)})`;
  const audience = `${text(`${audiencePrefix}/`)} + request.namespace + '/' + variables.server`;
  return [
    ofSidecar(
      [
        `variables.mounts.all(m, m.name in ${list(Object.values(VOLUMES))})`,
        ...(['identity', 'authorities', 'bundle', 'tls'] as const).map((what) => mounted(VOLUMES[what], DIRECTORIES[what])),
        mounted(VOLUMES.nothing, POD_TOKEN_DIRECTORY),
      ].join(' && '),
      "must mount its own volumes alone, and nothing at the place of the pod's own token",
    ),
    ofSidecar(
      [
        `variables.volumes.all(v, v.name in ${list(Object.values(VOLUMES))})`,
        `variables.volumes.exists(v, v.name == ${text(VOLUMES.identity)} && has(v.projected) && v.projected.sources.size() == 1 && has(v.projected.sources[0].serviceAccountToken) && has(v.projected.sources[0].serviceAccountToken.audience) && v.projected.sources[0].serviceAccountToken.audience == ${audience})`,
        `variables.volumes.exists(v, v.name == ${text(VOLUMES.authorities)} && has(v.configMap) && v.configMap.name == ${text(authoritiesConfigMap)})`,
        `variables.volumes.filter(v, v.name in ${list([VOLUMES.bundle, VOLUMES.tls])}).all(v, has(v.emptyDir) && has(v.emptyDir.medium) && v.emptyDir.medium == 'Memory')`,
        `variables.volumes.filter(v, v.name == ${text(VOLUMES.nothing)}).all(v, has(v.emptyDir))`,
      ].join(' && '),
      'must keep the volumes that the operator injects: a token for this server, the authorities of the operator, and memory',
    ),
  ];
}

function podFields({ ports }: GuardedPodsSettings): readonly Validation[] {
  const numbers = `[${ports.https}, ${ports.peer}, ${ports.admin}]`;
  const names = list(Object.values(PORT_NAMES));
  const free = (containers: string): string =>
    `${containers}.all(c, !has(c.ports) || c.ports.all(p, !(p.containerPort in ${numbers}) && (!has(p.name) || !(p.name in ${names}))))`;
  const unset = (field: string): string => `(!has(object.spec.${field}) || !object.spec.${field})`;
  return [
    {
      expression: ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace'].map(unset).join(' && '),
      message: `spec: hostNetwork, hostPID, hostIPC and shareProcessNamespace are not possible with the label ${SERVER_LABEL}: remove them`,
    },
    {
      expression: `object.spec.containers.all(c, c.name != ${NAME})`,
      message: `spec.containers: the name ${SIDECAR_NAME} is reserved for the sidecar: rename the container`,
    },
    {
      expression: `${mountsNoneOfOurs('object.spec.containers')} && ${mountsNoneOfOurs('variables.otherInits')}`,
      message: `spec: volumes that begin with ${VOLUME_PREFIX} are for the sidecar alone: remove their mounts from other containers`,
    },
    {
      expression: `${free('object.spec.containers')} && ${free('variables.otherInits')}`,
      message: `spec: ports ${ports.https}, ${ports.peer} and ${ports.admin} are the sidecar's: let other containers use other ones`,
    },
  ];
}

function mountsNoneOfOurs(containers: string): string {
  const prefix = text(VOLUME_PREFIX);
  return `${containers}.all(c, (!has(c.volumeMounts) || c.volumeMounts.all(m, !m.name.startsWith(${prefix}))) && (!has(c.volumeDevices) || c.volumeDevices.all(m, !m.name.startsWith(${prefix}))))`;
}

/** Whatever an update may still change of a pod: its labels (also through status), images, ephemeral containers. */
function changedPods({ images }: GuardedPodsSettings): readonly JsonObject[] {
  const value = (pod: string): string => `(has(${pod}.metadata.labels) && ${LABEL} in ${pod}.metadata.labels ? ${pod}.metadata.labels[${LABEL}] : '')`;
  return policyWithBinding({
    name: 'mcpgateway-guarded-pods-changed',
    labelled: SERVER_LABEL,
    resourceRules: [
      { operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'pods/status', 'pods/ephemeralcontainers', 'pods/resize'] },
    ],
    variables: [
      { name: 'sidecars', expression: sidecarsOf('object') },
      { name: 'before', expression: sidecarsOf('oldObject') },
      { name: 'ephemeral', expression: 'has(object.spec.ephemeralContainers) ? object.spec.ephemeralContainers : []' },
    ],
    validations: [
      {
        expression: `${value('object')} == ${value('oldObject')}`,
        message: `metadata.labels: ${SERVER_LABEL} cannot be added, changed or removed on a pod that exists: create another pod`,
      },
      {
        expression: `variables.sidecars.all(s, s.image in ${list(images)} || variables.before.exists(b, b.image == s.image))`,
        message: `spec.initContainers: the image of the sidecar ${SIDECAR_NAME} cannot be changed: create the pod again`,
      },
      {
        expression: `variables.ephemeral.all(c, c.name != ${NAME})`,
        message: `spec.ephemeralContainers: the name ${SIDECAR_NAME} is reserved for the sidecar: use another name`,
      },
      {
        expression: mountsNoneOfOurs('variables.ephemeral'),
        message: `spec.ephemeralContainers: volumes that begin with ${VOLUME_PREFIX} are for the sidecar alone: remove the mounts`,
      },
      {
        expression: `variables.ephemeral.all(c, !has(c.targetContainerName) || c.targetContainerName != ${NAME})`,
        message: `spec.ephemeralContainers: targetContainerName ${SIDECAR_NAME} would share the processes of the sidecar: target another container`,
      },
    ],
  });
}
