/** Serving certificates for sidecars: the operator alone decides for which names. */
import type { ServerName } from '../api/bundle-stream.ts';
import { WireError } from '../api/bundle.ts';
import type { MCPServer } from '../api/v1alpha1/index.ts';
import type { Authority } from '../pki/authority.ts';
import { issueServingCertificate, UnusablePublicKey } from '../pki/authority.ts';
import type { RotationPlan } from '../pki/rotation.ts';
import type { Clock } from '../runtime/clock.ts';
import { unambiguousHosts } from './service-name.ts';

export interface CertificateIssuerDeps {
  readonly serverOf: (server: ServerName) => MCPServer | undefined;
  /** Names outside the cluster that the configuration gives this server. */
  readonly publicHosts: (server: MCPServer) => readonly string[];
  readonly authorities: () => RotationPlan<Authority>;
  readonly clock: Clock;
}

/** Short: a pod that is gone cannot serve for long, and nothing is revoked. */
export const SERVING_LIFETIME_MS = 24 * 3_600_000;

/** Who asks was admitted before: a live pod of this server. Throws a WireError for a key that is not signed. */
export function createCertificateIssuer({ serverOf, publicHosts, authorities, clock }: CertificateIssuerDeps): (server: ServerName, publicKeyPem: string) => Promise<string> {
  return async (name, publicKeyPem) => {
    const server = serverOf(name);
    const { signer } = authorities();
    if (server === undefined || signer === undefined) throw new Error('there is no server, or no authority, to issue a certificate for');
    try {
      const request = { publicKey: publicKeyPem, dnsNames: [...unambiguousHosts(server), ...publicHosts(server)], ipAddresses: [], nowMs: clock.nowMs(), lifetimeMs: SERVING_LIFETIME_MS };
      return (await issueServingCertificate(signer, request)).certificatePem;
    } catch (error) {
      if (error instanceof UnusablePublicKey) throw new WireError(error.message);
      throw error;
    }
  };
}
