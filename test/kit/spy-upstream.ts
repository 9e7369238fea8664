/**
 * An upstream on a raw socket that accepts anything and records every byte, so that a test can say what reached it,
 * or that nothing did. What it answers is a script; see spy-scripts.ts.
 */
import { createServer, type Socket } from 'node:net';
import { framingOf, headerValues, type HttpHead, parseBody, parseHead } from './http-bytes.ts';
import { listenOnLoopback } from './ports.ts';
import { answerJson, type SpyRequest, type SpyScript } from './spy-scripts.ts';

const DEADLINE_MS = 10_000;

export interface SpyOptions {
  readonly script?: SpyScript;
  /** `head`: answer as soon as the head is there and go on reading. */
  readonly answerAfter?: 'head' | 'body';
}

export interface SpyUpstream {
  readonly port: number;
  /** Those whose body was complete, in order. */
  readonly requests: readonly SpyRequest[];
  /** Connections accepted so far, and those of them still open. */
  readonly connections: { readonly total: number; readonly open: number };
  readonly bytesReceived: number;
  /** Nobody connected and nothing was sent. */
  readonly untouched: boolean;
  answerWith(script: SpyScript): void;
  /** The request with that index (from 0), past or future. */
  request(index: number): Promise<SpyRequest>;
  /** Resolves once exactly so many connections are open. */
  untilOpen(connections: number): Promise<void>;
  /** Writes bytes nobody asked for to every open connection. */
  writeUnasked(bytes: string | Uint8Array): void;
  stop(): Promise<void>;
}

export async function startSpyUpstream(options: SpyOptions = {}): Promise<SpyUpstream> {
  const sockets = new Set<Socket>();
  const requests: SpyRequest[] = [];
  const waiting = new Set<() => void>();
  const notify = (): void => {
    for (const look of waiting) look();
  };
  let script = options.script ?? answerJson();
  let total = 0;
  let bytesReceived = 0;

  const server = createServer({ allowHalfOpen: false }, (socket) => {
    const connection = total++;
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      notify();
    });
    // Whoever resets a connection is a matter of the test, not of the spy.
    socket.on('error', () => undefined);
    const read = createReader(connection, {
      early: options.answerAfter === 'head',
      answer: (request) => void script(request, socket),
      complete: (request) => {
        requests.push(request);
        notify();
      },
    });
    socket.on('data', (bytes) => {
      bytesReceived += bytes.length;
      read(bytes);
    });
    notify();
  });
  const port = await listenOnLoopback(server);

  return {
    port,
    requests,
    get connections() {
      return { total, open: sockets.size };
    },
    get bytesReceived() {
      return bytesReceived;
    },
    get untouched() {
      return total === 0 && bytesReceived === 0;
    },
    answerWith: (next) => void (script = next),
    request: (index) => until(waiting, `request ${String(index)}`, () => requests[index]),
    untilOpen: async (wanted) =>
      void (await until(waiting, `${String(wanted)} connections`, () => sockets.size === wanted || undefined)),
    writeUnasked: (bytes) => {
      for (const socket of sockets) socket.write(bytes);
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface ReaderEvents {
  readonly early: boolean;
  answer(request: SpyRequest): void;
  complete(request: SpyRequest): void;
}

/** Splits what arrives on one connection into requests, however it was cut into pieces. */
function createReader(connection: number, events: ReaderEvents): (bytes: Buffer) => void {
  let pending = Buffer.alloc(0);
  let answered = false;

  const next = (): boolean => {
    const head = parseHead(pending);
    if (head === undefined) return false;
    if (events.early && !answered) {
      answered = true;
      events.answer(aRequest(connection, head, pending.subarray(0, head.length)));
    }
    const body = parseBody(pending.subarray(head.length), framingOf(head, { kind: 'length', bytes: 0 }), false);
    if (body === undefined) return false;
    const length = head.length + body.length;
    const request = aRequest(connection, head, pending.subarray(0, length), body.body);
    pending = pending.subarray(length);
    events.complete(request);
    if (!answered) events.answer(request);
    answered = false;
    return true;
  };
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (next());
  };
}

function aRequest(connection: number, head: HttpHead, raw: Buffer, body: Buffer = Buffer.alloc(0)): SpyRequest {
  const [method = '', target = ''] = head.start;
  return {
    ...{ connection, method, target, body, raw },
    rawHeaders: head.rawHeaders,
    values: (name) => headerValues(head, name),
  };
}

function until<Result>(waiting: Set<() => void>, what: string, look: () => Result | undefined): Promise<Result> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      waiting.delete(attempt);
      reject(new Error(`the upstream did not see ${what} in time`));
    }, DEADLINE_MS);
    const attempt = (): void => {
      const result = look();
      if (result === undefined) return;
      clearTimeout(deadline);
      waiting.delete(attempt);
      resolve(result);
    };
    waiting.add(attempt);
    attempt();
  });
}
