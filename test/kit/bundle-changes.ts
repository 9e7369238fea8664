/** Bundles with their true revision, and the changes that tests make to them. */
import type { Bundle, BundleToken } from '../../api/bundle.ts';
import { byUid, revisionOf } from '../../core/bundle/revision.ts';
import { aBundle, aToken } from './bundles.ts';

/** Of server `default/server`; objects are as of `version`. */
export function aRevision(names: readonly string[], version = 1, more: Readonly<Record<string, string>> = {}): Bundle {
  const tokens = names.map((name) => aToken({ name, expiresAtMs: 4_000_000_000_000 }).token);
  const order = Object.fromEntries(names.map((name) => [`GatewayToken/default/${name}`, String(version)]));
  return sealed({ ...aBundle({ port: 3000 }), tokens, order: { 'MCPServer/default/server': String(version), ...order, ...more } });
}

export function sealed(bundle: Bundle): Bundle {
  const sorted = { ...bundle, tokens: [...bundle.tokens].sort(byUid) };
  return { ...sorted, revision: revisionOf(sorted) };
}

export function withTokens(bundle: Bundle, change: (tokens: readonly BundleToken[]) => readonly BundleToken[], order: Readonly<Record<string, string>> = {}): Bundle {
  return sealed({ ...bundle, tokens: change(bundle.tokens), order: { ...bundle.order, ...order } });
}

/** As the operator sends it once the token says `revoked`, at this version. */
export function revoking(bundle: Bundle, name: string, version: number): Bundle {
  return withTokens(bundle, (tokens) => tokens.map((token) => (token.name === name ? { ...token, revoked: true } : token)), {
    [`GatewayToken/default/${name}`]: String(version),
  });
}

/** As the operator sends it once the token is deleted. */
export function without(bundle: Bundle, name: string, order: Readonly<Record<string, string>> = {}): Bundle {
  const left = Object.fromEntries(Object.entries(bundle.order).filter(([key]) => key !== `GatewayToken/default/${name}`));
  return sealed({ ...bundle, tokens: bundle.tokens.filter((token) => token.name !== name), order: { ...left, ...order } });
}
