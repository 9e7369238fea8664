/**
 * How often strangers are refused. Within a minute each peer has so many refusals on record one by one; those beyond
 * are counted, exactly. Its memory is bounded: peers beyond the table share one place.
 */
import type { DenialCode } from '../../core/denial.ts';
import type { Clock } from '../../runtime/clock.ts';

export const WINDOW_MS = 60_000;
/** The place of all peers beyond the table. No address looks like this. */
export const OTHER_PEERS = '(other peers)';

export interface RefusalSummary {
  readonly peer: string;
  /** Refusals that are not on record one by one. */
  readonly count: number;
  readonly reasons: ReadonlyMap<DenialCode, number>;
}

export interface RefusalRate {
  /** True: put this one on record. False: it was counted. Call `drain` first when the window `isOver`. */
  admit(peer: string, code: DenialCode): boolean;
  isOver(): boolean;
  /** Time until the window ends. */
  remainingMs(): number;
  /** Ends the window: what was counted in it, one summary per peer. */
  drain(): readonly RefusalSummary[];
}

export interface RefusalRateOptions {
  readonly perPeer: number;
  readonly maxPeers: number;
  readonly clock: Clock;
}

interface Tally {
  admitted: number;
  count: number;
  readonly reasons: Map<DenialCode, number>;
}

export function createRefusalRate({ perPeer, maxPeers, clock }: RefusalRateOptions): RefusalRate {
  const peers = new Map<string, Tally>();
  let startedMs = clock.monotonicMs();

  function tallyOf(peer: string): Tally {
    const place = peers.has(peer) || peers.size < maxPeers ? peer : OTHER_PEERS;
    const known = peers.get(place);
    if (known !== undefined) return known;
    if (peers.size === 0) startedMs = clock.monotonicMs();
    const tally: Tally = { admitted: 0, count: 0, reasons: new Map() };
    peers.set(place, tally);
    return tally;
  }

  const remainingMs = (): number => startedMs + WINDOW_MS - clock.monotonicMs();
  return {
    admit(peer, code) {
      const tally = tallyOf(peer);
      if (tally.admitted < perPeer) {
        tally.admitted += 1;
        return true;
      }
      tally.count += 1;
      tally.reasons.set(code, (tally.reasons.get(code) ?? 0) + 1);
      return false;
    },
    isOver: () => peers.size > 0 && remainingMs() <= 0,
    remainingMs,
    drain() {
      const summaries = [...peers]
        .filter(([, tally]) => tally.count > 0)
        .map(([peer, { count, reasons }]) => ({ peer, count, reasons }));
      peers.clear();
      return summaries;
    },
  };
}
