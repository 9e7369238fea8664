/**
 * Which of two bundles was compiled from newer objects. The one place where resource versions are compared as numbers:
 * replicas see one API server, each with a delay of its own, and nothing else that it says orders what they saw. The API
 * server itself compares them so, etcd makes them ascend, and a restored etcd is announced by a higher epoch.
 */
import type { BundleOrder } from '../../api/bundle.ts';

export type OrderVerdict = 'older' | 'same' | 'newer' | 'mixed';

/**
 * `older`: nothing in `offered` is newer than what `have` was compiled from, and something is older. `mixed`: both. An
 * object that only one of them names decides nothing against `offered` unless `offered` says that it had not seen it:
 * whoever holds back what was revoked looks at the tokens themselves.
 */
export function compareOrders(have: BundleOrder, offered: BundleOrder): OrderVerdict {
  const verdicts = new Set([
    ...Object.entries(offered).map(([key, version]) => compareVersions(have[key], version)),
    ...Object.entries(have).flatMap(([key, version]) => {
      if (Object.hasOwn(offered, key)) return [];
      return hasNotSeen(offered, key, version) ? ['older'] : ['newer'];
    }),
  ]);
  if (verdicts.has('older')) return verdicts.has('newer') ? 'mixed' : 'older';
  return verdicts.has('newer') || verdicts.has('added') ? 'newer' : 'same';
}

function compareVersions(have: string | undefined, offered: string): 'older' | 'same' | 'newer' | 'added' {
  if (have === undefined) return 'added';
  if (have === offered) return 'same';
  return isNewer(offered, have) ? 'newer' : 'older';
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
