/** Leases in memory with the API server's own rules of versions, shared by candidates, and cut off on request. */
import type { CallOptions } from '../../operator/kube/api-call.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import { KubeError } from '../../operator/kube/kube-error.ts';
import type { KubeObject } from '../../operator/kube/kube-object.ts';

export type LeaseVerbs = Pick<KubeClient, 'get' | 'create' | 'replace'>;

export interface LeaseStore {
  spec(): Readonly<Record<string, unknown>>;
  edit(spec: Readonly<Record<string, unknown>>): void;
  remove(): void;
  /** The way of one candidate to it. */
  access(): LeaseAccess;
}

export interface LeaseAccess {
  readonly client: KubeClient;
  /** `hangs`: no answer until the caller gives up. `hangs-after-write`: neither, but what was sent is done. */
  network: 'works' | 'refuses' | 'hangs' | 'hangs-after-write';
  writes: number;
}

export function createLeaseStore(): LeaseStore {
  let lease: KubeObject | undefined;
  let version = 0;
  const store = (spec: unknown): KubeObject => {
    version += 1;
    lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'operator', namespace: 'test', uid: 'u', resourceVersion: String(version) }, spec };
    return lease;
  };
  const specOf = (): Readonly<Record<string, unknown>> => (lease?.['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  return {
    spec: specOf,
    edit: (spec) => void store({ ...specOf(), ...spec }),
    remove: () => {
      lease = undefined;
    },
    access: () => {
      const access: LeaseAccess = { client: undefined as unknown as KubeClient, network: 'works', writes: 0 };
      const through = async (options: CallOptions | undefined, act: () => KubeObject): Promise<KubeObject> => {
        if (access.network === 'refuses') throw new KubeError('ConnectionFailed', 'cut off');
        if (access.network === 'works') return act();
        if (access.network === 'hangs-after-write') act();
        return new Promise((_resolve, reject) => {
          options?.signal?.addEventListener('abort', () => reject(new KubeError('Timeout', 'late')), { once: true });
        });
      };
      const conflict = (): KubeError => new KubeError('Conflict', 'conflict', { status: 409 });
      const verbs: LeaseVerbs = {
        get: (_resource, _ref, options) =>
          through(options, () => {
            if (lease === undefined) throw new KubeError('NotFound', 'not found', { status: 404 });
            return lease;
          }),
        create: (_resource, object, options) =>
          through(options, () => {
            if (lease !== undefined) throw conflict();
            access.writes += 1;
            return store(object['spec']);
          }),
        replace: (_resource, object, options) =>
          through(options, () => {
            if (lease?.metadata.resourceVersion !== object.metadata['resourceVersion']) throw conflict();
            access.writes += 1;
            return store(object['spec']);
          }),
      };
      return Object.assign(access, { client: verbs as KubeClient });
    },
  };
}
