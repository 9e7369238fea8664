/**
 * What is in force, given what several replicas say at different delays: never anything older, and no token that was
 * revoked or withdrawn. Pure but for the state it keeps.
 */
import type { Bundle, BundleOrder } from '../../api/bundle.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import { compareOrders, hasNotSeen, isNewer, mergeOrders } from './bundle-order.ts';
import { buryGone, buryRevoked, expireTombstones, liftReturned, type Tombstones, withBuried, witness } from './tombstones.ts';

export interface Held {
  readonly epoch: number;
  /** As a replica sent it, with the newest order that any replica gave it. */
  readonly bundle?: Bundle;
  /** The server was retracted, as of this order, last by this stream. */
  readonly retracted?: { readonly order: BundleOrder; readonly stream: string };
  readonly tombstones: Tombstones;
}

export interface BundleOffer {
  /** Names one connection to one replica; what comes on one is in order. */
  readonly stream: string;
  readonly epoch: number;
  readonly bundle: Bundle;
}

export interface BundleAdmission {
  held(): Held;
  /** What requests are judged by; `undefined`: nothing is allowed. */
  effective(): Bundle | undefined;
  /** Whether the offer is, or already was, what is in force. Dead tokens are learnt from it either way. */
  offer(offer: BundleOffer, nowMs: number): boolean;
  /** Whether the server is retracted now. */
  retract(retraction: { readonly stream: string; readonly epoch: number; readonly order: BundleOrder }): boolean;
}

export const NOTHING_HELD: Held = { epoch: 0, tombstones: new Map() };

/** Guarantees that within one epoch a token, once seen revoked, is never effective again, whoever says so. */
export function createBundleAdmission(initial: Held, hashes: TokenHashes): BundleAdmission {
  let held = initial;
  let effective = effectiveOf(held, hashes);

  function become(next: Held): void {
    held = next;
    const found = effectiveOf(held, hashes);
    // The same content stays the same object.
    if (found === undefined || found.revision !== effective?.revision) effective = found;
  }

  return {
    held: () => held,
    effective: () => effective,
    offer({ stream, epoch, bundle }, nowMs) {
      if (epoch < held.epoch) return false;
      const base = epoch > held.epoch ? { epoch, tombstones: new Map() } : held;
      const known = expireTombstones(buryRevoked(base.tombstones, bundle), bundle, nowMs);
      const isAccepted = isAcceptable(base, bundle, stream);
      const tombstones = witness(isAccepted ? accept(base, bundle, known, stream) : refuse(base, bundle, known), bundle, stream);
      become(isAccepted ? { epoch, bundle: newestOf(base, bundle), tombstones } : { ...base, tombstones });
      return isAccepted;
    },
    retract({ stream, epoch, order }) {
      if (epoch < held.epoch) return false;
      const base: Held = epoch > held.epoch ? { epoch, tombstones: new Map() } : held;
      const have = base.retracted?.order ?? base.bundle?.order ?? {};
      if (compareOrders(have, { ...have, ...order }) === 'older' || hasNotSeenServer(base.bundle, order)) return false;
      // How far servers had been seen is only known if the retraction says so: what went before it says too little.
      const { MCPServer: _seenBefore, ...known } = have;
      become({ ...base, retracted: { order: mergeOrders(known, order), stream } });
      return true;
    },
  };
}

function effectiveOf({ bundle, retracted, tombstones }: Held, hashes: TokenHashes): Bundle | undefined {
  return bundle === undefined || retracted !== undefined ? undefined : withBuried(bundle, tombstones, hashes);
}

function isAcceptable({ bundle: have, retracted }: Held, offered: Bundle, stream: string): boolean {
  if (retracted !== undefined) return retracted.stream === stream || isPast(retracted.order, offered);
  if (have === undefined || have.revision === offered.revision) return true;
  const verdict = compareOrders(have.order, offered.order);
  return verdict === 'newer' || verdict === 'same';
}

/** Only what has seen more of servers than the retraction ends it: a server changed, or all servers seen that far. */
function isPast(retracted: BundleOrder, bundle: Bundle): boolean {
  const { order } = bundle;
  const own = serverKeyOf(bundle);
  if (compareOrders(retracted, { ...retracted, ...order }) === 'older') return false;
  const changed = order[own] !== undefined && retracted[own] !== undefined && isNewer(order[own], retracted[own]);
  const seen = order['MCPServer'] !== undefined && retracted['MCPServer'] !== undefined && !isNewer(retracted['MCPServer'], order['MCPServer']);
  return changed || seen;
}

function accept({ bundle: have }: Held, offered: Bundle, known: Tombstones, stream: string): Tombstones {
  const lifted = liftReturned(known, offered, stream);
  return have === undefined ? lifted : buryGone(lifted, have, offered);
}

/** A bundle that is older in one respect and newer in another is not taken; what it proves to be gone is. */
function refuse({ bundle: have }: Held, offered: Bundle, known: Tombstones): Tombstones {
  if (have === undefined || offered.order['GatewayToken'] === undefined) return known;
  const own = serverKeyOf(have);
  // A server that is not seen as it is now may admit fewer tokens than it does.
  if (isNewer(have.order[own] ?? '0', offered.order[own] ?? '0')) return known;
  const unseen = have.tokens.filter(({ namespace, name }) => {
    const key = `GatewayToken/${namespace}/${name}`;
    const version = have.order[key];
    return version === undefined || hasNotSeen(offered.order, key, version);
  });
  return buryGone(known, have, { ...offered, tokens: [...offered.tokens, ...unseen] });
}

function newestOf({ bundle: have }: Held, offered: Bundle): Bundle {
  if (have === undefined || have.revision !== offered.revision) return offered;
  return { ...have, order: mergeOrders(have.order, offered.order) };
}

function hasNotSeenServer(have: Bundle | undefined, order: BundleOrder): boolean {
  if (have === undefined) return false;
  const key = serverKeyOf(have);
  const version = have.order[key];
  return version !== undefined && hasNotSeen(order, key, version);
}

function serverKeyOf({ server }: Bundle): string {
  return `MCPServer/${server.namespace}/${server.name}`;
}
