/** With what this sidecar proves itself to the others of its server, and whom it believes to be one of them. */
import { X509Certificate } from 'node:crypto';
import { peerPodName, peerServerName } from '../../api/peer-name.ts';

/** One value, swapped whole. PEM texts. */
export interface PeerTrust {
  readonly cert: string;
  readonly key: string;
  /** Never empty: without any, Node would believe the public authorities. */
  readonly authorities: readonly string[];
  readonly serverUid: string;
}

/** What both ends of a connection between peers have in common. */
export const PEER_TLS = { minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'] } as const;

/** No wildcards, no parts of names, and never the subject: names are compared whole. */
const EXACTLY = { subject: 'never', wildcards: false, partialWildcards: false, singleLabelSubdomains: false } as const;

/**
 * Guaranteed: one of these authorities issued it to a sidecar of this server, and it is within its dates. Not judged:
 * whether whoever shows it has its key; the handshake did.
 */
export function isOfPeer(certificate: X509Certificate, { authorities, serverUid }: Pick<PeerTrust, 'authorities' | 'serverUid'>, nowMs: number): boolean {
  if (certificate.checkHost(peerServerName(serverUid), EXACTLY) === undefined) return false;
  if (nowMs < Date.parse(certificate.validFrom) || nowMs >= Date.parse(certificate.validTo)) return false;
  return authorities.map((pem) => new X509Certificate(pem)).some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
}

/** As isOfPeer, for the sidecar of one pod. */
export function isOfPod(certificate: X509Certificate, trust: Pick<PeerTrust, 'authorities' | 'serverUid'> & { readonly podUid: string }, nowMs: number): boolean {
  return isOfPeer(certificate, trust, nowMs) && certificate.checkHost(peerPodName(trust.serverUid, trust.podUid), EXACTLY) !== undefined;
}
