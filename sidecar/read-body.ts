/** Reads a request body whole, bounded, and keeps the exact bytes. */
import type { IncomingMessage } from 'node:http';
import { Denial } from '../core/denial.ts';
import { createGatheredBytes } from '../runtime/gathered-bytes.ts';

/** The client went away before its request was complete: nothing was decided. */
export class RequestAborted extends Error {}

/** Resolves with the bytes as received; rejects with ERR_BODY_TOO_LARGE beyond `maxBodyBytes`, reading no further. */
export function readBody(request: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBodyBytes) return Promise.reject(tooLarge(maxBodyBytes));
  return new Promise((resolve, reject) => {
    const gathered = createGatheredBytes();
    request.on('data', (chunk: Buffer) => {
      if (gathered.length() + chunk.length > maxBodyBytes) {
        request.pause();
        request.removeAllListeners('data');
        reject(tooLarge(maxBodyBytes));
      } else gathered.push(chunk);
    });
    request.on('end', () => resolve(gathered.take()));
    request.on('close', () => {
      if (!request.complete) reject(new RequestAborted());
    });
    request.on('error', () => reject(new RequestAborted()));
  });
}

function tooLarge(maxBodyBytes: number): Denial {
  return new Denial('ERR_BODY_TOO_LARGE', `The request body is larger than ${maxBodyBytes} bytes.`);
}
