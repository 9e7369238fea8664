/**
 * What one replica of the operator has yet to be told. A report whose receipt is not certain is sent again as it was,
 * under its number, so that the replica counts it once; what comes meanwhile is merged and waits.
 */
import type { UsageReport } from '../../api/bundle-stream.ts';
import { STREAM_FORMAT } from '../../api/bundle-stream.ts';
import { cutReport, isNothing, mergeUsage, NO_USAGE } from './usage.ts';
import type { Usage } from './usage.ts';

export interface UsageOutbox {
  add(usage: Usage): void;
  /** Sends until nothing waits or a report is not taken, after what is being sent already. Never rejects. */
  send(post: Post): Promise<void>;
}

/** `refused`: this replica will never take it. Rejects where nobody knows whether it was taken. */
export type Post = (report: UsageReport) => Promise<'taken' | 'refused'>;

/** `refused`: is told of each report that is lost. */
export function createUsageOutbox(reporter: string, refused: (report: UsageReport) => void): UsageOutbox {
  let waiting = NO_USAGE;
  let underWay: UsageReport | undefined;
  let sequence = 0;
  let sending: Promise<void> = Promise.resolve();

  function next(): UsageReport | undefined {
    if (underWay !== undefined || isNothing(waiting)) return underWay;
    const { batch, uncounted, rest } = cutReport(waiting);
    waiting = rest;
    sequence += 1;
    return { format: STREAM_FORMAT, reporter, sequence, generations: batch, uncounted };
  }

  async function sendAll(post: Post): Promise<void> {
    for (underWay = next(); underWay !== undefined; underWay = next()) {
      if ((await post(underWay)) === 'refused') refused(underWay);
      underWay = undefined;
    }
  }

  return {
    add(usage) {
      waiting = mergeUsage(waiting, usage);
    },
    send(post) {
      // Whatever went wrong with the connection: the report is still under way, and the next call sends it again.
      sending = sending.then(() => sendAll(post)).catch(() => undefined);
      return sending;
    },
  };
}
