/** Which pod asks, and whether it may have what it asks for: its own server's bundle and nothing else. */
import type { ServerName } from '../../api/bundle-stream.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createReviewCache } from './review-cache.ts';
import type { Review } from './review-cache.ts';
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
  /** Never throws: where nobody can say whose the token is, the answer is 503. */
  admit(authorization: string | undefined, server: ServerName): Promise<Admission>;
  /** Whether the pod is still there, the same one, and still labelled for this server. */
  isStillServed(pod: PodIdentity, server: ServerName): boolean;
}

/** A JWT, as the API server makes them; bounded, because everything else would cost a review. */
const BEARER = /^Bearer ([A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]{1,8192}\.[A-Za-z0-9_-]{1,2048})$/i;

/**
 * Guarantees of an admitted pod: its token is good, not expired and for this server; it is in the server's namespace;
 * this replica knows it under the same uid (a review accepts the token of a deleted pod for some seconds) and with the
 * label of this server.
 */
export function createPodAdmission(deps: { readonly review: Review; readonly podOf: PodLookup; readonly clock: Clock }): PodAdmission {
  const review = createReviewCache(deps.review, deps.clock);

  function isStillServed(pod: PodIdentity, server: ServerName): boolean {
    if (pod.namespace !== server.namespace) return false;
    const known = deps.podOf(pod.namespace, pod.name);
    return known !== undefined && known.uid === pod.uid && known.server === server.name;
  }

  return {
    isStillServed,
    async admit(authorization, server) {
      const token = BEARER.exec(authorization ?? '')?.[1];
      if (token === undefined) return { admitted: false, status: 401 };
      try {
        const reviewed = await review(token, server);
        if (reviewed === undefined) return { admitted: false, status: 401 };
        const pod = { namespace: reviewed.namespace, name: reviewed.podName, uid: reviewed.podUid };
        if (!isStillServed(pod, server)) return { admitted: false, status: 403 };
        return { admitted: true, pod, expiresAtMs: reviewed.expiresAtMs };
      } catch {
        // Whatever went wrong, nobody vouched for this token. The reviewer logs its own failures.
        return { admitted: false, status: 503 };
      }
    },
  };
}
