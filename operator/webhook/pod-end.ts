/**
 * How a guarded pod ends. The kubelet tells the containers of the pod to end at once and the sidecar after them, while
 * clients are still sent there for a moment: the server goes on for as long, so that nobody finds its port closed.
 */
import { isRecord, own } from '../../manifest/record.ts';
import type { UnknownRecord } from '../../manifest/record.ts';
import type { PatchOperation } from './patch-operation.ts';
import { listOf, podContainers } from './pod-containers.ts';
import type { FoundContainer } from './pod-containers.ts';

export interface PodEnd {
  readonly patch: readonly PatchOperation[];
  /** How long the sidecar may wait for answers that are not complete when it is told to end. */
  readonly drainSeconds: number;
}

/** What the API server puts into a pod that says nothing. */
const DEFAULT_GRACE_SECONDS = 30;
/** Until nobody sends clients there: endpoints and proxies follow within a second or two. */
const LONGEST_DELAY_SECONDS = 5;
const LONGEST_DRAIN_SECONDS = 25;
/** To write the rest of the audit log and to end, before the kubelet kills. */
const CLOSING_SECONDS = 5;

/** Guaranteed: a container with a preStop hook keeps it, and the delay leaves most of the pod's grace period to the server. */
export function podEnd(pod: UnknownRecord, upstreamPort: number): PodEnd {
  const asked = own(own(pod, 'spec'), 'terminationGracePeriodSeconds');
  const grace = typeof asked === 'number' ? asked : DEFAULT_GRACE_SECONDS;
  const seconds = delayOf(grace);
  const delayed = seconds < 1 ? [] : serversOf(pod, upstreamPort);
  return { patch: delayed.flatMap((container) => delayPatch(container, seconds)), drainSeconds: drainOf(grace) };
}

const delayOf = (grace: number): number => Math.min(LONGEST_DELAY_SECONDS, Math.floor(grace / 4));

function drainOf(grace: number): number {
  return Math.max(0, Math.min(LONGEST_DRAIN_SECONDS, grace - delayOf(grace) - CLOSING_SECONDS));
}

/** Those that say that the port is theirs; where none does, it may be any. */
function serversOf(pod: UnknownRecord, upstreamPort: number): readonly FoundContainer[] {
  const containers = podContainers(own(pod, 'spec')).filter(({ kind }) => kind === 'containers');
  const declaring = containers.filter(({ value }) => listOf(value, 'ports').some((port) => own(port, 'containerPort') === upstreamPort));
  return declaring.length > 0 ? declaring : containers;
}

function delayPatch({ value, pointer }: FoundContainer, seconds: number): readonly PatchOperation[] {
  const preStop = { sleep: { seconds } };
  const lifecycle = own(value, 'lifecycle');
  if (!isRecord(lifecycle)) return [{ op: 'add', path: `${pointer}/lifecycle`, value: { preStop } }];
  return isRecord(lifecycle['preStop']) ? [] : [{ op: 'add', path: `${pointer}/lifecycle/preStop`, value: preStop }];
}
