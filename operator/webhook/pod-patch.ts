/**
 * What a pod lacks to be guarded, as JSON Patch (RFC 6902). Idempotent: the patched pod needs no patch, so a second
 * call of the webhook changes nothing that others left alone.
 */
import { INJECTED } from '../../api/annotations.ts';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import { isList, isRecord, own, ownString } from '../../manifest/record.ts';
import type { UnknownRecord } from '../../manifest/record.ts';
import { isSameJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { injectedAnnotation } from './config-hash.ts';
import { SIDECAR_NAME, VOLUME_PREFIX } from './names.ts';
import type { PatchOperation } from './patch-operation.ts';
import { podEnd } from './pod-end.ts';
import { moveProbes } from './server-probes.ts';
import { serverSidecar } from './server-sidecar.ts';
import type { InjectionSettings } from './settings.ts';

/**
 * Fields of our container that others may set: LimitRange, the vertical autoscaler and AlwaysPullImages on purpose (the
 * last would refuse the pod if it were put back), the API server by default. Whatever else differs is put back.
 */
const LEFT_TO_OTHERS: readonly string[] = ['resources', 'resizePolicy', 'imagePullPolicy'];

/**
 * Guaranteed of the patched pod: our container and volumes are as of these settings, field by field, and no volume of
 * ours remains that is not needed; probes of the server ask the sidecar, and the server goes on for a moment when the pod
 * ends. Not judged: whether the pod may be guarded at all; validate.ts says that first.
 */
export function podPatch(pod: UnknownRecord, server: MCPServer, settings: InjectionSettings): readonly PatchOperation[] {
  const upstream = server.spec.upstream.port;
  const moved = moveProbes(pod, { upstream, admin: settings.ports.admin });
  const end = podEnd(pod, upstream);
  const { container, volumes } = serverSidecar(server, settings, { probes: moved.probes, drainSeconds: end.drainSeconds });
  const spec = own(pod, 'spec');
  const injected = annotationPatch(pod, injectedAnnotation(server, settings));
  return [
    ...volumePatch(own(spec, 'volumes'), volumes),
    // Before a container is put in front of others, which would then be at another place.
    ...moved.patch,
    ...end.patch,
    // Injected with other settings: what others made of those is no longer to the point.
    ...containerPatch(own(spec, 'initContainers'), container, injected.length > 0 ? [] : LEFT_TO_OTHERS),
    ...injected,
  ];
}

function volumePatch(found: unknown, desired: readonly JsonObject[]): readonly PatchOperation[] {
  if (!isList(found)) return [{ op: 'add', path: '/spec/volumes', value: desired }];
  const names = found.map((volume) => ownString(volume, 'name'));
  const changed = desired.flatMap((volume): PatchOperation[] => {
    const index = names.findIndex((name) => name === volume['name']);
    if (index === -1 || isSameJson(found[index], volume)) return [];
    return [{ op: 'replace', path: `/spec/volumes/${index}`, value: volume }];
  });
  const needless = names.flatMap((name, index): PatchOperation[] =>
    name?.startsWith(VOLUME_PREFIX) === true && !desired.some((volume) => volume['name'] === name) ? [{ op: 'remove', path: `/spec/volumes/${index}` }] : [],
  );
  const missing = desired
    .filter((volume) => !names.some((name) => name === volume['name']))
    .map((value): PatchOperation => ({ op: 'add', path: '/spec/volumes/-', value }));
  // From the end, so that no removal moves what the next one names.
  return [...changed, ...needless.reverse(), ...missing];
}

function containerPatch(found: unknown, desired: JsonObject, left: readonly string[]): readonly PatchOperation[] {
  if (!isList(found)) return [{ op: 'add', path: '/spec/initContainers', value: [desired] }];
  const index = found.findIndex((container) => ownString(container, 'name') === SIDECAR_NAME);
  // First of all: its ports are taken before anything else in the pod runs, and it ends after everything else.
  if (index === -1) return [{ op: 'add', path: '/spec/initContainers/0', value: desired }];
  const current = found[index];
  return isRecord(current) ? fieldPatch(`/spec/initContainers/${index}`, { current, desired }, left) : [];
}

function fieldPatch(path: string, { current, desired }: { readonly current: UnknownRecord; readonly desired: JsonObject }, left: readonly string[]): readonly PatchOperation[] {
  const set = Object.entries(desired).flatMap(([field, value]): PatchOperation[] => {
    if (!Object.hasOwn(current, field)) return [{ op: 'add', path: `${path}/${field}`, value }];
    if (left.includes(field) || isSameJson(current[field], value)) return [];
    return [{ op: 'replace', path: `${path}/${field}`, value }];
  });
  const foreign = Object.keys(current).filter((field) => !Object.hasOwn(desired, field) && !left.includes(field));
  return [...set, ...foreign.map((field): PatchOperation => ({ op: 'remove', path: `${path}/${pointer(field)}` }))];
}

function annotationPatch(pod: UnknownRecord, value: string): readonly PatchOperation[] {
  const annotations = own(own(pod, 'metadata'), 'annotations');
  if (!isRecord(annotations)) return [{ op: 'add', path: '/metadata/annotations', value: { [INJECTED]: value } }];
  if (own(annotations, INJECTED) === value) return [];
  // `add` replaces a member that exists (RFC 6902 §4.1).
  return [{ op: 'add', path: `/metadata/annotations/${pointer(INJECTED)}`, value }];
}

/** RFC 6901 §3. */
const pointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
