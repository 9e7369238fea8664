/**
 * A client that sends exactly the bytes it is given, in the pieces it is given: pipelining, malformed requests, slow
 * senders. Responses are read leniently and in order.
 */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { framingOf, parseBody, parseHead } from './http-bytes.ts';

const DEADLINE_MS = 10_000;

export interface RawResponse {
  readonly status: number;
  /** Names in lower case; values of repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  readonly text: string;
}

export interface RawConnection {
  readonly socket: Socket;
  /** All that has arrived. */
  received(): Buffer;
  write(bytes: string | Uint8Array): void;
  /** The next response that is complete; rejects if the connection closes before, or the deadline passes. */
  response(): Promise<RawResponse>;
  /** Resolves once these characters have arrived, wherever they are; for event streams. */
  untilReceived(text: string): Promise<void>;
  /** Resolves once the other side has closed the connection. */
  untilClosed(): Promise<void>;
  destroy(): void;
}

export interface RawOptions {
  /** Connect with TLS. */
  readonly tls?: ConnectionOptions;
  readonly deadlineMs?: number;
}

export async function openRaw(port: number, options: RawOptions = {}): Promise<RawConnection> {
  const socket = await connected(port, options.tls);
  const waiting = new Set<() => void>();
  const notify = (): void => {
    for (const look of waiting) look();
  };
  let arrived = Buffer.alloc(0);
  let taken = 0;
  let closed = false;
  socket.on('data', (bytes) => {
    arrived = Buffer.concat([arrived, bytes]);
    notify();
  });
  // A reset is a way of closing; `close` follows it.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
    notify();
  });

  const until = <Result>(what: string, look: () => Result | undefined): Promise<Result> =>
    new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        clearTimeout(deadline);
        waiting.delete(attempt);
        then();
      };
      const describe = (why: string): Error =>
        new Error(`${why} before ${what}; received: ${arrived.toString('latin1')}`);
      const attempt = (): void => {
        const result = look();
        if (result !== undefined) settle(() => resolve(result));
        else if (closed) settle(() => reject(describe('closed')));
      };
      const deadline = setTimeout(() => settle(() => reject(describe('too slow'))), options.deadlineMs ?? DEADLINE_MS);
      waiting.add(attempt);
      attempt();
    });

  return {
    socket,
    received: () => arrived,
    write: (bytes) => void socket.write(bytes),
    response: () =>
      until('a response', () => {
        const found = parseResponse(arrived.subarray(taken), closed);
        if (found !== undefined) taken += found.length;
        return found?.response;
      }),
    untilReceived: async (text) => void (await until(JSON.stringify(text), () => arrived.includes(text) || undefined)),
    untilClosed: async () => void (await until('the end', () => closed || undefined)),
    destroy: () => void socket.destroy(),
  };
}

export interface RawExchange extends RawResponse {
  readonly responses: readonly RawResponse[];
  /** The other side closed the connection after the last response, as it said it would. */
  readonly closed: boolean;
}

/**
 * Sends the bytes at once, awaits as many responses as expected, and the end of the connection where the last of them
 * announced it. The first response is the result.
 */
export async function sendRaw(
  port: number,
  bytes: string | Uint8Array,
  options: RawOptions & { readonly expected?: number } = {},
): Promise<RawExchange> {
  const connection = await openRaw(port, options);
  try {
    connection.write(bytes);
    const first = await connection.response();
    const responses = [first];
    while (responses.length < (options.expected ?? 1)) responses.push(await connection.response());
    const announced = responses.at(-1)?.headers['connection']?.toLowerCase() === 'close';
    if (announced) await connection.untilClosed();
    return { ...first, responses, closed: announced };
  } finally {
    connection.destroy();
  }
}

function connected(port: number, tls: ConnectionOptions | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const target = { port, host: '127.0.0.1' };
    const socket =
      tls === undefined
        ? connectPlain(target, () => resolve(socket))
        : connectTls({ ...target, ...tls }, () => resolve(socket));
    socket.once('error', (error) => {
      socket.destroy();
      reject(error);
    });
  });
}

function parseResponse(bytes: Buffer, closed: boolean): { response: RawResponse; length: number } | undefined {
  const head = parseHead(bytes);
  if (head === undefined) return undefined;
  const status = Number(head.start[1]);
  const bodyless = status < 200 || status === 204 || status === 304;
  const framing = bodyless ? ({ kind: 'length', bytes: 0 } as const) : framingOf(head, { kind: 'close' });
  const rest = parseBody(bytes.subarray(head.length), framing, closed);
  if (rest === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (const [name, value] of head.rawHeaders) {
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  const response = { status, headers, rawHeaders: head.rawHeaders, body: rest.body, text: rest.body.toString('utf8') };
  return { response, length: head.length + rest.length };
}
