/** Reads a request body whole, bounded, and keeps the exact bytes. */
import type { IncomingMessage } from 'node:http';
import { Denial } from '../core/denial.ts';

/** The client went away before its request was complete: nothing was decided. */
export class RequestAborted extends Error {}

/** Resolves with the bytes as received; rejects with ERR_BODY_TOO_LARGE beyond `maxBodyBytes`, reading no further. */
export function readBody(request: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBodyBytes) return Promise.reject(tooLarge(maxBodyBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) {
        request.pause();
        request.removeAllListeners('data');
        reject(tooLarge(maxBodyBytes));
      } else chunks.push(chunk);
    });
    request.once('end', () => {
      const [only] = chunks;
      resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks, bytes));
    });
    request.once('close', () => {
      if (!request.complete) reject(new RequestAborted());
    });
    request.once('error', () => reject(new RequestAborted()));
  });
}

function tooLarge(maxBodyBytes: number): Denial {
  return new Denial('ERR_BODY_TOO_LARGE', `The request body is larger than ${maxBodyBytes} bytes.`);
}
