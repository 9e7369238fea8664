/** Tokens with the claims of a pod's service account token, as an API server makes them, and a signature that is none. */
import { bundleAudience } from '../../api/bundle-stream.ts';
import type { ServerName } from '../../api/bundle-stream.ts';
import type { PodIdentity } from '../../operator/bundle/store.ts';

export interface PodTokenSettings {
  readonly pod: PodIdentity;
  /** Whose audience it has. */
  readonly server: ServerName;
  /** Default: in an hour. */
  readonly expiresAtMs?: number;
  /** Tells tokens with the same claims apart. */
  readonly signature?: string;
}

export function podClaims({ pod, server, expiresAtMs = Date.now() + 3_600_000 }: PodTokenSettings) {
  const { namespace, name, uid } = pod;
  return {
    aud: [bundleAudience(server)],
    exp: expiresAtMs / 1000,
    iss: 'https://kubernetes.default.svc.cluster.local',
    'kubernetes.io': { namespace, pod: { name, uid }, serviceaccount: { name: 'default', uid: 'uid-account' } },
    sub: `system:serviceaccount:${namespace}:default`,
  };
}

export function aPodToken({ signature = 'signature', ...settings }: PodTokenSettings): string {
  return aJwt(podClaims(settings), signature);
}

export function aJwt(claims: unknown, signature = 'signature'): string {
  const encoded = (text: string): string => Buffer.from(text).toString('base64url');
  return `${encoded('{"alg":"none"}')}.${encoded(JSON.stringify(claims))}.${signature}`;
}
