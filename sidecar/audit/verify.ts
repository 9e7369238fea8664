/** Checks the hash chain of stored audit lines. Pure: reading the lines is the caller's part. */
import { CHAIN_START, lineHash } from './chain.ts';

export type ChainReport =
  /** Every line is the one that was written and none is missing between them. */
  | { readonly state: 'intact'; readonly from: number; readonly to: number; readonly dropped: number }
  /** Lines between these two numbers are not here. */
  | { readonly state: 'gap'; readonly after: number; readonly before: number }
  /** This line is not the one that was written. */
  | { readonly state: 'tampered'; readonly seq: number };

interface Link {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  /** Records that the writer itself reported as missing. */
  readonly dropped: number;
}

/**
 * Guaranteed: an edited, removed, inserted or reordered line is found, and the first one is named. Not guaranteed: an
 * edit of the last line, which no other line vouches for, and lines cut off at the end, where `audit.stop` is missing.
 * A new process begins a new chain; `from` is the number the newest chain begins with.
 */
export function verifyChain(lines: readonly string[]): ChainReport {
  let previous: Link | undefined;
  let from = 0;
  let dropped = 0;
  for (const [index, line] of lines.entries()) {
    const link = parseLink(line);
    if (link === undefined) return { state: 'tampered', seq: (previous?.seq ?? 0) + 1 };
    if (previous === undefined || isFirst(link)) from = link.seq;
    else {
      const fault = faultBetween(previous, link, lines[index + 1]);
      if (fault !== undefined) return fault;
    }
    dropped += link.dropped;
    previous = link;
  }
  return { state: 'intact', from, to: previous?.seq ?? 0, dropped };
}

function isFirst({ seq, prev }: Link): boolean {
  return seq === 1 && prev === CHAIN_START;
}

function faultBetween(previous: Link, link: Link, following: string | undefined): ChainReport | undefined {
  if (link.seq > previous.seq + 1) return { state: 'gap', after: previous.seq, before: link.seq };
  if (link.seq < previous.seq + 1) return { state: 'tampered', seq: link.seq };
  if (link.prev === previous.hash) return undefined;
  // The next line says which of the two changed: it still vouches for this one where this one is as it was written.
  const next = following === undefined ? undefined : parseLink(following);
  const isDisowned = next !== undefined && next.prev !== link.hash;
  return { state: 'tampered', seq: isDisowned ? link.seq : previous.seq };
}

function parseLink(line: string): Link | undefined {
  const record = parseObject(line);
  if (record === undefined) return undefined;
  const { seq, prev } = record;
  if (typeof seq !== 'number' || typeof prev !== 'string') return undefined;
  return { seq, prev, hash: lineHash(line), dropped: typeof record['dropped'] === 'number' ? record['dropped'] : 0 };
}

function parseObject(line: string): { seq?: unknown; prev?: unknown; [member: string]: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
