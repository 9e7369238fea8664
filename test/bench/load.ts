/**
 * The load, in a process of its own and as cheap as it gets: raw sockets, one prepared buffer, an answer recognised by
 * its length. Usage: node load.ts '{"port":…,"requestBase64":…,"connections":…,"milliseconds":…}' prints one line of JSON.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface LoadOrder {
  readonly port: number;
  readonly requestBase64: string;
  readonly connections: number;
  readonly milliseconds: number;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers other than 200, and connections that ended early. */
  readonly failures: number;
  readonly firstFailure?: string;
  readonly milliseconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const OK = 'HTTP/1.1 200';

/** The length of the first whole answer in `received`; `undefined` while some of it is missing. */
export function answerLength(received: Buffer): number | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (declared === undefined) {
    const end = received.indexOf('\r\n0\r\n\r\n', headEnd, 'latin1');
    return end < 0 ? undefined : end + 7;
  }
  const length = headEnd + HEAD_END.length + Number(declared);
  return received.length < length ? undefined : length;
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const request = Buffer.from(order.requestBase64, 'base64');
  const latencies: number[] = [];
  const failures: string[] = [];
  const started = performance.now();
  const deadline = started + order.milliseconds;
  await Promise.all(Array.from({ length: order.connections }, () => drive(connect(order.port, '127.0.0.1'), { request, deadline, latencies, failures })));
  const milliseconds = performance.now() - started;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
  return {
    requests: latencies.length, failures: failures.length, milliseconds, p50Ms: at(0.5), p99Ms: at(0.99),
    ...(failures[0] === undefined ? {} : { firstFailure: failures[0] }),
  };
}

interface Drive {
  readonly request: Buffer;
  readonly deadline: number;
  readonly latencies: number[];
  readonly failures: string[];
}

/** One connection, one request at a time, until the deadline. */
function drive(socket: Socket, { request, deadline, latencies, failures }: Drive): Promise<void> {
  socket.setNoDelay(true);
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0);
    let sentAt = 0;
    let finished = false;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(request);
    };
    const finish = (failure?: string): void => {
      if (finished) return;
      finished = true;
      if (failure !== undefined) failures.push(failure);
      socket.destroy();
      resolve();
    };
    socket.on('connect', send);
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const length = answerLength(received);
      if (length === undefined) return;
      if (!received.toString('latin1', 0, OK.length).startsWith(OK)) return finish(received.toString('utf8', 0, 600));
      received = received.subarray(length);
      const now = performance.now();
      latencies.push(now - sentAt);
      if (now >= deadline) return finish();
      send();
    });
    socket.on('error', (error) => finish(String(error)));
    socket.on('close', () => finish('the connection ended early'));
  });
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as LoadOrder)));
}
