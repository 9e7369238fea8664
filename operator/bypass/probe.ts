/** Whether a pod's server can be reached from here without its sidecar, with the sidecar's own port as positive control. */
import type { TryConnect } from '../../runtime/try-connect.ts';

/**
 * `Open`: the server's port answered on an address of the pod. `Blocked`: it did not, and the sidecar's port did, on every
 * address. `Unknown`: something did not answer at all, so that nothing follows from the server's silence.
 */
export type Reach = 'Open' | 'Blocked' | 'Unknown';

export interface ReachTarget {
  readonly ips: readonly string[];
  readonly serverPort: number;
  /** `undefined`: the pod has no sidecar. */
  readonly sidecarPort: number | undefined;
}

export async function probeReach({ ips, serverPort, sidecarPort }: ReachTarget, tryConnect: TryConnect, signal: AbortSignal): Promise<Reach> {
  const reaches = await Promise.all(ips.map(async (address): Promise<Reach> => {
    const control = sidecarPort === undefined ? 'Unanswered' : tryConnect({ address, port: sidecarPort }, signal);
    const outcome = await tryConnect({ address, port: serverPort }, signal);
    if (outcome === 'Connected') return 'Open';
    return (await control) === 'Connected' ? 'Blocked' : 'Unknown';
  }));
  if (reaches.includes('Open')) return 'Open';
  return reaches.length === 0 || reaches.includes('Unknown') ? 'Unknown' : 'Blocked';
}
