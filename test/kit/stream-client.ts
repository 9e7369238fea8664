/** A sidecar as far as its stream to one replica goes: it reads what comes, acknowledges it, and serves nobody. */
import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { parseStreamMessage, STREAM_FORMAT, streamPath } from '../../api/bundle-stream.ts';
import type { ServerName, StreamMessage } from '../../api/bundle-stream.ts';

export interface StreamClientOptions {
  readonly replica: { readonly address: string; readonly port: number };
  /** Authorities of the replica's certificate (PEM), and its name. */
  readonly tls: { readonly ca: string; readonly servername: string };
  /** Of the pod that it is. */
  readonly token: string;
  readonly server: ServerName;
}

export interface Told {
  /** On the clock of `performance`. */
  readonly atMs: number;
  /** Of the message that said it. */
  readonly bytes: number;
}

export interface StreamClient {
  /** Resolves when the bundle has come and is acknowledged; also after a stream that has ended. */
  open(): Promise<void>;
  /** When it was told that the token (by UID) is revoked or gone. Fails when the stream ends before. */
  untilEnded(tokenUid: string): Promise<Told>;
  close(): void;
}

export function createStreamClient(options: StreamClientOptions): StreamClient {
  const { replica, tls, token, server } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca: tls.ca, servername: tls.servername });
  const to = (method: string, path: string): RequestOptions => ({ agent, method, path, host: replica.address, port: replica.port, headers: { Authorization: `Bearer ${token}` } });
  const told = new Map<string, Told>();
  const waiting = new Map<string, PromiseWithResolvers<Told>>();
  let opened = Promise.withResolvers<void>();

  function end(uid: string, bytes: number): void {
    const news = { atMs: performance.now(), bytes };
    told.set(uid, news);
    waiting.get(uid)?.resolve(news);
    waiting.delete(uid);
  }

  function read(message: StreamMessage, bytes: number): void {
    if (message.type === 'bundle') {
      for (const { uid, revoked } of message.bundle.tokens) if (revoked) end(uid, bytes);
      acknowledge(message.bundle.revision);
    } else if (message.type === 'patch') {
      for (const { uid, revoked } of message.patch.tokens.upsert) if (revoked) end(uid, bytes);
      for (const uid of message.patch.tokens.remove) end(uid, bytes);
      acknowledge(message.patch.to);
    }
  }

  function acknowledge(revision: string): void {
    const sent = request(to('POST', streamPath('acknowledgements', server)), (answer) => {
      answer.resume();
      if (answer.statusCode === 204) opened.resolve();
      else fail(new Error(`an acknowledgement was answered with ${String(answer.statusCode)}`));
    });
    sent.on('error', fail);
    sent.end(JSON.stringify({ format: STREAM_FORMAT, revision }));
  }

  function fail(cause: Error): void {
    opened.reject(cause);
    for (const { reject } of waiting.values()) reject(cause);
    waiting.clear();
  }

  return {
    async open() {
      opened = Promise.withResolvers<void>();
      const stream = await new Promise<IncomingMessage>((resolve, reject) => {
        request(to('GET', streamPath('bundles', server)), resolve).on('error', reject).end();
      });
      if (stream.statusCode !== 200) throw new Error(`the stream was answered with ${String(stream.statusCode)}`);
      const lines = createInterface({ input: stream });
      lines.on('line', (line) => read(parseStreamMessage(line), Buffer.byteLength(line)));
      // It passes on the errors of its input.
      lines.on('error', fail);
      stream.on('close', () => fail(new Error('the stream ended')));
      await opened.promise;
    },
    untilEnded(tokenUid) {
      const known = told.get(tokenUid);
      if (known !== undefined) return Promise.resolve(known);
      const asked = Promise.withResolvers<Told>();
      waiting.set(tokenUid, asked);
      return asked.promise;
    },
    close: () => agent.destroy(),
  };
}
