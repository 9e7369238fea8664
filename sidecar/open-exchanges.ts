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
  /** Credential and server as of the newest snapshot, which still allows this exchange: lists and expiry go by it. */
  presented: ServedGeneration;
  server: ServedServer;
  cut(cause: CloseCause, denial: Denial): void;
  /** Where it is in the list of what is open; only that list reads and sets it. */
  place?: number;
}

export interface OpenExchanges {
  add(open: OpenExchange): void;
  remove(open: OpenExchange): void;
  /** Judges everything open by `next`; returns how many were cut, by UID of the token. */
  rejudge(next: Snapshot): ReadonlyMap<string, number>;
  /** Cuts what has expired by now. */
  cutExpired(): void;
  cutAll(cause: CloseCause, denial: Denial, which: (open: OpenExchange) => boolean): void;
}

export function createOpenExchanges(clock: Clock): OpenExchanges {
  // Not a Set: the tables that V8 leaves behind as one changes keep most ended exchanges in memory until a full collection.
  const open: OpenExchange[] = [];

  function remove(each: OpenExchange): void {
    const { place } = each;
    if (place === undefined || open[place] !== each) return;
    const last = open.pop();
    if (last === undefined || last === each) return;
    open[place] = last;
    last.place = place;
  }

  function cutExpired(): void {
    const now = clock.nowMs();
    for (const each of [...open]) {
      if (now < each.presented.generation.expiresAtMs) continue;
      each.cut('expired', new Denial('ERR_CREDENTIAL_EXPIRED', 'The credential is not valid.'));
    }
  }

  return {
    add(each) {
      each.place = open.push(each) - 1;
    },
    remove,
    rejudge(next) {
      const cut = new Map<string, number>();
      for (const each of [...open]) {
        const verdict = judge(each, next, clock.nowMs());
        if (!('cause' in verdict)) {
          each.server = verdict.server;
          each.presented = verdict.presented;
          continue;
        }
        const { uid } = each.presented.token;
        cut.set(uid, (cut.get(uid) ?? 0) + 1);
        each.cut(verdict.cause, verdict.denial);
      }
      return cut;
    },
    cutExpired,
    cutAll(cause, denial, which) {
      for (const each of [...open]) if (which(each)) each.cut(cause, denial);
    },
  };
}

interface Cut {
  readonly cause: CloseCause;
  readonly denial: Denial;
}

function judge(each: OpenExchange, next: Snapshot, nowMs: number): Pick<OpenExchange, 'server' | 'presented'> | Cut {
  const uid = each.server.bundle.server.uid;
  const server = next.servers.get(uid);
  if (server === undefined) {
    return { cause: 'policy-changed', denial: new Denial('ERR_SERVER_NOT_ACCEPTED', 'The server is no longer served.') };
  }
  if (server.bundle.revision === each.server.bundle.revision) return { server, presented: each.presented };
  const known = server.generations.get(each.presented.generation.id);
  if (known === undefined || !isSameBearer(known, each.presented)) {
    return { cause: 'revoked', denial: new Denial('ERR_CREDENTIAL_REVOKED', 'The credential is not valid.') };
  }
  try {
    requireLive(known, nowMs);
  } catch (denial) {
    if (!(denial instanceof Denial)) throw denial;
    return { cause: denial.code === 'ERR_CREDENTIAL_EXPIRED' ? 'expired' : 'revoked', denial };
  }
  const denial = objection(each, known, server);
  return denial === undefined ? { server, presented: known } : { cause: 'policy-changed', denial };
}

/** Why a live credential may not go on with what it began. */
function objection(each: OpenExchange, known: ServedGeneration, server: ServedServer): Denial | undefined {
  const decision = evaluate(known.principal, each.message, server.policy);
  if (!decision.allowed) return new Denial(decision.code, decision.message, { rule: decision.rule });
  if (!isEndless(each) || isSameIdentity(known, each.presented)) return undefined;
  return new Denial('ERR_IDENTITY_CHANGED', 'The identity has changed; open the stream again.');
}

/** Streams that a server keeps open for its own events never end by themselves; clients open them anew. */
export function isEndless({ message }: OpenExchange): boolean {
  if (message.kind === 'stream') return true;
  return message.kind === 'single' && message.entry.kind === 'request' && message.entry.method === 'subscriptions/listen';
}

/** A server acts for hours on the groups and roles it was told at the start of a stream; a call ends with what it began with. */
function isSameIdentity(known: ServedGeneration, presented: ServedGeneration): boolean {
  return JSON.stringify(known.identityHeaders) === JSON.stringify(presented.identityHeaders);
}

/** The upstream was told who is asking when the exchange began: a credential that now speaks for another is not it. */
function isSameBearer(known: ServedGeneration, presented: ServedGeneration): boolean {
  const sameCredential = known.token.uid === presented.token.uid && known.generation.sha256 === presented.generation.sha256;
  return sameCredential && known.principal.issuer === presented.principal.issuer && known.principal.subject === presented.principal.subject;
}
