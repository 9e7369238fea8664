/**
 * Objects of our kinds as an API server sends them. It has judged them by the same schema and rules already, but by those
 * of the CRD that is installed, which may be of another version: the shape is checked again, the rules are not.
 */
import type { GatewayToken, MCPServer, ObjectMeta } from '../api/v1alpha1/index.ts';
import { formatPath } from './problem.ts';
import { own, type UnknownRecord } from './record.ts';
import { schemaProblems } from './strict-schema.ts';
import { compileValidator } from './validator.ts';

interface Kinds {
  readonly MCPServer: MCPServer;
  readonly GatewayToken: GatewayToken;
}

export type ClusterObjectReader<K extends keyof Kinds> = (raw: UnknownRecord) => Kinds[K];

/**
 * Throws a TypeError that names every field at fault, never its value. `status` is left out: it is never an input. What
 * the server added to the metadata is kept.
 */
export function createClusterObjectReader<K extends keyof Kinds>(kind: K): ClusterObjectReader<K> {
  const validate = compileValidator(kind);
  return (raw) => {
    const { status: _, ...declared } = raw;
    const value: unknown = { ...declared, metadata: authoredMetadata(own(raw, 'metadata')) };
    if (!validate(value)) {
      const problems = schemaProblems(validate.errors ?? []).map(({ path, problem }) => `${formatPath(path)}: ${problem}`);
      throw new TypeError(problems.join('; '));
    }
    return { ...value, metadata: { ...value.metadata, ...serverMetadata(own(raw, 'metadata')) } };
  };
}

/** An API server also sends what other controllers put there: owners, finalizers. None of it concerns the gateway. */
function authoredMetadata(metadata: unknown): UnknownRecord {
  const names = ['name', 'namespace', 'labels', 'annotations'];
  return Object.fromEntries(names.flatMap((name) => (own(metadata, name) === undefined ? [] : [[name, own(metadata, name)]])));
}

function serverMetadata(metadata: unknown): Partial<ObjectMeta> {
  const generation = own(metadata, 'generation');
  const text = (name: 'uid' | 'resourceVersion' | 'creationTimestamp' | 'deletionTimestamp'): Partial<ObjectMeta> => {
    const value = own(metadata, name);
    return typeof value === 'string' ? { [name]: value } : {};
  };
  return {
    ...text('uid'),
    ...text('resourceVersion'),
    ...text('creationTimestamp'),
    ...text('deletionTimestamp'),
    ...(typeof generation === 'number' ? { generation } : {}),
  };
}
