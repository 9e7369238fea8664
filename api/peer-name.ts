/**
 * Names in the certificates with which the sidecars of one server know each other. No resolver ever answers them: they
 * are compared, never looked up.
 */
const DOMAIN = 'peer.mcpgateway.internal';

/** That of every sidecar of the server with this UID. */
export function peerServerName(serverUid: string): string {
  return `${serverUid}.${DOMAIN}`;
}

/** That of the sidecar in one pod. */
export function peerPodName(serverUid: string, podUid: string): string {
  return `${podUid}.${peerServerName(serverUid)}`;
}
