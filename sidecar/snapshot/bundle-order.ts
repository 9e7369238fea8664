/**
 * Which of two bundles was compiled from newer objects. The one place where resource versions are compared as numbers:
 * replicas see one API server, each with a delay of its own, and nothing else that it says orders what they saw. The API
 * server itself compares them so, etcd makes them ascend, and a restored etcd is announced by a higher epoch.
 */
import type { BundleOrder } from '../../api/bundle.ts';

export type OrderVerdict = 'older' | 'same' | 'newer' | 'mixed';

/**
 * `older`: nothing in `offered` is newer than what `have` was compiled from, and something is older. `mixed`: both. Only
 * objects are compared: how far a kind has been seen moves with every bookmark, and a replica that is behind in a kind
 * without missing anything of it has nothing older to say. An object that only one of them names decides nothing against
 * `offered` unless `offered` had not seen as much of its kind.
 */
export function compareOrders(have: BundleOrder, offered: BundleOrder): OrderVerdict {
  const verdicts = new Set([
    ...objectsOf(offered).map(([key, version]) => verdictOn(key, version, { have, offered })),
    ...objectsOf(have).flatMap(([key, version]) => {
      if (Object.hasOwn(offered, key)) return [];
      return hasNotSeen(offered, key, version) ? ['older'] : ['newer'];
    }),
  ]);
  if (verdicts.has('older')) return verdicts.has('newer') ? 'mixed' : 'older';
  return verdicts.has('newer') || verdicts.has('added') ? 'newer' : 'same';
}

function verdictOn(key: string, offered: string, orders: { readonly have: BundleOrder; readonly offered: BundleOrder }): 'older' | 'same' | 'newer' | 'added' {
  const have = orders.have[key];
  if (have === undefined) return mayHaveGone(key, offered, orders) ? 'older' : 'added';
  if (have === offered) return 'same';
  return isNewer(offered, have) ? 'newer' : 'older';
}

/** `have` had seen this version of the object and more of its kind than `offered`, and no longer names it. */
function mayHaveGone(key: string, version: string, { have, offered }: { readonly have: BundleOrder; readonly offered: BundleOrder }): boolean {
  const [seen, offeredSeen] = [have[kindOf(key)], offered[kindOf(key)]];
  return seen !== undefined && offeredSeen !== undefined && isNewer(seen, offeredSeen) && !isNewer(version, seen);
}

function objectsOf(order: BundleOrder): readonly (readonly [string, string])[] {
  return Object.entries(order).filter(([key]) => key.includes('/'));
}

/** Of each object the newest version that either names: for bundles that say the same. */
export function mergeOrders(one: BundleOrder, other: BundleOrder): BundleOrder {
  const newer = Object.entries(other).filter(([key, version]) => one[key] === undefined || isNewer(version, one[key]));
  return { ...one, ...Object.fromEntries(newer) };
}

/** As numbers, without making any: the shorter is the smaller, there are no leading zeros. */
export function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}

/** `order` says how far it had seen this kind, and that is not as far as this version. */
export function hasNotSeen(order: BundleOrder, key: string, version: string): boolean {
  const position = order[kindOf(key)];
  return position !== undefined && isNewer(version, position);
}

function kindOf(key: string): string {
  return key.split('/', 1)[0] ?? key;
}
