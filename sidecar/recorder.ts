/** Decision, audit line, log line and metric of an exchange are made together, here, with the same labels. */
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/log.ts';
import type { AuditEvent } from './audit/event.ts';
import type { AuditLog } from './audit/log.ts';
import type { Exchange } from './audit/exchange.ts';
import type { SidecarMetrics } from './metrics.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import type { TokenChange } from './snapshot/token-changes.ts';
import type { UsageCounter } from './usage/tally.ts';

export interface Recorder {
  /** The head of an event stream has been sent: its decision is on record before its end. */
  streamStarted(exchange: Exchange): void;
  /** The connection has taken the whole answer, or is gone. Called once per exchange. */
  closed(exchange: Exchange): void;
  /** A fault of the gateway itself; the client was told nothing of it. */
  failed(exchange: Exchange, cause: unknown): void;
  /** Bytes that never became a request; `code` is from a closed set. */
  malformed(peer: string, code: string): void;
  /** `cut`: how many open exchanges were ended, by UID of the token. */
  snapshotApplied(next: Snapshot, changes: readonly TokenChange[], cut: ReadonlyMap<string, number>): void;
}

export interface RecorderDeps {
  readonly audit: AuditLog;
  readonly metrics: SidecarMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Absent: nobody asks what was done with tokens. */
  readonly usage?: UsageCounter | undefined;
}

export function createRecorder({ audit, metrics, log, clock, usage }: RecorderDeps): Recorder {
  return {
    streamStarted(exchange) {
      metrics.streamOpened();
      audit.decide(exchange);
      usage?.count(exchange, Math.floor(clock.nowMs()));
    },
    closed(exchange) {
      if (exchange.decidedMonotonicMs !== undefined) {
        metrics.streamClosed();
        if (isCut(exchange)) metrics.streamCut(exchange.closeCause);
      } else {
        usage?.count(exchange, Math.floor(clock.nowMs()));
      }
      metrics.observe(exchange, clock.monotonicMs() - exchange.startedMonotonicMs);
      audit.record(exchange);
    },
    failed(exchange, cause) {
      log.error('a request failed inside the gateway', { requestId: exchange.id, error: cause });
    },
    malformed(peer, code) {
      metrics.malformed(code);
      log.debug('not a request', { peer, code });
    },
    snapshotApplied(next, changes, cut) {
      const servers = [...next.servers.values()].map(({ label, bundle }) => ({ server: label, revision: bundle.revision }));
      metrics.served(servers);
      metrics.policyConfirmed();
      for (const change of changes) audit.event(eventOf(change, cut.get(change.uid) ?? 0));
      const exchangesCut = [...cut.values()].reduce((sum, count) => sum + count, 0);
      log.info('policy in force', { revision: next.revision, servers: servers.length, exchangesCut });
    },
  };
}

function eventOf({ kind, uid, name, generation }: TokenChange, streamsCut: number): AuditEvent {
  const credential = { uid, name, ...(generation === undefined ? {} : { generation }) };
  return kind === 'token.minted' || kind === 'token.rotated' ? { kind, credential } : { kind, credential, streamsCut };
}

function isCut(exchange: Exchange): exchange is Exchange & { closeCause: NonNullable<Exchange['closeCause']> } {
  const { closeCause } = exchange;
  return closeCause === 'revoked' || closeCause === 'expired' || closeCause === 'policy-changed' || closeCause === 'stale' || closeCause === 'shutdown';
}
