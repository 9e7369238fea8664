/**
 * A TLS connection to the sidecar of exactly one pod. A sidecar that starts again accepts no connection for a second or
 * two, so connecting is tried again for a bounded time: nothing of any request has been sent by then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { peerPodName } from '../../api/peer-name.ts';
import { errorCodeOf } from '../../runtime/error-code.ts';
import type { Holder } from '../session/holder.ts';
import { PEER_TLS } from './peer-trust.ts';
import type { PeerTrust } from './peer-trust.ts';

export interface ConnectSettings {
  readonly holder: Holder;
  readonly port: number;
  readonly trust: PeerTrust;
  readonly signal: AbortSignal;
}

/** From the first attempt to the end of the last. */
export const CONNECT_MS = 3_000;
const DELAYS_MS = { least: 50, most: 400 } as const;

/** Nobody accepts there now, or whoever did is just going or coming: somebody may in a moment. */
const PASSING: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/**
 * Guaranteed: whoever is at the other end has proved to be the sidecar of this pod, of this server, as one of the
 * authorities knows it. Rejects with the error of the last attempt; one that proved to be another is not asked again.
 */
export async function connectToHolder(settings: ConnectSettings): Promise<TLSSocket> {
  const deadline = AbortSignal.any([settings.signal, AbortSignal.timeout(CONNECT_MS)]);
  for (let delayMs: number = DELAYS_MS.least; ; delayMs = Math.min(2 * delayMs, DELAYS_MS.most)) {
    try {
      return await attempt(settings, deadline);
    } catch (error) {
      if (deadline.aborted || !PASSING.has(errorCodeOf(error))) throw error;
    }
    await sleep(delayMs, undefined, { signal: deadline });
  }
}

function attempt({ holder, port, trust }: ConnectSettings, deadline: AbortSignal): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connectTls({
    ...PEER_TLS,
    host: holder.ip,
    port,
    // Node compares the certificate with this name, by its alternative names alone where it has any.
    servername: peerPodName(trust.serverUid, holder.podUid),
    ca: [...trust.authorities],
    cert: trust.cert,
    key: trust.key,
    rejectUnauthorized: true,
    // Never resumed: no session is given, so each connection proves itself by what is trusted now.
  });
  socket.setNoDelay(true);
  const giveUp = (): void => void socket.destroy(deadline.reason instanceof Error ? deadline.reason : new Error('connecting was given up'));
  const settled = (): void => {
    deadline.removeEventListener('abort', giveUp);
    socket.off('error', reject);
    socket.off('close', closed);
  };
  const closed = (): void => reject(new Error('the connection was closed'));
  deadline.addEventListener('abort', giveUp, { once: true });
  if (deadline.aborted) giveUp();
  socket.once('error', reject);
  socket.once('close', closed);
  socket.once('secureConnect', () => resolve(socket));
  return promise.finally(settled);
}
