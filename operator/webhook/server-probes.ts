/**
 * Kubelet probes of the server's port, moved to the sidecar's admin port: the kubelet asks at the pod's address, where a
 * server that listens on loopback does not answer. What the sidecar is to ask goes into its environment, which also
 * keeps what was written before. Probes by command or gRPC, of other ports, over HTTPS or of another host stay.
 */
import { ENVIRONMENT } from '../../api/sidecar-environment.ts';
import { isProbePossible, MOST_PROBES, parseServerProbes, PROBE_KINDS, probePath } from '../../api/server-probes.ts';
import type { ProbeKind, ServerProbe } from '../../api/server-probes.ts';
import { isRecord, own, ownString } from '../../manifest/record.ts';
import type { UnknownRecord } from '../../manifest/record.ts';
import { isSameJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { SIDECAR_NAME } from './names.ts';
import type { PatchOperation } from './patch-operation.ts';
import { listOf, podContainers } from './pod-containers.ts';
import type { FoundContainer } from './pod-containers.ts';

export interface ProbePorts {
  readonly upstream: number;
  readonly admin: number;
}

export interface MovedProbes {
  readonly patch: readonly PatchOperation[];
  /** All that the sidecar answers for, those that were moved before among them. */
  readonly probes: readonly ServerProbe[];
}

interface FoundProbe {
  readonly container: FoundContainer;
  readonly kind: ProbeKind;
  /** For example `spec.containers[0].livenessProbe`. */
  readonly at: string;
  readonly value: UnknownRecord;
}

export function moveProbes(pod: UnknownRecord, ports: ProbePorts): MovedProbes {
  const kept = keptProbes(pod);
  const moved = foundProbes(pod).flatMap((found) => {
    const probe = movedBefore(found, kept) ?? askedOf(found, ports.upstream);
    return probe === undefined || !isProbePossible(probe) ? [] : [{ found, probe }];
  }).slice(0, MOST_PROBES);
  return { patch: moved.flatMap(({ found, probe }) => handlerPatch(found, probe, ports.admin)), probes: moved.map(({ probe }) => probe) };
}

/** One that was moved, and nobody knows from where: where it is. The sidecar would answer that there is no such thing. */
export function lostProbe(pod: UnknownRecord, admin: number): string | undefined {
  const kept = keptProbes(pod);
  return foundProbes(pod).find((found) => {
    const httpGet = own(found.value, 'httpGet');
    return own(httpGet, 'port') === admin && ownString(httpGet, 'path')?.startsWith('/probe/') === true && movedBefore(found, kept) === undefined;
  })?.at;
}

function foundProbes(pod: UnknownRecord): readonly FoundProbe[] {
  return podContainers(own(pod, 'spec'))
    .filter(({ name, kind }) => name !== undefined && name !== SIDECAR_NAME && kind !== 'ephemeralContainers')
    .flatMap((container) =>
      PROBE_KINDS.flatMap((kind): FoundProbe[] => {
        const value = own(container.value, `${kind}Probe`);
        return isRecord(value) ? [{ container, kind, at: `${container.at}.${kind}Probe`, value }] : [];
      }),
    );
}

/** From the environment of a sidecar that was injected before; what is not as the webhook writes it says nothing. */
function keptProbes(pod: UnknownRecord): ReadonlyMap<string, ServerProbe> {
  const sidecar = podContainers(own(pod, 'spec')).find(({ name, kind }) => name === SIDECAR_NAME && kind === 'initContainers');
  const variable = listOf(sidecar?.value, 'env').find((each) => ownString(each, 'name') === ENVIRONMENT.probes);
  try {
    return new Map(parseServerProbes(ownString(variable, 'value') ?? '').probes.map((probe) => [probePath(probe), probe]));
  } catch {
    return new Map();
  }
}

function movedBefore(found: FoundProbe, kept: ReadonlyMap<string, ServerProbe>): ServerProbe | undefined {
  const path = ownString(own(found.value, 'httpGet'), 'path');
  const probe = kept.get(pathOf(found));
  return probe === undefined || path !== pathOf(found) ? undefined : { ...probe, timeoutSeconds: timeoutOf(found) };
}

function askedOf(found: FoundProbe, upstream: number): ServerProbe | undefined {
  const { container: { name: container = '', value }, kind } = found;
  const { httpGet, tcpSocket } = found.value;
  const handler = httpGet ?? tcpSocket;
  const isOfServer = portOf(own(handler, 'port'), value) === upstream && isOneOf(own(handler, 'host'), [undefined, '']);
  if (!isOfServer || !isOneOf(own(handler, 'scheme'), [undefined, 'HTTP'])) return undefined;
  const probe = { container, kind, timeoutSeconds: timeoutOf(found) };
  return isRecord(httpGet) ? { ...probe, http: { path: pathAsked(httpGet), headers: headersOf(httpGet) } } : probe;
}

/** A name is that of a port of the same container. */
function portOf(port: unknown, container: unknown): unknown {
  if (typeof port !== 'string') return port;
  return own(listOf(container, 'ports').find((each) => ownString(each, 'name') === port), 'containerPort');
}

/** The kubelet puts the slash there, too. */
function pathAsked(httpGet: UnknownRecord): string {
  const path = ownString(httpGet, 'path') ?? '';
  return path.startsWith('/') ? path : `/${path}`;
}

const headersOf = (httpGet: UnknownRecord): { readonly name: string; readonly value: string }[] =>
  listOf(httpGet, 'httpHeaders').map((header) => ({ name: ownString(header, 'name') ?? '', value: ownString(header, 'value') ?? '' }));

/** One second is what the API server puts there. */
function timeoutOf({ value: { timeoutSeconds } }: FoundProbe): number {
  return typeof timeoutSeconds === 'number' && timeoutSeconds >= 1 ? timeoutSeconds : 1;
}

const pathOf = ({ container: { name = '' }, kind }: FoundProbe): string => probePath({ container: name, kind });

/** By number: a name would be looked for among the ports of the container that is probed. */
function handlerPatch(found: FoundProbe, probe: ServerProbe, admin: number): readonly PatchOperation[] {
  const desired: JsonObject = { path: probePath(probe), port: admin, scheme: 'HTTP' };
  const { httpGet } = found.value;
  if (isSameJson(httpGet, desired)) return [];
  const path = `${found.container.pointer}/${found.kind}Probe`;
  if (httpGet !== undefined) return [{ op: 'replace', path: `${path}/httpGet`, value: desired }];
  return [
    { op: 'remove', path: `${path}/tcpSocket` },
    { op: 'add', path: `${path}/httpGet`, value: desired },
  ];
}

const isOneOf = (value: unknown, candidates: readonly unknown[]): boolean => candidates.includes(value);
