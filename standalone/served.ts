/** From the state of the directory to what the sidecar serves: bundles with the credentials of their upstreams. Pure. */
import type { Bundle } from '../api/bundle.ts';
import type { ServedBundle, UpstreamHeader } from '../sidecar/snapshot/snapshot.ts';
import type { DirectoryState } from './directory-state.ts';

/** A bundle with any credential missing gets none at all: its server denies until the Secret is there. */
export function servedBundles({ bundles, secrets }: Pick<DirectoryState, 'bundles' | 'secrets'>): readonly ServedBundle[] {
  return bundles.map((bundle) => ({ bundle, upstreamHeaders: upstreamHeadersOf(bundle, secrets) }));
}

function upstreamHeadersOf(bundle: Bundle, lookup: DirectoryState['secrets']): readonly UpstreamHeader[] | undefined {
  const headers: UpstreamHeader[] = [];
  for (const { header, prefix, secret } of bundle.upstream.credentials) {
    const value = lookup(bundle.server.namespace, secret.name, secret.key);
    if (value === undefined) return undefined;
    headers.push({ name: header, value: `${prefix}${value}`, reference: `secret/${secret.name}#${secret.key}` });
  }
  return headers;
}
