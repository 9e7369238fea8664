/**
 * HTTP/1.1 messages as bytes, read leniently: what a tolerant peer would make of them. Nothing is normalised, so that
 * a test sees every header line as it was sent.
 */
export interface HttpHead {
  /** The first line, split at blanks: method, target, version or version, status, reason. */
  readonly start: readonly string[];
  /** Every header line in order, names as sent. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** Where the body begins. */
  readonly length: number;
}

/** `undefined` while the head is not complete. A bare LF ends a line too. */
export function parseHead(bytes: Buffer): HttpHead | undefined {
  const text = bytes.toString('latin1');
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return undefined;
  const [first = '', ...lines] = text.slice(0, end.index).split(/\r?\n/);
  return {
    start: first.split(' '),
    rawHeaders: lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
    length: end.index + end[0].length,
  };
}

/** Every value of the header, whatever the case of its name. */
export function headerValues(head: HttpHead, name: string): readonly string[] {
  return head.rawHeaders.filter(([sent]) => sent.toLowerCase() === name).map(([, value]) => value);
}

export interface HttpBody {
  readonly body: Buffer;
  /** How many bytes of the input it took. */
  readonly length: number;
}

/** How the body ends: by chunks, by a length, or only with the connection. */
export type Framing =
  | { readonly kind: 'chunked' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'close' };

export function framingOf(head: HttpHead, otherwise: Framing): Framing {
  if (headerValues(head, 'transfer-encoding').some((value) => value.toLowerCase().includes('chunked'))) {
    return { kind: 'chunked' };
  }
  const [length] = headerValues(head, 'content-length');
  return length === undefined ? otherwise : { kind: 'length', bytes: Number.parseInt(length, 10) };
}

/** `undefined` while the body is not complete; one that ends with the connection is complete once it is closed. */
export function parseBody(bytes: Buffer, framing: Framing, closed: boolean): HttpBody | undefined {
  if (framing.kind === 'chunked') return parseChunks(bytes);
  if (framing.kind === 'close') return closed ? { body: bytes, length: bytes.length } : undefined;
  return bytes.length < framing.bytes ? undefined : { body: bytes.subarray(0, framing.bytes), length: framing.bytes };
}

function parseChunks(bytes: Buffer): HttpBody | undefined {
  const chunks: Buffer[] = [];
  let position = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\n', position);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', position, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('not a chunk size');
    position = lineEnd + 1;
    if (size === 0) return trailersEnd(bytes, position, chunks);
    if (bytes.length < position + size + 2) return undefined;
    chunks.push(bytes.subarray(position, position + size));
    position += size + 2;
  }
}

function trailersEnd(bytes: Buffer, start: number, chunks: readonly Buffer[]): HttpBody | undefined {
  const end = /^(?:[^\r\n]+\r?\n)*\r?\n/.exec(bytes.toString('latin1', start));
  return end === null ? undefined : { body: Buffer.concat(chunks), length: start + end[0].length };
}
