/** Which pod asks, and whether it may have what it asks for: its own server's bundle and nothing else. */
import { bundleAudience } from '../../api/bundle-stream.ts';
import type { ServerName } from '../../api/bundle-stream.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readPodClaims } from './pod-claims.ts';
import type { PodClaims } from './pod-claims.ts';
import { createReviewCache } from './review-cache.ts';
import type { Review, ReviewedPod } from './review-cache.ts';
import type { PodIdentity } from './store.ts';

/** What this replica's own copy of the cluster says of a pod. */
export interface KnownPod {
  readonly uid: string;
  /** The value of its label that names its MCPServer. */
  readonly server: string | undefined;
}

/** `undefined`: there is no such pod. */
export type PodLookup = (namespace: string, name: string) => KnownPod | undefined;

export type Admission =
  | { readonly admitted: true; readonly pod: PodIdentity; readonly expiresAtMs: number }
  | { readonly admitted: false; readonly status: 401 | 403 | 503 };

export interface PodAdmission {
  /** `peer`: the address it came from, unless that hung up already. Never throws: where nobody can say whose the token is, the answer is 503. */
  admit(authorization: string | undefined, server: ServerName, peer: string | undefined): Promise<Admission>;
  /** Whether the pod is still there, the same one, and still labelled for this server. */
  isStillServed(pod: PodIdentity, server: ServerName): boolean;
}

/** A JWT, as the API server makes them; bounded. */
const BEARER = /^Bearer ([A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]{1,8192}\.[A-Za-z0-9_-]{1,2048})$/i;

/**
 * Guarantees of an admitted pod: its token is good, not expired and for this server; it is in the server's namespace;
 * this replica knows it under the same uid (a review accepts the token of a deleted pod for some seconds) and with the
 * label of this server. A token that does not even claim all that is refused without asking the API server: what a
 * stranger can make the operator ask is bounded by review-cache.ts, and only who knows a live pod of this server can.
 */
export function createPodAdmission(deps: { readonly review: Review; readonly podOf: PodLookup; readonly clock: Clock }): PodAdmission {
  const review = createReviewCache(deps.review, deps.clock);

  function isStillServed(pod: PodIdentity, server: ServerName): boolean {
    if (pod.namespace !== server.namespace) return false;
    const known = deps.podOf(pod.namespace, pod.name);
    return known !== undefined && known.uid === pod.uid && known.server === server.name;
  }

  function isWorthAReview({ audiences, expiresAtMs }: PodClaims, server: ServerName): boolean {
    return audiences.includes(bundleAudience(server)) && expiresAtMs > deps.clock.nowMs();
  }

  return {
    isStillServed,
    async admit(authorization, server, peer = '') {
      const token = tokenIn(authorization);
      const claims = readPodClaims(token);
      if (claims === undefined || !isWorthAReview(claims, server)) return { admitted: false, status: 401 };
      if (!isStillServed(identityOf(claims), server)) return { admitted: false, status: 403 };
      try {
        const reviewed = await review(token, server, peer);
        if (reviewed === undefined) return { admitted: false, status: 401 };
        const pod = identityOf(reviewed);
        if (!isStillServed(pod, server)) return { admitted: false, status: 403 };
        return { admitted: true, pod, expiresAtMs: claims.expiresAtMs };
      } catch {
        // Whatever went wrong, nobody vouched for this token. The reviewer logs its own failures.
        return { admitted: false, status: 503 };
      }
    },
  };
}

/** Empty where there is none. */
function tokenIn(authorization = ''): string {
  return BEARER.exec(authorization)?.[1] ?? '';
}

function identityOf({ namespace, podName, podUid }: ReviewedPod): PodIdentity {
  return { namespace, name: podName, uid: podUid };
}
