/** One server-sent event: what its data is, and the same event with other data (HTML Living Standard §9.2). */
import { Denial } from '../../core/denial.ts';
import { terminatorLength } from './event-stream.ts';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;

interface Line {
  /** `kept`: event, id, retry, comment or blank. `unknown`: clients must ignore it. */
  readonly kind: 'data' | 'kept' | 'unknown';
  readonly raw: Buffer;
  readonly value: Buffer;
  readonly terminator: Buffer;
}

export interface StreamEvent {
  /** The values of its data lines joined with LF; `undefined` where it has none. */
  readonly data: string | undefined;
  readonly hasUnknownFields: boolean;
  /**
   * The same event with other data. Event, id, retry and comments stay byte for byte; unknown fields, which a lenient
   * client might read as a message, are left out.
   */
  render(data: string | undefined): Buffer;
}

/** `raw` is one event as the splitter gave it. Throws ERR_UPSTREAM_RESPONSE_INVALID for data that is not UTF-8. */
export function parseEvent(raw: Buffer): StreamEvent {
  const lines = linesOf(raw);
  const values = lines.filter(({ kind }) => kind === 'data').map(({ value }) => value);
  return {
    data: values.length === 0 ? undefined : values.map(decodeUtf8).join('\n'),
    hasUnknownFields: lines.some(({ kind }) => kind === 'unknown'),
    render: (data) => render(lines, data),
  };
}

/** Strict: `Buffer.toString` would put U+FFFD for what it cannot read, and the text would be another. */
export function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Denial('ERR_UPSTREAM_RESPONSE_INVALID', 'The server behind the gateway sent an invalid answer.');
  }
}

function linesOf(raw: Buffer): Line[] {
  const lines: Line[] = [];
  let from = 0;
  for (let i = 0; i < raw.length; i += 1) {
    if (raw[i] !== LF && (raw[i] !== CR || raw[i + 1] === LF)) continue;
    lines.push(lineOf(raw.subarray(from, i + 1)));
    from = i + 1;
  }
  if (from < raw.length) lines.push(lineOf(raw.subarray(from)));
  return lines;
}

function lineOf(raw: Buffer): Line {
  const textBytes = raw.length - terminatorLength(raw);
  const colon = raw.indexOf(COLON);
  const nameBytes = colon === -1 ? textBytes : colon;
  const valueFrom = Math.min(textBytes, nameBytes + (raw[nameBytes + 1] === SPACE ? 2 : 1));
  return {
    kind: kindOf(raw.toString('latin1', 0, nameBytes)),
    raw,
    value: raw.subarray(valueFrom, textBytes),
    terminator: raw.subarray(textBytes),
  };
}

function kindOf(name: string): Line['kind'] {
  if (name === 'data') return 'data';
  return name === '' || name === 'event' || name === 'id' || name === 'retry' ? 'kept' : 'unknown';
}

function render(lines: readonly Line[], data: string | undefined): Buffer {
  const parts: Buffer[] = [];
  let pending = data;
  for (const line of lines) {
    if (line.kind === 'kept') parts.push(line.raw);
    if (line.kind !== 'data' || pending === undefined) continue;
    for (const text of pending.split('\n')) parts.push(Buffer.from(`data: ${text}`), line.terminator);
    pending = undefined;
  }
  return Buffer.concat(parts);
}
