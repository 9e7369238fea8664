/** The containers of a pod, of every kind, each with its place for messages. */
import { isList, own, ownString } from '../../manifest/record.ts';

export type ContainerKind = 'containers' | 'initContainers' | 'ephemeralContainers';

export interface FoundContainer {
  readonly kind: ContainerKind;
  /** For example `spec.containers[0]`. */
  readonly at: string;
  /** The same place as a JSON pointer (RFC 6901), for example `/spec/containers/0`. */
  readonly pointer: string;
  readonly name: string | undefined;
  /** As it was parsed: nothing in it is judged yet. */
  readonly value: unknown;
}

const KINDS: readonly ContainerKind[] = ['containers', 'initContainers', 'ephemeralContainers'];

export function podContainers(spec: unknown): readonly FoundContainer[] {
  return KINDS.flatMap((kind) =>
    listOf(spec, kind).map((value, index): FoundContainer => ({ kind, at: `spec.${kind}[${index}]`, pointer: `/spec/${kind}/${index}`, name: ownString(value, 'name'), value })),
  );
}

/** An absent list is an empty one; anything else than a list too: the API server has judged the pod's shape. */
export function listOf(value: unknown, key: string): readonly unknown[] {
  const found = own(value, key);
  return isList(found) ? found : [];
}
