/** What one candidate reads from and writes to a Lease. Every write names the version it replaces. */
import { isRecord } from '../../core/mcp/record.ts';
import type { CallOptions } from './api-call.ts';
import type { KubeClient } from './client.ts';
import { isConflict, isNotFound } from './kube-error.ts';
import type { KubeObject } from './kube-object.ts';
import { microTime } from './micro-time.ts';
import { LEASES } from './resources.ts';
import type { Scheduler } from './scheduler.ts';

export interface LeaseClaimOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseMs: number;
  readonly clock: Scheduler;
}

export interface LeaseClaim {
  /**
   * Takes or renews the lease, if that is possible now: whether it is ours. Another's lease is taken only if it has
   * not changed for as long as its holder promised to renew it within, by this process's own monotonic clock.
   */
  attempt(options: CallOptions): Promise<boolean>;
  /** Gives it up if it is ours: whether it was, and now is free. */
  release(options: CallOptions): Promise<boolean>;
}

interface Spec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly leaseTransitions: number;
  readonly acquireTime: string;
}

export function createLeaseClaim({ client, namespace, name, identity, leaseMs, clock }: LeaseClaimOptions): LeaseClaim {
  /** As of the last read or write that succeeded; what is older may be another's by now. */
  let known: KubeObject | undefined;
  let observed: { readonly resourceVersion: string; readonly atMs: number } | undefined;

  async function read(options: CallOptions): Promise<KubeObject | undefined> {
    try {
      return await client.get(LEASES, { namespace, name }, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Whether its holder may be presumed gone. The times written in it are not looked at: they are of another clock. */
  function hasExpired({ metadata: { resourceVersion } }: KubeObject, { leaseDurationSeconds }: Spec): boolean {
    const nowMs = clock.monotonicMs();
    if (observed?.resourceVersion !== resourceVersion) observed = { resourceVersion, atMs: nowMs };
    return nowMs - observed.atMs >= Math.max(leaseMs, leaseDurationSeconds * 1000);
  }

  async function write(before: KubeObject | undefined, spec: object, options: CallOptions): Promise<void> {
    known = undefined;
    known =
      before === undefined
        ? await client.create(LEASES, { metadata: { namespace, name }, spec }, options)
        : await client.replace(LEASES, { ...before, spec }, options);
  }

  function claimed(before: Spec | undefined): object {
    const nowText = microTime(clock.nowMs());
    const ours = before?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: ours ? before.acquireTime : nowText,
      renewTime: nowText,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (ours || before === undefined ? 0 : 1),
    };
  }

  async function claim(options: CallOptions): Promise<boolean> {
    const lease = known ?? (await read(options));
    const spec = lease === undefined ? undefined : specOf(lease);
    if (lease !== undefined && spec !== undefined) {
      const expired = hasExpired(lease, spec);
      if (spec.holderIdentity !== '' && spec.holderIdentity !== identity && !expired) return false;
    }
    await write(lease, claimed(spec), options);
    return true;
  }

  async function giveUp(options: CallOptions): Promise<boolean> {
    const lease = known ?? (await read(options));
    if (lease === undefined) return false;
    const spec = specOf(lease);
    if (spec.holderIdentity !== identity) return false;
    const nowText = microTime(clock.nowMs());
    await write(lease, { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: nowText, renewTime: nowText, leaseTransitions: spec.leaseTransitions }, options);
    return true;
  }

  return {
    attempt: (options) => onceMoreOnConflict(() => claim({ ...options, urgent: true })),
    release: (options) => onceMoreOnConflict(() => giveUp({ ...options, urgent: true })),
  };
}

/** A conflict does not say whose change it was: a rival's, a stranger's, or an earlier write of ours that had no answer. */
async function onceMoreOnConflict(act: () => Promise<boolean>): Promise<boolean> {
  try {
    return await act();
  } catch (error) {
    if (!isConflict(error)) throw error;
    return act();
  }
}

function specOf(lease: KubeObject): Spec {
  const spec = isRecord(lease['spec']) ? lease['spec'] : {};
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime } = spec;
  return {
    holderIdentity: typeof holderIdentity === 'string' ? holderIdentity : '',
    leaseDurationSeconds: typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 0,
    leaseTransitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
    acquireTime: typeof acquireTime === 'string' ? acquireTime : '',
  };
}
