/**
 * Bytes that arrive in chunks of somebody else's choosing, gathered into one. A chunk that is kept costs a hundred bytes
 * of its own and the slab it was cut from: a list of one-byte chunks takes a hundred times what was sent.
 */
export interface GatheredBytes {
  push(chunk: Buffer): void;
  /** How many bytes there are. */
  length(): number;
  /** All of them, and none from then on. A single chunk is handed back as it is. */
  take(): Buffer;
}

const NOTHING = Buffer.alloc(0);

/** Guaranteed: at most twice the bytes gathered are held. Not bounded in itself: the caller looks at `length`. */
export function createGatheredBytes(): GatheredBytes {
  let held: Buffer = NOTHING;
  let bytes = 0;

  function room(more: number): void {
    if (bytes + more <= held.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * held.length, bytes + more));
    held.copy(larger, 0, 0, bytes);
    held = larger;
  }

  return {
    push(chunk) {
      if (bytes === 0) held = chunk;
      else {
        room(chunk.length);
        chunk.copy(held, bytes);
      }
      bytes += chunk.length;
    },
    length: () => bytes,
    take() {
      const taken = held.subarray(0, bytes);
      const whole = taken.length === held.length ? held : taken;
      held = NOTHING;
      bytes = 0;
      return whole;
    },
  };
}
