/** Certificates with which the sidecars of one server know each other: the operator alone decides whom they name. */
import type { ServerName } from '../api/bundle-stream.ts';
import { WireError } from '../api/wire-shape.ts';
import { peerPodName, peerServerName } from '../api/peer-name.ts';
import type { Authority } from '../pki/authority.ts';
import { issuePeerCertificate, UnusablePublicKey } from '../pki/authority.ts';
import type { RotationPlan } from '../pki/rotation.ts';
import type { Clock } from '../runtime/clock.ts';

export interface PeerCertificateIssuerDeps {
  /** `undefined`: there is no such server. */
  readonly serverUidOf: (server: ServerName) => string | undefined;
  readonly authorities: () => RotationPlan<Authority>;
  readonly clock: Clock;
}

/** Short: a pod that is gone is nobody's peer for long, and nothing is revoked. */
export const PEER_LIFETIME_MS = 24 * 3_600_000;

export type PeerCertificateIssuer = (server: ServerName, publicKeyPem: string, pod: { readonly uid: string }) => Promise<string>;

/** Who asks was admitted before: a live pod of this server, by this UID. Throws a WireError for a key that is not signed. */
export function createPeerCertificateIssuer({ serverUidOf, authorities, clock }: PeerCertificateIssuerDeps): PeerCertificateIssuer {
  return async (server, publicKeyPem, pod) => {
    const serverUid = serverUidOf(server);
    const { signer } = authorities();
    if (serverUid === undefined || signer === undefined) throw new Error('there is no server, or no authority, to issue a certificate for');
    const dnsNames = [peerPodName(serverUid, pod.uid), peerServerName(serverUid)];
    try {
      const request = { publicKey: publicKeyPem, dnsNames, ipAddresses: [], nowMs: clock.nowMs(), lifetimeMs: PEER_LIFETIME_MS };
      return (await issuePeerCertificate(signer, request)).certificatePem;
    } catch (error) {
      if (error instanceof UnusablePublicKey) throw new WireError(error.message);
      throw error;
    }
  };
}
