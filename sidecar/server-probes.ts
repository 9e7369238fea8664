/**
 * Asks the server what the kubelet would ask it: at 127.0.0.1, with the request that the pod's author wrote, without a
 * credential, and without more of the answer than its status.
 */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { probePath } from '../api/server-probes.ts';
import type { ProbeRequest, ServerProbe, ServerProbes } from '../api/server-probes.ts';
import { isManagedHeader } from './proxy/managed-headers.ts';

/** By path of the admin port: the HTTP status for the kubelet. Neither rejects nor takes longer than the probe may. */
export type ProbeAnswers = ReadonlyMap<string, () => Promise<number>>;

const HOST = '127.0.0.1';
const GOOD = 200;
const BAD_GATEWAY = 502;
const TIMED_OUT = 504;

/** They frame the message, or are about the connection. */
const NOT_SENT: ReadonlySet<string> = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

export function createServerProbes({ port, probes }: ServerProbes): ProbeAnswers {
  return new Map(probes.map((probe) => [probePath(probe), oneAtATime(() => ask(port, probe))]));
}

/** However many ask, the server is asked once. */
function oneAtATime(work: () => Promise<number>): () => Promise<number> {
  let running: Promise<number> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function ask(port: number, { timeoutSeconds, http }: ServerProbe): Promise<number> {
  const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
  return http === undefined ? connected(port, deadline) : answered(port, http, deadline);
}

function answered(port: number, { path, headers }: ProbeRequest, deadline: AbortSignal): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const request = httpRequest({ host: HOST, port, path, method: 'GET', agent: false, signal: deadline, headers: { accept: '*/*', 'user-agent': 'kube-probe/mcpgateway' } });
  const sent = headers.filter(({ name }) => !NOT_SENT.has(name.toLowerCase()) && !isManagedHeader(name.toLowerCase()));
  for (const [name, values] of Map.groupBy(sent, ({ name }) => name.toLowerCase())) request.setHeader(name, values.length === 1 ? (values[0]?.value ?? '') : values.map(({ value }) => value));
  request.once('response', (response) => {
    resolve(statusOf(response.statusCode ?? 0));
    response.destroy();
  });
  request.on('error', () => resolve(deadline.aborted ? TIMED_OUT : BAD_GATEWAY));
  // Also after an answer that changes the protocol, which is no error.
  request.once('close', () => resolve(BAD_GATEWAY));
  request.end();
  return promise;
}

/** For the kubelet a redirect is good, and it would be followed: the sidecar goes nowhere else. */
function statusOf(status: number): number {
  if (status >= 200 && status < 400) return GOOD;
  return status >= 400 && status < 600 ? status : BAD_GATEWAY;
}

function connected(port: number, deadline: AbortSignal): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const socket = connect({ host: HOST, port, signal: deadline });
  socket.once('connect', () => resolve(GOOD));
  socket.on('error', () => resolve(deadline.aborted ? TIMED_OUT : BAD_GATEWAY));
  return promise.finally(() => socket.destroy());
}
