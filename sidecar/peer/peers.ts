/** The other sidecars of this server: calls go to them and come from them while both sides can prove who they are. */
import type { Clock } from '../../runtime/clock.ts';
import type { RequestHandler } from '../listener.ts';
import type { OwnPlace } from '../session/bound-session.ts';
import { formatHolder } from '../session/holder.ts';
import type { Holder } from '../session/holder.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { TlsMaterial } from '../tls-files.ts';
import { createPeerForwarder } from './forward.ts';
import type { PeerForwarder } from './forward.ts';
import { createPeerListener } from './listener.ts';
import type { PeerListener } from './listener.ts';
import type { PeerTrust } from './peer-trust.ts';

export interface PeerSettings {
  /** This pod: the listener is bound to its address, and sessions that begin here name it. */
  readonly self: Holder;
  /** The same for every sidecar of a server. */
  readonly port: number;
  readonly maxConnections: number;
}

export interface Peers {
  readonly own: OwnPlace;
  readonly forwarder: PeerForwarder;
  readonly listener: PeerListener;
  /** The operator issued one for this pod. */
  setCertificate(certificate: TlsMaterial): void;
  /** Whom to believe now: its server's authorities. */
  setPolicy(snapshot: Snapshot): void;
}

const MAX_HOLDERS = 256;
const IDLE_MS = 60_000;

export function createPeers({ self, port, maxConnections }: PeerSettings, deps: { readonly clock: Clock; readonly handle: RequestHandler; malformed(peer: string, code: string): void }): Peers {
  const { clock, handle, malformed } = deps;
  const forwarder = createPeerForwarder({ port, maxHolders: MAX_HOLDERS, idleMs: IDLE_MS });
  const listener = createPeerListener({ address: self.ip, port, maxConnections }, { handle, malformed, nowMs: () => clock.nowMs() });
  let certificate: TlsMaterial | undefined;
  let policy: Pick<PeerTrust, 'authorities' | 'serverUid'> | undefined;

  function trust(): void {
    const next = certificate === undefined || policy === undefined ? undefined : { ...certificate, ...policy };
    forwarder.trust(next);
    listener.trust(next);
  }

  return {
    own: { podUid: self.podUid, text: formatHolder(self) },
    forwarder,
    listener,
    setCertificate(next) {
      certificate = next;
      trust();
    },
    setPolicy({ servers }) {
      const next = policyOf(servers);
      // Most changes of a policy are about tokens: connections go on.
      if (JSON.stringify(next) === JSON.stringify(policy)) return;
      policy = next;
      trust();
    },
  };
}

/** A pod has one server. */
function policyOf(servers: Snapshot['servers']): Pick<PeerTrust, 'authorities' | 'serverUid'> | undefined {
  const [served] = servers.values();
  if (served === undefined || served.bundle.peerAuthorities.length === 0) return undefined;
  return { authorities: served.bundle.peerAuthorities, serverUid: served.bundle.server.uid };
}
