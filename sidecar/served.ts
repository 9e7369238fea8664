/** From bundles to what is served: each with the credentials of its upstream. Pure. */
import type { Bundle } from '../api/bundle.ts';
import type { ServedBundle, UpstreamHeader } from './snapshot/snapshot.ts';
import type { SecretLookup } from './upstream-secrets.ts';

/** A bundle with any credential missing gets none at all: its server denies until the Secret is there. */
export function servedBundles(bundles: readonly Bundle[], secrets: SecretLookup): readonly ServedBundle[] {
  return bundles.map((bundle) => ({ bundle, upstreamHeaders: upstreamHeadersOf(bundle, secrets) }));
}

function upstreamHeadersOf(bundle: Bundle, lookup: SecretLookup): readonly UpstreamHeader[] | undefined {
  const headers: UpstreamHeader[] = [];
  for (const { header, prefix, secret } of bundle.upstream.credentials) {
    const value = lookup(bundle.server.namespace, secret.name, secret.key);
    if (value === undefined) return undefined;
    headers.push({ name: header, value: `${prefix}${value}`, reference: `secret/${secret.name}#${secret.key}` });
  }
  return headers;
}
