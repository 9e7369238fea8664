/**
 * Why a pod cannot be guarded, as rules in a fixed order: first which server is meant, then what would let traffic past
 * the sidecar, then what would clash with it. A refusal is better than a pod that only looks guarded.
 */
import { INJECTED, SERVER_LABEL } from '../../api/annotations.ts';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import { own, ownString } from '../../manifest/record.ts';
import type { UnknownRecord } from '../../manifest/record.ts';
import { PORT_NAMES, SIDECAR_NAME, VOLUME_PREFIX } from './names.ts';
import { imageNotAllowed, isAllowedRepository, memoryNotPossible } from './overrides.ts';
import { listOf, podContainers } from './pod-containers.ts';
import type { FoundContainer } from './pod-containers.ts';
import { lostProbe } from './server-probes.ts';
import type { InjectionSettings, ServerRef, SidecarPorts } from './settings.ts';

export interface InjectionSubject {
  readonly pod: UnknownRecord;
  /** What the pod's label names. */
  readonly ref: ServerRef;
  /** `undefined`: there is none of that name. */
  readonly server: MCPServer | undefined;
  readonly settings: Pick<InjectionSettings, 'image' | 'imageRepositories' | 'ports' | 'resources'>;
}

/** In the order in which they are judged. */
export const REFUSAL_REASONS = [
  'ServerAmbiguous',
  'ServerNotFound',
  'UpstreamPortTaken',
  'ImageNotAllowed',
  'MemoryNotPossible',
  'HostNetwork',
  'HostPID',
  'HostIPC',
  'SharedProcessNamespace',
  'WindowsPod',
  'HostPortBypass',
  'NameTaken',
  'PortTaken',
  'PortNameTaken',
  'VolumeNameTaken',
  'VolumeMounted',
  'ProbeLost',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** One sentence that names the field and says what to change. */
  readonly message: string;
}

type Rule = (subject: InjectionSubject) => string | undefined;

const RULES = {
  ServerAmbiguous: serverAmbiguous,
  ServerNotFound: serverNotFound,
  UpstreamPortTaken: upstreamPortTaken,
  ImageNotAllowed: (subject) => ofServer(subject, imageNotAllowed(subject)),
  MemoryNotPossible: (subject) => ofServer(subject, memoryNotPossible(subject)),
  HostNetwork: (subject) => flagged(subject, 'hostNetwork', 'the sidecar cannot guard the ports of a node'),
  HostPID: (subject) => flagged(subject, 'hostPID', "processes of the node could read the sidecar's memory and files, and it theirs"),
  HostIPC: (subject) => flagged(subject, 'hostIPC', 'the sidecar shares no memory with the node'),
  SharedProcessNamespace: (subject) => flagged(subject, 'shareProcessNamespace', "the other containers could read the sidecar's credentials through /proc"),
  WindowsPod: windowsPod,
  HostPortBypass: hostPortBypass,
  NameTaken: nameTaken,
  PortTaken: portTaken,
  PortNameTaken: portNameTaken,
  VolumeNameTaken: volumeNameTaken,
  VolumeMounted: volumeMounted,
  ProbeLost: probeLost,
} as const satisfies Record<RefusalReason, Rule>;

/** The first rule that is broken. `undefined` means that podPatch may be applied and the server is there. */
export function refusalOf(subject: InjectionSubject): Refusal | undefined {
  for (const reason of REFUSAL_REASONS) {
    const message = RULES[reason](subject);
    if (message !== undefined) return { reason, message };
  }
  return undefined;
}

/** People also write the key as an annotation; two answers to "which server" are none. */
function serverAmbiguous({ pod, ref }: InjectionSubject): string | undefined {
  const annotated = ownString(own(own(pod, 'metadata'), 'annotations'), SERVER_LABEL);
  if (annotated === undefined || annotated === ref.name) return undefined;
  return `metadata.annotations: ${SERVER_LABEL} names another MCPServer than the label of the same key (${quote(ref.name)}): remove the annotation`;
}

function serverNotFound({ ref, server }: InjectionSubject): string | undefined {
  const label = `metadata.labels[${SERVER_LABEL}]`;
  if (ref.name === '') return `${label}: is empty: set it to the name of an MCPServer in namespace ${ref.namespace}`;
  if (server === undefined) {
    return `${label}: there is no MCPServer ${quote(ref.name)} in namespace ${ref.namespace}: create it before the pod, or correct the label`;
  }
  if (server.metadata.deletionTimestamp === undefined) return undefined;
  return `${label}: the MCPServer ${quote(ref.name)} is being deleted: create it again before the pod`;
}

function upstreamPortTaken({ ref, server, settings: { ports } }: InjectionSubject): string | undefined {
  const port = server?.spec.upstream.port;
  if (port === undefined || !isOneOf(port, Object.values(ports))) return undefined;
  return `MCPServer ${quote(ref.name)} spec.upstream.port: ${port} is a port of the sidecar: let the server listen on another port than ${named(ports)}`;
}

const ofServer = ({ ref }: InjectionSubject, fault: string | undefined): string | undefined =>
  fault === undefined ? undefined : `MCPServer ${quote(ref.name)} ${fault}`;

function flagged({ pod }: InjectionSubject, field: string, why: string): string | undefined {
  const value = own(own(pod, 'spec'), field);
  return value === undefined || value === false || value === null ? undefined : `spec.${field}: ${why}: remove the field`;
}

function windowsPod({ pod }: InjectionSubject): string | undefined {
  const spec = own(pod, 'spec');
  if (ownString(own(spec, 'os'), 'name') === 'windows') return 'spec.os.name: the sidecar runs on Linux only: run this server on Linux, or remove the label';
  if (ownString(own(spec, 'nodeSelector'), 'kubernetes.io/os') !== 'windows') return undefined;
  return 'spec.nodeSelector[kubernetes.io/os]: the sidecar runs on Linux only: run this server on Linux, or remove the label';
}

/** The node would forward straight to the server. */
function hostPortBypass({ pod, server }: InjectionSubject): string | undefined {
  const upstream = server?.spec.upstream.port;
  return firstPort(pod, (port, at) =>
    isOneOf(own(port, 'containerPort'), [upstream]) && isSet(own(port, 'hostPort'))
      ? `${at}.hostPort: publishes the server's own port on the node, past the sidecar: remove it`
      : undefined,
  );
}

/** Ours are those that an earlier injection put there: they are replaced field by field. */
function nameTaken({ pod, settings }: InjectionSubject): string | undefined {
  const foreign = podContainers(own(pod, 'spec')).find((container) => container.name === SIDECAR_NAME && !isOurs(pod, container, settings));
  return foreign === undefined ? undefined : `${foreign.at}.name: ${quote(SIDECAR_NAME)} is reserved for the sidecar: rename the container`;
}

function isOurs(pod: UnknownRecord, { kind, value }: FoundContainer, settings: InjectionSubject['settings']): boolean {
  return kind === 'initContainers'
    && wasInjected(pod)
    && ownString(value, 'restartPolicy') === 'Always'
    && isAllowedRepository(ownString(value, 'image') ?? '', settings);
}

const wasInjected = (pod: UnknownRecord): boolean => ownString(own(own(pod, 'metadata'), 'annotations'), INJECTED) !== undefined;

function portTaken({ pod, settings: { ports } }: InjectionSubject): string | undefined {
  return firstPort(pod, (port, at) => {
    const field = ['containerPort', 'hostPort'].find((name) => isOneOf(own(port, name), Object.values(ports)));
    return field === undefined ? undefined : `${at}.${field}: ${named(ports)} are ports of the sidecar: use another port`;
  });
}

const named = ({ https, peer, admin }: SidecarPorts): string => `${https}, ${peer} and ${admin}`;

/** A Service that targets a port by name takes the first container that has it. */
function portNameTaken({ pod }: InjectionSubject): string | undefined {
  return firstPort(pod, (port, at) =>
    isOneOf(own(port, 'name'), Object.values(PORT_NAMES)) ? `${at}.name: ${quote(ownString(port, 'name') ?? '')} is the name of a port of the sidecar: rename the port` : undefined,
  );
}

/** A volume of ours in a pod that was injected before is replaced; in any other pod somebody else made it. */
function volumeNameTaken({ pod }: InjectionSubject): string | undefined {
  if (wasInjected(pod)) return undefined;
  const index = listOf(own(pod, 'spec'), 'volumes').findIndex((volume) => isReserved(ownString(volume, 'name')));
  return index === -1 ? undefined : `spec.volumes[${index}].name: names that begin with ${quote(VOLUME_PREFIX)} are reserved for the sidecar: rename the volume`;
}

function volumeMounted({ pod }: InjectionSubject): string | undefined {
  for (const { at, value } of othersThanOurs(pod)) {
    for (const list of ['volumeMounts', 'volumeDevices']) {
      const index = listOf(value, list).findIndex((mount) => isReserved(ownString(mount, 'name')));
      if (index !== -1) return `${at}.${list}[${index}].name: volumes that begin with ${quote(VOLUME_PREFIX)} are for the sidecar alone: remove the mount`;
    }
  }
  return undefined;
}

function probeLost({ pod, settings }: InjectionSubject): string | undefined {
  const at = lostProbe(pod, settings.ports.admin);
  return at === undefined ? undefined : `${at}.httpGet: asks the sidecar for a probe that it does not know: write what the server itself is to be asked`;
}

/** Whatever bears our name has been judged by the rule on names. */
const othersThanOurs = (pod: UnknownRecord): readonly FoundContainer[] =>
  podContainers(own(pod, 'spec')).filter(({ name }) => name !== SIDECAR_NAME);

function firstPort(pod: UnknownRecord, judge: (port: unknown, at: string) => string | undefined): string | undefined {
  for (const { at, value } of othersThanOurs(pod)) {
    for (const [index, port] of listOf(value, 'ports').entries()) {
      const message = judge(port, `${at}.ports[${index}]`);
      if (message !== undefined) return message;
    }
  }
  return undefined;
}

const isReserved = (name: string | undefined): boolean => name?.startsWith(VOLUME_PREFIX) === true;

const isSet = (port: unknown): boolean => port !== undefined && port !== null && port !== 0;

const isOneOf = (value: unknown, candidates: readonly unknown[]): boolean => value !== undefined && candidates.includes(value);

/** A stranger's text, on one line and bounded. */
const quote = (text: string): string => JSON.stringify(text.slice(0, 63));
