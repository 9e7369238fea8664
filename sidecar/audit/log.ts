/**
 * The audit log: one JSON line per decision, hash-chained, written in batches. What it cannot write it counts, and
 * says so in the log itself as soon as it can write again.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import { createBatchWriter } from './batch-writer.ts';
import type { Sink, Weight } from './batch-writer.ts';
import { createChain } from './chain.ts';
import type { Gateway } from './chain.ts';
import { renderEvent, renderGap, renderRefusals, renderStart, renderStop } from './event.ts';
import type { AuditEvent } from './event.ts';
import { outcome } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { createRecordRenderer } from './record.ts';
import type { Phase } from './codes.ts';
import { createRefusalRate } from './refusal-rate.ts';

/** No line is as long as this. */
export const MAX_LINE_BYTES = 8192;
const MAX_PEERS = 1024;
const ONE_RECORD: Weight = { records: 1, reported: 0 };

/** Told of every record and of every one that is missing. */
export interface AuditObserver {
  recorded(): void;
  dropped(records: number): void;
  /** A refusal that was counted instead of recorded one by one. */
  summarised(): void;
}

export interface AuditLogOptions {
  readonly write: Sink;
  readonly clock: Clock;
  readonly gateway: Gateway;
  readonly observer: AuditObserver;
  readonly limits: {
    readonly flushMs: number;
    readonly maxQueueBytes: number;
    readonly unauthenticatedPerPeerPerMinute: number;
  };
}

export interface AuditLog {
  /** A stream was decided upon and stays open: its decision is on record now, its end when `record` is called. */
  decide(exchange: Exchange): void;
  /** The exchange has ended. */
  record(exchange: Exchange): void;
  event(event: AuditEvent): void;
  flush(): Promise<void>;
  /** Writes what is counted and queued, then the last line. Anything after it is dropped and counted. */
  close(): Promise<void>;
}

/**
 * Guaranteed: a record is in the log or in the exact number of a later gap record, and a refusal of somebody unknown
 * is in the log or in the exact count of a summary. A killed process loses what it had not flushed, at most `flushMs`
 * of records, and the log then has no `audit.stop`.
 */
export function createAuditLog({ write, clock, gateway, observer, limits }: AuditLogOptions): AuditLog {
  if (limits.maxQueueBytes < 2 * MAX_LINE_BYTES) throw new TypeError('maxQueueBytes must hold two lines');
  const chain = createChain(clock, gateway);
  const render = createRecordRenderer();
  const refusals = createRefusalRate({ perPeer: limits.unauthenticatedPerPeerPerMinute, maxPeers: MAX_PEERS, clock });
  const writer = createBatchWriter({ sink: write, ...limits, onLost: countLost, onIdle: recordGap });
  let dropped = 0;
  let summaryTimer: NodeJS.Timeout | undefined;
  let closed = false;

  function countLost({ records, reported }: Weight): void {
    dropped += records + reported;
    if (records > 0) observer.dropped(records);
  }

  function recordGap(): void {
    if (dropped === 0) return;
    const missing = dropped;
    dropped = 0;
    writer.push(chain.append(renderGap(missing)), { records: 0, reported: missing });
  }

  function append(members: () => string): void {
    // Room for two: the gap record comes before the one that finds room again.
    if (closed || !writer.hasRoom(2 * MAX_LINE_BYTES)) {
      countLost(ONE_RECORD);
      return;
    }
    recordGap();
    writer.push(chain.append(members()), ONE_RECORD);
    observer.recorded();
  }

  function appendExchange(exchange: Exchange, phase: Phase): void {
    append(() => render(exchange, phase, clock.monotonicMs()));
  }

  function summarise(): void {
    clearTimeout(summaryTimer);
    summaryTimer = undefined;
    for (const summary of refusals.drain()) append(() => renderRefusals(summary));
  }

  function admitRefusal({ peer, denial }: Exchange): boolean {
    if (denial === undefined) return true;
    if (refusals.isOver()) summarise();
    if (refusals.admit(peer, denial.code)) return true;
    observer.summarised();
    // The summary must not keep a process alive: `close` writes it too.
    summaryTimer ??= setTimeout(summarise, refusals.remainingMs()).unref();
    return false;
  }

  append(() => renderStart(randomBytes(16).toString('hex')));

  return {
    decide(exchange) {
      exchange.decidedMonotonicMs = clock.monotonicMs();
      appendExchange(exchange, 'decide');
    },
    record(exchange) {
      const isStranger = exchange.principal === undefined && outcome(exchange) === 'denied';
      if (isStranger && !admitRefusal(exchange)) return;
      appendExchange(exchange, exchange.decidedMonotonicMs === undefined ? 'request' : 'close');
    },
    event: (event) => append(() => renderEvent(event)),
    flush: () => writer.flush(),
    async close() {
      summarise();
      append(renderStop);
      closed = true;
      await writer.flush();
    },
  };
}
