/** Whose a sidecar's token is, by the API server: a TokenReview for the audience of one server. */
import { BUNDLE_AUDIENCE } from '../api/annotations.ts';
import { isRecord } from '../manifest/record.ts';
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
    const result = await client.tokenReview(token, [`${BUNDLE_AUDIENCE}/${server.namespace}/${server.name}`]);
    if (!result.authenticated) return undefined;
    const namespace = SERVICE_ACCOUNT.exec(result.username)?.[1];
    const [podName, ...otherNames] = result.extra[POD_NAME] ?? [];
    const [podUid, ...otherUids] = result.extra[POD_UID] ?? [];
    const expiresAtMs = expiryOf(token);
    if (namespace === undefined || podName === undefined || podUid === undefined || expiresAtMs === undefined) return undefined;
    return otherNames.length + otherUids.length > 0 ? undefined : { namespace, podName, podUid, expiresAtMs };
  };
}

/** Claim `exp` of a token that the API server has just accepted (RFC 7519 §4.1.4). */
function expiryOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const exp = isRecord(claims) ? claims['exp'] : undefined;
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
