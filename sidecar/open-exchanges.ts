/**
 * Every exchange that was permitted and is still open. When the snapshot changes each is judged again, and what is no
 * longer allowed is cut before `publish` returns.
 */
import type { Clock } from '../runtime/clock.ts';
import { Denial } from '../core/denial.ts';
import type { Message } from '../core/mcp/message.ts';
import { evaluate } from '../core/policy/evaluate.ts';
import type { CloseCause, Exchange } from './audit/exchange.ts';
import { requireLive } from './authenticate/gateway-token.ts';
import type { ServedGeneration, ServedServer, Snapshot } from './snapshot/snapshot.ts';

export interface OpenExchange {
  readonly exchange: Exchange;
  readonly message: Message;
  readonly presented: ServedGeneration;
  /** The server as of the newest snapshot that still allows this exchange; lists are filtered by it. */
  server: ServedServer;
  cut(cause: CloseCause, denial: Denial): void;
}

export interface OpenExchanges {
  add(open: OpenExchange): void;
  remove(open: OpenExchange): void;
  readonly size: number;
  /** Judges everything open by `next`; returns how many were cut. */
  rejudge(next: Snapshot): number;
  /** Cuts what has expired by now. */
  cutExpired(): void;
  cutAll(cause: CloseCause, denial: Denial, which: (open: OpenExchange) => boolean): void;
  /** Resolves when nothing is open. */
  idle(): Promise<void>;
}

export function createOpenExchanges(clock: Clock): OpenExchanges {
  const open = new Set<OpenExchange>();
  let waiting: (() => void)[] = [];

  function cutExpired(): void {
    const now = clock.nowMs();
    for (const each of open) {
      if (now < each.presented.generation.expiresAtMs) continue;
      each.cut('expired', new Denial('ERR_CREDENTIAL_EXPIRED', 'The credential is not valid.'));
    }
  }

  return {
    add: (each) => void open.add(each),
    remove(each) {
      open.delete(each);
      if (open.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    get size() {
      return open.size;
    },
    rejudge(next) {
      let cut = 0;
      for (const each of [...open]) {
        const verdict = judge(each, next, clock.nowMs());
        if (!('cause' in verdict)) {
          each.server = verdict;
          continue;
        }
        cut += 1;
        each.cut(verdict.cause, verdict.denial);
      }
      return cut;
    },
    cutExpired,
    cutAll(cause, denial, which) {
      for (const each of [...open]) if (which(each)) each.cut(cause, denial);
    },
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

interface Cut {
  readonly cause: CloseCause;
  readonly denial: Denial;
}

function judge(each: OpenExchange, next: Snapshot, nowMs: number): ServedServer | Cut {
  const uid = each.server.bundle.server.uid;
  const server = next.servers.get(uid);
  if (server === undefined) {
    return { cause: 'policy-changed', denial: new Denial('ERR_SERVER_NOT_ACCEPTED', 'The server is no longer served.') };
  }
  if (server.bundle.revision === each.server.bundle.revision) return server;
  const { generation, token } = each.presented;
  const known = server.generations.get(generation.id);
  if (known === undefined || known.token.uid !== token.uid || known.generation.sha256 !== generation.sha256) {
    return { cause: 'revoked', denial: new Denial('ERR_CREDENTIAL_REVOKED', 'The credential is not valid.') };
  }
  try {
    requireLive(known, nowMs);
  } catch (denial) {
    if (!(denial instanceof Denial)) throw denial;
    return { cause: denial.code === 'ERR_CREDENTIAL_EXPIRED' ? 'expired' : 'revoked', denial };
  }
  const decision = evaluate(known.principal, each.message, server.policy);
  if (decision.allowed) return server;
  return { cause: 'policy-changed', denial: new Denial(decision.code, decision.message, { rule: decision.rule }) };
}
