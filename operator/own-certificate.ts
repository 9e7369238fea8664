/** The certificate of the operator's own endpoints, replaced long before it ends and when another authority signs. */
import { ConfigError } from '../core/config-error.ts';
import type { Authority, ServingPair, ServingRequest } from '../pki/authority.ts';
import { issueServingPair } from '../pki/authority.ts';
import type { RotationPlan } from '../pki/rotation.ts';
import type { Clock } from '../runtime/clock.ts';

export interface OwnCertificateOptions extends Pick<ServingRequest, 'dnsNames' | 'ipAddresses' | 'lifetimeMs'> {
  readonly clock: Pick<Clock, 'nowMs'>;
}

export interface OwnCertificate {
  readonly first: ServingPair;
  /** Another one, where it is due; `undefined`: the former is still good. */
  renew(plan: RotationPlan<Authority>): Promise<ServingPair | undefined>;
}

/** Part of its life after which a certificate is replaced. */
const RENEWAL = 2 / 3;

/** Throws a ConfigError where no authority can sign. */
export async function openOwnCertificate(plan: RotationPlan<Authority>, { clock, ...options }: OwnCertificateOptions): Promise<OwnCertificate> {
  let signedBy = signerOf(plan);
  let issuedAtMs = clock.nowMs();
  const issue = (signer: Authority, nowMs: number): Promise<ServingPair> => issueServingPair(signer, { ...options, nowMs });

  return {
    first: await issue(signedBy, issuedAtMs),
    async renew(next) {
      const signer = signerOf(next);
      const nowMs = clock.nowMs();
      const ageMs = nowMs - issuedAtMs;
      // A clock that was set back would otherwise put the renewal off.
      const isYoung = ageMs >= 0 && ageMs < options.lifetimeMs * RENEWAL;
      if (isYoung && signer.certificatePem === signedBy.certificatePem) return undefined;
      const pair = await issue(signer, nowMs);
      signedBy = signer;
      issuedAtMs = nowMs;
      return pair;
    },
  };
}

function signerOf({ signer }: RotationPlan<Authority>): Authority {
  if (signer === undefined) throw new ConfigError(['the stored authority has expired: delete its Secret to begin anew']);
  return signer;
}
