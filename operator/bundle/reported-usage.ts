/** A report of usage, cut down to what the pod that sent it can know of: the tokens of its own server's bundle. */
import type { UsageReport } from '../../api/bundle-stream.ts';
import type { Bundle, BundleToken } from '../../api/bundle.ts';
import type { PodIdentity } from './store.ts';

export interface ReportedUsage {
  readonly pod: PodIdentity;
  /** Only of `tokens`. */
  readonly report: UsageReport;
  /** Those of the bundle of the pod's server, by UID. */
  readonly tokens: ReadonlyMap<string, BundleToken>;
}

export type UsageFilter = (pod: PodIdentity, report: UsageReport, bundle: Bundle | undefined) => ReportedUsage;

/** Without a bundle there is no token that the pod can know of. */
export function createUsageFilter(): UsageFilter {
  /** The tokens of a bundle are many, and every one of its pods reports. */
  const indexes = new WeakMap<Bundle, ReadonlyMap<string, BundleToken>>();

  function tokensOf(bundle: Bundle): ReadonlyMap<string, BundleToken> {
    const index = indexes.get(bundle) ?? new Map(bundle.tokens.map((token) => [token.uid, token]));
    indexes.set(bundle, index);
    return index;
  }

  return (pod, report, bundle) => {
    const tokens = bundle === undefined ? new Map<string, BundleToken>() : tokensOf(bundle);
    return { pod, tokens, report: { ...report, generations: report.generations.filter(({ uid }) => tokens.has(uid)) } };
  };
}
