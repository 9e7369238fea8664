/**
 * What a service account token says of itself (RFC 7519, and the claims that the API server adds for a token bound to a
 * pod). Nothing here is verified: it decides whether a token is worth a review, never whether it is good.
 */
import { isRecord, own, ownString } from '../../manifest/record.ts';

export interface PodClaims {
  readonly audiences: readonly string[];
  /** When it ends, by the wall clock (RFC 7519 §4.1.4). */
  readonly expiresAtMs: number;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
}

/** `undefined` for everything that is no token of a pod. Never throws. */
export function readPodClaims(token: string): PodClaims | undefined {
  const claims = payloadOf(token);
  const bound = own(claims, 'kubernetes.io');
  const pod = own(bound, 'pod');
  const [namespace, podName, podUid] = [ownString(bound, 'namespace'), ownString(pod, 'name'), ownString(pod, 'uid')];
  const exp = own(claims, 'exp');
  if (namespace === undefined || podName === undefined || podUid === undefined) return undefined;
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined;
  return { audiences: audiencesIn(own(claims, 'aud')), expiresAtMs: exp * 1000, namespace, podName, podUid };
}

function payloadOf(token: string): unknown {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return isRecord(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** One or several (RFC 7519 §4.1.3). */
function audiencesIn(aud: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return all.filter((each) => typeof each === 'string');
}
