/**
 * Server-sent events as bytes (HTML Living Standard §9.2): where one event ends and the next begins. Lines end with
 * LF, CR or CRLF, and any of it may be cut between two chunks.
 */
import { Denial } from '../../core/denial.ts';
import { createGatheredBytes } from '../../runtime/gathered-bytes.ts';

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const NOTHING = Buffer.alloc(0);

export interface EventSplitter {
  /** The events that this chunk completes, each with its terminating blank line. */
  push(chunk: Buffer): Buffer[];
  /** What came after the last complete event; for the end of the input. */
  rest(): Buffer;
}

/**
 * Guaranteed: the events and the rest, joined, are the input without a leading byte order mark, and they end where a
 * conforming client ends them, however the input was cut. An event beyond `maxEventBytes` throws
 * ERR_UPSTREAM_RESPONSE_INVALID.
 */
export function createEventSplitter({ maxEventBytes }: { readonly maxEventBytes: number }): EventSplitter {
  const held = createGatheredBytes();
  let lineEmpty = true;
  let afterCr = false;
  let blankCr = false;
  let start: Buffer | undefined = NOTHING;

  function hold(part: Buffer): void {
    held.push(part);
    if (held.length() <= maxEventBytes) return;
    throw new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an event that is too large.');
  }

  /** Whether an event ends behind this byte. A CRLF is kept whole, unless waiting for its LF would hold the event. */
  function ends(byte: number | undefined, next: number | undefined): boolean {
    if (byte === LF && afterCr) {
      afterCr = false;
      return blankCr;
    }
    afterCr = byte === CR;
    const lineEnd = byte === LF || afterCr;
    const blank = lineEnd && lineEmpty;
    blankCr = blank && afterCr;
    lineEmpty = lineEnd;
    return blank && !(afterCr && next === LF);
  }

  function split(chunk: Buffer): Buffer[] {
    const events: Buffer[] = [];
    let from = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      if (!ends(chunk[i], chunk[i + 1])) continue;
      hold(chunk.subarray(from, i + 1));
      events.push(held.take());
      from = i + 1;
    }
    hold(chunk.subarray(from));
    return events;
  }

  /** The byte order mark may come in pieces. */
  function withoutMark(chunk: Buffer): Buffer {
    if (start === undefined) return chunk;
    const opening = Buffer.concat([start, chunk]);
    const mayBeMark = BOM.subarray(0, opening.length).equals(opening.subarray(0, BOM.length));
    if (mayBeMark && opening.length < BOM.length) {
      start = opening;
      return NOTHING;
    }
    start = undefined;
    return mayBeMark ? opening.subarray(BOM.length) : opening;
  }

  return {
    push: (chunk) => split(withoutMark(chunk)),
    rest: () => Buffer.concat([start ?? NOTHING, held.take()]),
  };
}

export interface BoundaryTracker {
  push(chunk: Buffer): void;
  /** A comment inserted now falls between two events. */
  atBoundary(): boolean;
}

export function createBoundaryTracker(): BoundaryTracker {
  // Two line ends are at most four bytes; at its start a stream is at a boundary.
  let tail: Buffer = Buffer.from('\n\n');
  return {
    push(chunk) {
      tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
    },
    atBoundary() {
      const lineStart = tail.length - terminatorLength(tail);
      return lineStart < tail.length && (tail[lineStart - 1] === LF || tail[lineStart - 1] === CR);
    },
  };
}

/** Bytes of the line end that `bytes` ends with. */
export function terminatorLength(bytes: Buffer): number {
  const last = bytes.at(-1);
  if (last === LF) return bytes.at(-2) === CR ? 2 : 1;
  return last === CR ? 1 : 0;
}
