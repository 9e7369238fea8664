/**
 * Sends a permitted call to the sidecar of the pod that holds its session, which judges it again. Connecting is tried
 * again for a moment; what was sent is never sent twice.
 */
import { isIPv6 } from 'node:net';
import { Denial } from '../../core/denial.ts';
import { Permit } from '../authorize/authorize.ts';
import { denialOf } from '../proxy/forward.ts';
import { dispatch, openConnections } from '../proxy/pool.ts';
import type { Call, CallReceiver, Connections } from '../proxy/pool.ts';
import { formatHolder } from '../session/holder.ts';
import type { Holder } from '../session/holder.ts';
import { connectToHolder } from './connect.ts';
import type { PeerTrust } from './peer-trust.ts';

export interface PeerForwarder {
  /** Connections made from now on go by this, and no call uses one that was made before; `undefined`: nobody is a peer. */
  trust(trust: PeerTrust | undefined): void;
  /** `lost` makes the answer for a call of which nothing was sent, because the holder is not to be found. */
  forward(permit: Permit, holder: Holder, call: Call, receiver: CallReceiver, lost: (cause: unknown) => Denial): void;
  close(): Promise<void>;
}

export interface PeerForwarderOptions {
  /** Of every sidecar of this server. */
  readonly port: number;
  readonly maxHolders: number;
  /** Connections to a holder that nobody asked for this long are dropped. */
  readonly idleMs: number;
}

interface Line {
  readonly connections: Connections;
  readonly idle: NodeJS.Timeout;
}

export function createPeerForwarder({ port, maxHolders, idleMs }: PeerForwarderOptions): PeerForwarder {
  const closing = new AbortController();
  /** By text of the holder, the one asked last at the end. */
  const lines = new Map<string, Line>();
  /** Closed to new calls; those under way have their answer first. */
  const ending = new Set<Connections>();
  let trusted: PeerTrust | undefined;

  function drop(key: string): void {
    const line = lines.get(key);
    if (line === undefined) return;
    lines.delete(key);
    clearTimeout(line.idle);
    ending.add(line.connections);
    const ended = (): void => void ending.delete(line.connections);
    line.connections.close().then(ended, ended);
  }

  function lineTo(holder: Holder, trust: PeerTrust): Line {
    const key = formatHolder(holder);
    const known = lines.get(key);
    if (known !== undefined) {
      lines.delete(key);
      lines.set(key, known);
      return known;
    }
    const [oldest] = lines.keys();
    if (oldest !== undefined && lines.size >= maxHolders) drop(oldest);
    const host = isIPv6(holder.ip) ? `[${holder.ip}]` : holder.ip;
    const connections = openConnections(`https://${host}:${port}`, () => connectToHolder({ holder, port, trust, signal: closing.signal }));
    const line = { connections, idle: setTimeout(() => drop(key), idleMs).unref() };
    lines.set(key, line);
    return line;
  }

  return {
    trust(trust) {
      trusted = trust;
      for (const key of [...lines.keys()]) drop(key);
    },
    forward(permit, holder, call, receiver, lost) {
      if (!Permit.isPermit(permit)) throw new TypeError('forward needs a Permit made by authorize');
      if (trusted === undefined) return receiver.failed(lost(new Error('there is no certificate to prove ourselves with, or nobody to believe')));
      const { connections, idle } = lineTo(holder, trusted);
      idle.refresh();
      dispatch(connections, call, receiver, (error, sent) => (sent || error instanceof Denial ? denialOf(error) : lost(error)));
    },
    async close() {
      closing.abort();
      const open = [...[...lines.values()].map(({ connections }) => connections), ...ending];
      for (const { idle } of lines.values()) clearTimeout(idle);
      lines.clear();
      await Promise.all(open.map((connections) => connections.destroy()));
    },
  };
}
