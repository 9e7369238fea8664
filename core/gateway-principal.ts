/** The principal that the bearer of one generation of a gateway token is. */
import type { BundleGeneration, BundleToken } from '../api/bundle.ts';
import type { Principal } from './principal.ts';

/** Says who the bearer is if the credential is genuine. Does not look at revocation or expiry. */
export function gatewayPrincipal(token: BundleToken, generation: BundleGeneration): Principal {
  return {
    issuer: `gateway-tokens/${token.namespace}`,
    subject: token.identity.user,
    from: 'gatewayTokens',
    method: token.type === 'Bearer' ? 'bearer' : 'api-key',
    identity: token.identity,
    credential: {
      uid: token.uid,
      name: `${token.namespace}/${token.name}`,
      generation: generation.id,
      expiresAtMs: generation.expiresAtMs,
    },
  };
}
