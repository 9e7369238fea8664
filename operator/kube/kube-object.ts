/** An object as the API server sends it: metadata is verified, everything else is still `unknown`. */
import { isRecord } from '../../core/mcp/record.ts';
import { KubeError } from './kube-error.ts';
import { type Resource, apiVersionOf } from './resources.ts';

export interface KubeMetadata {
  readonly name: string;
  /** Absent for kinds without namespaces. */
  readonly namespace?: string;
  readonly uid: string;
  /** Opaque: may be compared for equality, never ordered. */
  readonly resourceVersion: string;
  readonly [member: string]: unknown;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly [member: string]: unknown;
}

export interface KubeList {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
}

/** Members of a list do not name their kind; here they do. An object without name, uid or version is malformed. */
export function requireObject(value: unknown, resource: Resource): KubeObject {
  if (!isRecord(value) || !isMetadata(value['metadata'])) {
    throw new KubeError('ResponseMalformed', `the API server sent something that is no ${resource.kind}`);
  }
  return { ...value, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: value['metadata'] };
}

function isMetadata(value: unknown): value is KubeMetadata {
  if (!isRecord(value)) return false;
  const { name, namespace, uid, resourceVersion } = value;
  return [name, uid, resourceVersion].every(isName) && (namespace === undefined || isName(namespace));
}

export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** The object without the record of who wrote which field: it can be larger than the object, and nobody here reads it. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata;
  return managedFields === undefined ? object : { ...object, metadata };
}
