/**
 * Writes into the status of tokens what was reported of their use. Only the leader runs it. One token is written at most
 * once in an interval, also where another replica led before, and all together slowly: a revocation must not wait for it.
 */
import type { GatewayToken } from '../../api/v1alpha1/index.ts';
import type { Logger } from '../../runtime/log.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isNotFound } from '../kube/kube-error.ts';
import { GATEWAY_TOKENS } from '../kube/resources.ts';
import { pause } from '../kube/scheduler.ts';
import type { Scheduler } from '../kube/scheduler.ts';
import { readUsageStatus, usageStatus } from './token-usage.ts';
import type { UsageStatus } from './token-usage.ts';
import type { TokenName, UsageMemory } from './usage-memory.ts';

export interface UsageWriterDeps {
  readonly client: Pick<KubeClient, 'applyStatus'>;
  readonly usage: Pick<UsageMemory, 'of' | 'takeChanged'>;
  /** As this replica knows them now. */
  readonly tokenOf: (name: TokenName) => StoredToken | undefined;
  /** Of gateway-config.json, as it is now. */
  readonly intervalMs: () => number;
  readonly clock: Scheduler;
  readonly log: Logger;
}

export interface StoredToken {
  readonly object: GatewayToken;
  readonly status: unknown;
}

const FIELD_MANAGER = 'mcpgateway-gatewaytoken-usage';
const TICK_MS = 1_000;
/** Far fewer than the client may send in that time, unless somebody set it very low. */
const WRITES_PER_TICK = 10;

/** Resolves when the signal is aborted. */
export function createUsageWriter({ client, usage, tokenOf, intervalMs, clock, log }: UsageWriterDeps): (signal: AbortSignal) => Promise<void> {
  /** UIDs of tokens that have something to be written; who has waited longest comes first. */
  const waiting = new Set<string>();
  /** Monotonic time before which nothing is written again. */
  const notBeforeMs = new Map<string, number>();

  return async function run(signal) {
    while (!signal.aborted) {
      await pause(clock, TICK_MS, signal);
      for (const uid of usage.takeChanged()) waiting.add(uid);
      for (const [uid, dueMs] of notBeforeMs) if (dueMs <= clock.monotonicMs()) notBeforeMs.delete(uid);
      await writeSome(signal);
    }
  };

  async function writeSome(signal: AbortSignal): Promise<void> {
    let writes = 0;
    for (const uid of [...waiting]) {
      if (writes >= WRITES_PER_TICK || signal.aborted) return;
      if (notBeforeMs.has(uid)) continue;
      if (await visit(uid, signal)) writes += 1;
    }
  }

  /** Whether something was sent to the API server. */
  async function visit(uid: string, signal: AbortSignal): Promise<boolean> {
    const nowMs = clock.nowMs();
    const due = observe(uid, nowMs);
    if (due === undefined) {
      waiting.delete(uid);
      return false;
    }
    const leftMs = waitMs(due.stored.status, nowMs);
    notBeforeMs.set(uid, clock.monotonicMs() + (leftMs > 0 ? leftMs : intervalMs()));
    if (leftMs > 0) return false;
    waiting.delete(uid);
    await write(due.stored.object, due.status, signal);
    return true;
  }

  /** `undefined`: the token is gone, or its status says all that is known. */
  function observe(uid: string, nowMs: number): { readonly stored: StoredToken; readonly status: UsageStatus } | undefined {
    const known = usage.of(uid);
    const stored = known === undefined ? undefined : tokenOf(known);
    if (known === undefined || stored === undefined || stored.object.metadata.uid !== uid) return undefined;
    const status = usageStatus(known, stored.object, stored.status, nowMs);
    return status === undefined ? undefined : { stored, status };
  }

  /** Another leader may have written it. No clock is wrong by a whole interval: then the time is somebody else's. */
  function waitMs(status: unknown, nowMs: number): number {
    const { asOfMs = -Infinity } = readUsageStatus(status);
    return asOfMs > nowMs + intervalMs() ? 0 : asOfMs + intervalMs() - nowMs;
  }

  async function write({ apiVersion, kind, metadata }: GatewayToken, status: UsageStatus, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid = '' } = metadata;
    try {
      // The UID is a precondition: one that was made again under its name was not used.
      await client.applyStatus(GATEWAY_TOKENS, { apiVersion, kind, metadata: { namespace, name, uid }, status }, { fieldManager: FIELD_MANAGER, force: true, signal });
    } catch (error) {
      if (signal.aborted || isNotFound(error) || isConflict(error)) return;
      // Safe to go on: nothing is lost, and it is tried again when the next one is due.
      log.warn('the use of a token was not written', { token: `${namespace}/${name}`, error });
      waiting.add(uid);
    }
  }
}
