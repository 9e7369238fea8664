/**
 * Writes the objects that belong to a server, and says which of them it may not write: one that fails stops no other. What
 * is as it should be is not written again, and is not even asked for within a minute: every acknowledgement of a sidecar
 * leads here.
 */
import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { contains } from '../../kube/contains.ts';
import { isNotFound, KubeError } from '../../kube/kube-error.ts';
import type { KubeObject } from '../../kube/kube-object.ts';
import { CONFIG_MAPS, NETWORK_POLICIES, SERVICES } from '../../kube/resources.ts';
import type { Resource } from '../../kube/resources.ts';
import { isOwnedBy, isOwnedByAnyServer } from '../../ownership.ts';
import { authoritiesObject, serverObjects } from './derive.ts';
import type { ObjectFacts } from './derive.ts';
import type { WrittenObjects } from './status.ts';

export interface ObjectWriterDeps {
  readonly client: Pick<KubeClient, 'get' | 'apply'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Logger;
}

/** Never rejects. No object that somebody else made is changed. */
export type WriteObjects = (facts: ObjectFacts, signal: AbortSignal) => Promise<ObjectOutcome>;

export interface ObjectOutcome extends WrittenObjects {
  /** What may well succeed when it is tried again, such as no answer from the API server. */
  readonly failures: readonly unknown[];
}

type Write = 'written' | 'foreign' | { readonly refused: string } | { readonly failure: unknown };

interface Wanted {
  readonly resource: Resource;
  readonly object: Parameters<KubeClient['apply']>[1] & { readonly metadata: { readonly namespace: string; readonly name: string } };
  readonly fieldManager: string;
  readonly isOurs: (found: KubeObject) => boolean;
}

/** What is there under a name as far as it is ours, and when that was seen. */
interface Known {
  readonly content: string;
  readonly seenMs: number;
}

type Memory = Map<string, Known>;

export const FIELD_MANAGER = 'mcpgateway-mcpserver';
const LOOK_AGAIN_MS = 60_000;

export function createObjectWriter(deps: ObjectWriterDeps): WriteObjects {
  const memory: Memory = new Map();
  return (facts, signal) => writeObjects(facts, { ...deps, memory }, signal);
}

async function writeObjects(facts: ObjectFacts, deps: WriteDeps, signal: AbortSignal): Promise<ObjectOutcome> {
  const uid = facts.server.metadata.uid ?? '';
  const { service, networkPolicy } = serverObjects(facts);
  const own = { fieldManager: FIELD_MANAGER, isOurs: (found: KubeObject) => isOwnedBy(found, uid) };
  const wanted: readonly Wanted[] = [
    { resource: SERVICES, object: service, ...own },
    { resource: NETWORK_POLICIES, object: networkPolicy, ...own },
    // Every server of the namespace is an owner, each by a manager of its own: one manager would put the last in place of all.
    { resource: CONFIG_MAPS, object: authoritiesObject(facts), fieldManager: `${FIELD_MANAGER}-${uid}`, isOurs: isOwnedByAnyServer },
  ];
  const writes = await Promise.all(wanted.map(async (each) => ({ ...each, name: `${each.resource.kind} ${each.object.metadata.name}`, write: await write(each, deps, signal) })));
  const foreign = writes.filter((each) => each.write === 'foreign');
  return {
    foreign: foreign.filter(({ resource }) => resource !== CONFIG_MAPS).map(({ name }) => name),
    areAuthoritiesForeign: foreign.some(({ resource }) => resource === CONFIG_MAPS),
    refused: writes.flatMap(({ name, write: outcome }) => (typeof outcome === 'object' && 'refused' in outcome ? [`${name} (${outcome.refused})`] : [])),
    failures: writes.flatMap(({ write: outcome }) => (typeof outcome === 'object' && 'failure' in outcome ? [outcome.failure] : [])),
  };
}

interface WriteDeps extends ObjectWriterDeps {
  readonly memory: Memory;
}

async function write({ resource, object, fieldManager, isOurs }: Wanted, { client, clock, log, memory }: WriteDeps, signal: AbortSignal): Promise<Write> {
  const { namespace, name } = object.metadata;
  const key = `${resource.kind} ${namespace}/${name} ${fieldManager}`;
  const content = JSON.stringify(object);
  const known = memory.get(key);
  if (known?.content === content && clock.monotonicMs() - known.seenMs < LOOK_AGAIN_MS) return 'written';
  memory.delete(key);
  try {
    const found = await client.get(resource, { namespace, name }, { signal }).catch(absentWhereNotFound);
    if (found !== undefined && !isOurs(found)) return 'foreign';
    if (!contains(found, object)) await client.apply(resource, object, { fieldManager, force: true, signal });
    memory.set(key, { content, seenMs: clock.monotonicMs() });
    return 'written';
  } catch (error) {
    const refused = refusalOf(error);
    if (refused === undefined) return { failure: error };
    log.warn('an object of a server is refused by the API server', { kind: resource.kind, namespace, name, error });
    return { refused };
  }
}

function absentWhereNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** An answer that stays the same until somebody changes something. Without its text: that may differ from call to call, and a status must not. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof KubeError) || error.status === undefined) return undefined;
  const isTransient = error.status === 429 || error.status === 409 || error.status === 401 || error.status >= 500;
  return isTransient ? undefined : `${String(error.status)} ${error.reason}`;
}
