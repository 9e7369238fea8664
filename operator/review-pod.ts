/** Whose a sidecar's token is, by the API server: a TokenReview for the audience of one server. */
import { bundleAudience } from '../api/bundle-stream.ts';
import type { Review } from './bundle/review-cache.ts';
import type { KubeClient } from './kube/client.ts';

const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';
const SERVICE_ACCOUNT = /^system:serviceaccount:([a-z0-9-]{1,63}):/;

/**
 * Guaranteed: the API server accepted the token for this server's audience, and it is bound to one pod. Whether that pod
 * still exists is not known from this: a review accepts the token of a deleted pod for some seconds.
 */
export function createPodReview(client: Pick<KubeClient, 'tokenReview'>): Review {
  return async (token, server) => {
    const result = await client.tokenReview(token, [bundleAudience(server)]);
    if (!result.authenticated) return undefined;
    const namespace = SERVICE_ACCOUNT.exec(result.username)?.[1];
    const [podName, ...otherNames] = result.extra[POD_NAME] ?? [];
    const [podUid, ...otherUids] = result.extra[POD_UID] ?? [];
    if (namespace === undefined || podName === undefined || podUid === undefined) return undefined;
    return otherNames.length + otherUids.length > 0 ? undefined : { namespace, podName, podUid };
  };
}
