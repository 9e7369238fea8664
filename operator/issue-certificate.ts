/** Serving certificates for sidecars: the operator alone decides for which names. */
import type { ServerName } from '../api/bundle-stream.ts';
import { WireError } from '../api/wire-shape.ts';
import type { MCPServer } from '../api/v1alpha1/index.ts';
import type { Authority } from '../pki/authority.ts';
import { issueServingCertificate, UnusablePublicKey } from '../pki/authority.ts';
import type { RotationPlan } from '../pki/rotation.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KubeClient } from './kube/client.ts';
import { SERVICES } from './kube/resources.ts';
import { isOwnedBy } from './ownership.ts';
import { serviceName, unambiguousHosts } from './service-name.ts';

export interface CertificateIssuerDeps {
  readonly client: Pick<KubeClient, 'get'>;
  readonly serverOf: (server: ServerName) => MCPServer | undefined;
  /** Names outside the cluster that the configuration gives this server. */
  readonly publicHosts: (server: MCPServer) => readonly string[];
  readonly authorities: () => RotationPlan<Authority>;
  readonly clock: Clock;
}

/** Short: a pod that is gone cannot serve for long, and nothing is revoked. */
export const SERVING_LIFETIME_MS = 24 * 3_600_000;

/**
 * Who asks was admitted before: a live pod of this server. Guaranteed: the Service whose names are signed was this server's
 * own when it was asked for; who cannot be asked, or has none, signs nothing. Throws a WireError for a key that is not signed.
 */
export function createCertificateIssuer({ client, serverOf, publicHosts, authorities, clock }: CertificateIssuerDeps): (server: ServerName, publicKeyPem: string) => Promise<string> {
  return async (name, publicKeyPem) => {
    const server = serverOf(name);
    const { signer } = authorities();
    if (server === undefined || signer === undefined) throw new Error('there is no server, or no authority, to issue a certificate for');
    await requireOwnService(client, server);
    try {
      const request = { publicKey: publicKeyPem, dnsNames: [...unambiguousHosts(server), ...publicHosts(server)], ipAddresses: [], nowMs: clock.nowMs(), lifetimeMs: SERVING_LIFETIME_MS };
      return (await issueServingCertificate(signer, request)).certificatePem;
    } catch (error) {
      if (error instanceof UnusablePublicKey) throw new WireError(error.message);
      throw error;
    }
  };
}

/** Asked of the API server by every replica: only the leader writes Services, and what it found is not known to the others. */
async function requireOwnService(client: Pick<KubeClient, 'get'>, server: MCPServer): Promise<void> {
  const { namespace, uid } = server.metadata;
  const service = await client.get(SERVICES, { namespace, name: serviceName(server) });
  if (uid === undefined || !isOwnedBy(service, uid)) throw new Error('the Service of this name was not made for this server');
}
