/** Splits a stream of bytes into lines, none of them longer than a bound. */

export class LineTooLongError extends Error {}

export interface LineSplitter {
  /** The lines that these bytes complete, without their newline. Throws a LineTooLongError above the bound. */
  push(chunk: Buffer): readonly string[];
}

const NEWLINE = 0x0a;

export function createLineSplitter(maxBytes: number): LineSplitter {
  let begun: Buffer[] = [];
  let bytes = 0;

  function keep(part: Buffer): void {
    bytes += part.length;
    if (bytes > maxBytes) throw new LineTooLongError('a line is longer than any message');
    begun.push(part);
  }

  return {
    push(chunk) {
      const lines: string[] = [];
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        keep(chunk.subarray(from, end));
        // Decoded whole: a character may be spread over chunks.
        lines.push(Buffer.concat(begun).toString('utf8'));
        begun = [];
        bytes = 0;
        from = end + 1;
      }
      if (from < chunk.length) keep(chunk.subarray(from));
      return lines;
    },
  };
}
