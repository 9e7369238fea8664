/**
 * The socket that the other sidecars of this server reach, and nobody else: TLS 1.3 with a certificate of the peers'
 * authorities that bears this server's name. What comes in has still everything before it that a client's request has.
 */
import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ListenAddress } from '../../runtime/listen.ts';
import { createListener } from '../listener.ts';
import type { Listener, ListenerTls, RequestHandler } from '../listener.ts';
import { isOfPeer, PEER_TLS } from './peer-trust.ts';
import type { PeerTrust } from './peer-trust.ts';

export interface PeerListenerOptions extends ListenAddress {
  readonly maxConnections: number;
}

export interface PeerListenerDeps {
  readonly handle: RequestHandler;
  malformed(peer: string, code: string): void;
  nowMs(): number;
}

export interface PeerListener extends Omit<Listener, 'setTls'> {
  /** In force for handshakes from now on; connections that are no peer's by it end at once. `undefined`: nobody is a peer. */
  trust(trust: PeerTrust | undefined): void;
}

/** Without a certificate there is no handshake, and an empty list believes nobody, where an absent one believes the public authorities. */
const NOBODY = { ...PEER_TLS, ca: [] } as const satisfies ListenerTls;

export function createPeerListener(options: PeerListenerOptions, { handle, malformed, nowMs }: PeerListenerDeps): PeerListener {
  const peers = new Map<Duplex, X509Certificate>();
  let trusted: PeerTrust | undefined;

  function admit(socket: TLSSocket): void {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    if (certificate === undefined || trusted === undefined || !isOfPeer(certificate, trusted, nowMs())) return void socket.destroy();
    peers.set(socket, certificate);
    socket.once('close', () => peers.delete(socket));
  }

  const listener = createListener(
    { ...options, tls: { ...NOBODY, requestCert: true, rejectUnauthorized: true } },
    {
      async handle(request, response, beforeBody) {
        const certificate = peers.get(request.socket);
        // A connection may outlive the certificate that it was made with.
        if (certificate === undefined || nowMs() >= Date.parse(certificate.validTo)) return void request.socket.destroy();
        await handle(request, response, beforeBody);
      },
      malformed,
      secured: admit,
    },
  );

  return {
    start: () => listener.start(),
    stopAccepting: () => listener.stopAccepting(),
    idle: () => listener.idle(),
    closeAll: () => listener.closeAll(),
    trust(trust) {
      trusted = trust;
      listener.setTls(trust === undefined ? NOBODY : { ...PEER_TLS, cert: trust.cert, key: trust.key, ca: trust.authorities });
      for (const [socket, certificate] of peers) if (trust === undefined || !isOfPeer(certificate, trust, nowMs())) socket.destroy();
    },
  };
}
