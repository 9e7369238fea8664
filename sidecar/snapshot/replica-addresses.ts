/** Which replicas there are: asked again and again, with one follower for each. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../runtime/log.ts';

export interface ReplicaAddressesDeps {
  readonly everyMs: number;
  readonly resolve: () => Promise<readonly string[]>;
  readonly log: Logger;
  /** Until its signal aborts: the address is no replica's any more. */
  readonly follow: (address: string, gone: AbortSignal) => Promise<void>;
}

/** More replicas than anyone runs; a name that resolves to more is not ours. */
const MAX_REPLICAS = 16;

/** Resolves when `signal` has aborted and every follower has ended. */
export async function keepResolving({ everyMs, resolve, log, follow }: ReplicaAddressesDeps, signal: AbortSignal): Promise<void> {
  const followers = new Map<string, { readonly gone: AbortController; readonly ended: Promise<void> }>();

  function begin(address: string): void {
    const gone = new AbortController();
    const ended = follow(address, AbortSignal.any([signal, gone.signal])).finally(() => followers.delete(address));
    followers.set(address, { gone, ended });
  }

  function become(found: ReadonlySet<string>): void {
    for (const [address, { gone }] of followers) if (!found.has(address)) gone.abort();
    for (const address of found) if (!followers.has(address)) begin(address);
  }

  while (!signal.aborted) {
    try {
      const found = new Set((await resolve()).slice(0, MAX_REPLICAS));
      if (!signal.aborted) become(found);
    } catch (cause) {
      // Those that are known may well be there: a name service that fails ends no stream.
      log.warn('the replicas of the operator cannot be resolved', { cause });
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all([...followers.values()].map(({ ended }) => ended));
}
