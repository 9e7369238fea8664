/** What the spy upstream answers: good, bad and interrupted responses, byte for byte. */
import type { Socket } from 'node:net';

export interface SpyRequest {
  /** Counted from 0: requests with the same number came over the same connection. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** Every value of the header, whatever the case of its name. */
  values(name: string): readonly string[];
  readonly body: Buffer;
  /** Exactly what arrived, head and body. */
  readonly raw: Buffer;
}

export type SpyScript = (request: SpyRequest, socket: Socket) => void | Promise<void>;
export type HeaderLines = Readonly<Record<string, string>>;

/** A JSON-RPC result with the id of the request, unless another body is given. */
export function answerJson(body?: unknown, options: { status?: number; headers?: HeaderLines } = {}): SpyScript {
  return (request, socket) => {
    const text = JSON.stringify(body ?? { jsonrpc: '2.0', id: rpcIdOf(request), result: {} });
    const headers = { 'Content-Type': 'application/json', ...lengthOf(text), ...options.headers };
    socket.write(headOf(options.status ?? 200, headers));
    socket.write(text);
  };
}

/** The bytes as they are. */
export function answerBytes(bytes: string | Uint8Array): SpyScript {
  return (_request, socket) => void socket.write(bytes);
}

/** The bytes, then the end of the connection in the middle of whatever they announced. */
export function answerThenCut(bytes: string | Uint8Array): SpyScript {
  return (_request, socket) => void socket.write(bytes, () => socket.resetAndDestroy());
}

export interface EventOptions {
  /** End the stream after the last event; otherwise it stays open. */
  readonly end?: boolean;
  readonly headers?: HeaderLines;
}

/** One chunk per event, its text as the caller wrote it: field names, line ends and all. */
export function answerEvents(events: readonly string[], options: EventOptions = {}): SpyScript {
  return (_request, socket) => {
    const headers = { 'Content-Type': 'text/event-stream', 'Transfer-Encoding': 'chunked', ...options.headers };
    socket.write(headOf(200, headers));
    for (const event of events) socket.write(chunkOf(event));
    if (options.end === true) socket.write('0\r\n\r\n');
  };
}

/** One chunk, to continue a stream that `answerEvents` left open. */
export function chunkOf(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

export function answerRedirect(location: string, status = 307): SpyScript {
  return (_request, socket) => void socket.write(headOf(status, { Location: location, 'Content-Length': '0' }));
}

/** The script once the gate opens; the request hangs until then. */
export function answerAfter(gate: Promise<unknown>, script: SpyScript): SpyScript {
  return async (request, socket) => {
    await gate;
    await script(request, socket);
  };
}

/** Nothing, ever. */
export const answerNothing: SpyScript = () => undefined;

/** Each script once, in the order of the requests; the last one for all that follow. */
export function answerInTurn(...scripts: readonly [SpyScript, ...SpyScript[]]): SpyScript {
  let turn = 0;
  return (request, socket) => scripts[Math.min(turn++, scripts.length - 1)]?.(request, socket);
}

export function headOf(status: number, headers: HeaderLines): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${String(status)} Answer\r\n${lines.join('')}\r\n`;
}

function lengthOf(text: string): HeaderLines {
  return { 'Content-Length': String(Buffer.byteLength(text)) };
}

function rpcIdOf(request: SpyRequest): unknown {
  try {
    const message: unknown = JSON.parse(request.body.toString('utf8'));
    return typeof message === 'object' && message !== null && 'id' in message ? message.id : null;
  } catch {
    return null;
  }
}
