/**
 * One connection to one replica of the operator: what it sends, checked and with patches applied. Ends at the first
 * thing that is not as it must be; whoever asks again gets the whole bundle.
 */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Agent, RequestOptions } from 'node:https';
import type { Bundle, BundleOrder } from '../../api/bundle.ts';
import { MAX_MESSAGE_BYTES, parseStreamMessage, streamPath } from '../../api/bundle-stream.ts';
import type { HeartbeatMessage, ServerName, StreamEndpoint, StreamMessage } from '../../api/bundle-stream.ts';
import { applyPatch, PatchError } from '../../core/bundle/patch.ts';
import { revisionOf } from '../../core/bundle/revision.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import { createLineSplitter } from './json-lines.ts';

/** Where a replica is, whom it must prove to be, and who asks: read anew for every connection. */
export interface ReplicaTarget {
  readonly address: string;
  readonly port: number;
  /** The name in the replica's certificate; addresses of pods are in none. */
  readonly tlsName: string;
  readonly ca: string;
  readonly token: string;
  readonly server: ServerName;
}

export interface ReplicaEvents {
  bundle(bundle: Bundle, epoch: number): void;
  retracted(order: BundleOrder, epoch: number): void;
  heartbeat(heartbeat: HeartbeatMessage): void;
}

/** The replica answered, and not with a stream. */
export class ReplicaRefusedError extends Error {
  readonly status: number;
  constructor(status: number) {
    super('the replica refused');
    this.status = status;
  }
}

export interface ReplicaStreamOptions {
  /** Without a byte for this long it is given up: heartbeats come more often. */
  readonly silenceMs: number;
  readonly hashes: TokenHashes;
}

const REPORT_TIMEOUT_MS = 10_000;
const NOT_ON_TIME = 'the replica is silent';

/** Resolves when the replica ends the stream, or `signal` does; rejects with what went wrong. */
export async function followReplica(target: ReplicaTarget, events: ReplicaEvents, { silenceMs, hashes }: ReplicaStreamOptions, signal: AbortSignal): Promise<void> {
  const response = await open(target, silenceMs, signal);
  const lines = createLineSplitter(MAX_MESSAGE_BYTES);
  const receive = createReceiver(events, hashes);
  try {
    for await (const chunk of response) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError('the response has an encoding set');
      for (const line of lines.push(chunk)) receive(parseStreamMessage(line));
    }
  } catch (cause) {
    if (!signal.aborted) throw cause;
  } finally {
    response.destroy();
  }
}

/** Of one stream, ended with it: what it keeps open or remembers never outlives a change of trust. */
export interface ReportChannel {
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

/** Sends a report to one replica; rejects unless it was taken. */
export function postReport(target: ReplicaTarget, endpoint: Exclude<StreamEndpoint, 'bundles'>, report: object, { agent, signal }: ReportChannel): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...optionsOf(target, endpoint), agent, method: 'POST', timeout: REPORT_TIMEOUT_MS, signal }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => (response.statusCode === 204 ? resolve() : reject(new ReplicaRefusedError(response.statusCode ?? 0))));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(NOT_ON_TIME)));
    outgoing.on('error', reject);
    outgoing.setHeader('Content-Type', 'application/json');
    outgoing.end(JSON.stringify(report));
  });
}

/** Keeps what this replica has sent, which patches are for: not what is in force, which another may have sent. */
function createReceiver(events: ReplicaEvents, hashes: TokenHashes): (message: StreamMessage) => void {
  let sent: Bundle | undefined;
  return (message) => {
    switch (message.type) {
      case 'bundle':
        // Equal revisions are taken for equal content, so they must be.
        if (revisionOf(message.bundle, hashes) !== message.bundle.revision) throw new PatchError('the revision is not that of the bundle');
        sent = message.bundle;
        return events.bundle(sent, message.epoch);
      case 'patch':
        if (sent === undefined) throw new PatchError('a patch came before a bundle');
        sent = applyPatch(sent, message.patch, hashes);
        return events.bundle(sent, message.epoch);
      case 'retract':
        sent = undefined;
        return events.retracted(message.order, message.epoch);
      case 'heartbeat':
        return events.heartbeat(message);
    }
  };
}

function open(target: ReplicaTarget, silenceMs: number, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...optionsOf(target, 'bundles'), method: 'GET', timeout: silenceMs, signal }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.destroy();
      reject(new ReplicaRefusedError(response.statusCode ?? 0));
    });
    // Also while the stream is open: any byte starts it anew.
    outgoing.on('timeout', () => outgoing.destroy(new Error(NOT_ON_TIME)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function optionsOf({ address, port, tlsName, ca, token, server }: ReplicaTarget, endpoint: StreamEndpoint): RequestOptions {
  return {
    host: address,
    port,
    path: streamPath(endpoint, server),
    // A connection of its own, verified by the authority of now.
    agent: false,
    ca,
    servername: tlsName,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    headers: { Host: tlsName, Authorization: `Bearer ${token}` },
  };
}

