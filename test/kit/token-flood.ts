/** An attacker inside the cluster, with an address of his own, who makes tokens of pods up and asks for their bundle. */
import { connect } from 'node:net';
import { streamPath } from '../../api/bundle-stream.ts';
import type { ServerName } from '../../api/bundle-stream.ts';
import type { PodIdentity } from '../../operator/bundle/store.ts';
import { aPodToken } from './pod-tokens.ts';
import { sendRaw } from './raw-http.ts';

export interface TokenFlood {
  /** An address and port of a replica. */
  readonly replica: { readonly address: string; readonly port: number };
  /** The attacker's own, of the loopback network. */
  readonly from: string;
  /** Whose token it pretends to be. */
  readonly pod: PodIdentity;
  readonly server: ServerName;
  readonly tokens: number;
}

const AT_ONCE = 25;

/** The statuses of the answers. */
export async function floodWithTokens({ replica, from, pod, server, tokens }: TokenFlood): Promise<readonly number[]> {
  const statuses: number[] = [];
  let made = 0;
  async function keepAsking(): Promise<void> {
    while (made < tokens) {
      made += 1;
      const token = aPodToken({ pod, server, signature: Buffer.from(`invented ${String(made)}`).toString('base64url') });
      const head = [`GET ${streamPath('bundles', server)} HTTP/1.1`, 'Host: operator', `Authorization: Bearer ${token}`, 'Connection: close', '', ''];
      const socket = connect({ host: replica.address, port: replica.port, localAddress: from });
      statuses.push((await sendRaw(replica.port, head.join('\r\n'), { tls: { socket, rejectUnauthorized: false } })).status);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, keepAsking));
  return statuses;
}
