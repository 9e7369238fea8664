/**
 * The hash chain of audit lines: each names its number and the hash of the line before it, so a later edit of the
 * stored log shows. The hash is SHA-256 over the line without its newline, cut to 128 bits (32 hex digits): whoever
 * edits a line would need a second preimage, and that stays out of reach at this length.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import { quote } from './text.ts';

export const HASH_DIGITS = 32;
/** What the first line of a chain has in place of a hash. */
export const CHAIN_START = '0'.repeat(HASH_DIGITS);

export interface Gateway {
  /** The process: a pod name, or a host name with a process id. */
  readonly instance: string;
  readonly version: string;
}

export interface Chain {
  /** The finished line for these members, with its newline. */
  append(members: string): string;
}

export function lineHash(line: string): string {
  return hash('sha256', line, 'hex').slice(0, HASH_DIGITS);
}

/** Detects later editing only: the process that writes the log can write anything. */
export function createChain(clock: Clock, gateway: Gateway): Chain {
  const fixed = `","gateway":{"instance":${quote(gateway.instance, 256)},"version":${quote(gateway.version, 64)}},`;
  const timestamp = createTimestamp(clock);
  let seq = 0;
  let prev = CHAIN_START;
  return {
    append(members) {
      seq += 1;
      const line = `{"v":1,"seq":${seq},"prev":"${prev}","ts":"${timestamp()}${fixed}${members}}`;
      prev = lineHash(line);
      return `${line}\n`;
    },
  };
}

/** RFC 3339 in UTC with milliseconds; formatted once per millisecond. */
function createTimestamp(clock: Clock): () => string {
  let formattedMs = Number.NaN;
  let text = '';
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs !== formattedMs) {
      formattedMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}
