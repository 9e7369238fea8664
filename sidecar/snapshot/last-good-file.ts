/**
 * The last good bundle, kept where a restarted sidecar finds it, with what must not be forgotten beside it: revocations,
 * and how old it was. A restart makes nothing younger and nothing valid again.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BUNDLE_LIMITS, BUNDLE_SHAPE, ORDER_SHAPE, REVISION_SHAPE, TOKEN_UID_SHAPE } from '../../api/bundle.ts';
import { arrayOf, integer, matching, objectOf, oneOf, optional, requireShape, text, WireError } from '../../api/wire-shape.ts';
import type { Bundle, BundleOrder } from '../../api/bundle.ts';
import type { ShapeOf } from '../../api/wire-shape.ts';
import { revisionOf } from '../../core/bundle/revision.ts';
import type { TokenHashes } from '../../core/bundle/revision.ts';
import { writeFileAtomic } from '../../runtime/atomic-file.ts';
import { errorCodeOf } from '../../runtime/error-code.ts';
import type { Held } from './bundle-admission.ts';
import type { Tombstone } from './tombstones.ts';

const HELD_FILE = 'bundle.json';
const FRESH_FILE = 'freshness.json';
const MODE = 0o600;

/** How old it is, in terms that survive a restart. */
export interface SavedFreshness {
  /** The newest evidence, by this node's wall clock; absent: there never was any. */
  readonly evidenceAtMs?: number;
  /** Operator's clock minus this node's. */
  readonly clockOffsetMs: number;
}

export interface SavedState {
  readonly held: Held;
  readonly freshness: SavedFreshness;
}

export interface LastGoodFile {
  /** `undefined`: there is none, or it is not whole; `problem` then says so. */
  read(problem: (cause: Error) => void): Promise<SavedState | undefined>;
  /** When it resolves, what was there before can no longer come back. Not to be called again before it has. */
  write(state: SavedState): Promise<void>;
  /** For the bundle that was written last: small, and written often. */
  writeFreshness(revision: string, freshness: SavedFreshness): Promise<void>;
}

interface HeldRecord {
  readonly format: 1;
  readonly epoch: number;
  readonly bundle?: Bundle;
  readonly retracted?: { readonly order: BundleOrder; readonly stream: string };
  readonly tombstones: readonly Tombstone[];
  readonly freshness: SavedFreshness;
}

interface FreshRecord {
  readonly format: 1;
  readonly revision: string;
  readonly freshness: SavedFreshness;
}

const FRESHNESS = objectOf<SavedFreshness>({ evidenceAtMs: optional(integer), clockOffsetMs: anOffset });

const TOMBSTONE = objectOf<Tombstone>({
  uid: TOKEN_UID_SHAPE,
  untilMs: integer,
  kind: oneOf('revoked', 'gone'),
  position: optional(matching(/^[0-9]{1,20}$/)),
  witnesses: arrayOf(text(BUNDLE_LIMITS.name), BUNDLE_LIMITS.list),
});

const HELD_SHAPE = objectOf<HeldRecord>({
  format: oneOf(1),
  epoch: integer,
  bundle: optional(BUNDLE_SHAPE),
  retracted: optional(objectOf<NonNullable<HeldRecord['retracted']>>({ order: ORDER_SHAPE, stream: text(BUNDLE_LIMITS.name) })),
  tombstones: arrayOf(TOMBSTONE, BUNDLE_LIMITS.tokens, 'uid'),
  freshness: FRESHNESS,
});

const FRESH_SHAPE = objectOf<FreshRecord>({ format: oneOf(1), revision: REVISION_SHAPE, freshness: FRESHNESS });

export function createLastGoodFile(directory: string, hashes: TokenHashes): LastGoodFile {
  const heldPath = join(directory, HELD_FILE);
  const freshPath = join(directory, FRESH_FILE);

  return {
    async read(problem) {
      try {
        const record = await readRecord<HeldRecord>(heldPath, HELD_SHAPE);
        if (record === undefined) return undefined;
        const held = heldOf(record, hashes);
        const fresher = await readRecord<FreshRecord>(freshPath, FRESH_SHAPE);
        // Of another bundle it says nothing about this one.
        const isOfThis = fresher !== undefined && fresher.revision === held.bundle?.revision;
        return { held, freshness: isOfThis ? fresher.freshness : record.freshness };
      } catch (cause) {
        problem(cause instanceof Error ? cause : new Error('cannot be read'));
        return undefined;
      }
    },
    async write({ held, freshness }) {
      const record: HeldRecord = { format: 1, ...held, tombstones: [...held.tombstones.values()], freshness };
      try {
        await writeFileAtomic(heldPath, JSON.stringify(record), { mode: MODE, replace: true });
      } catch (cause) {
        // Better none than one from before a revocation.
        await rm(heldPath, { force: true });
        throw cause;
      }
    },
    writeFreshness: (revision, freshness) =>
      writeFileAtomic(freshPath, JSON.stringify({ format: 1, revision, freshness } satisfies FreshRecord), { mode: MODE, replace: true }),
  };
}

function heldOf({ epoch, bundle, retracted, tombstones }: HeldRecord, hashes: TokenHashes): Held {
  if (bundle !== undefined && revisionOf(bundle, hashes) !== bundle.revision) throw new WireError('bundle.revision: is not that of the bundle');
  return {
    epoch,
    ...(bundle === undefined ? {} : { bundle }),
    ...(retracted === undefined ? {} : { retracted }),
    // The streams that witnessed anything ended with the process that had them.
    tombstones: new Map(tombstones.map((each) => [each.uid, { ...each, witnesses: [] }])),
  };
}

async function readRecord<T>(path: string, shape: ShapeOf<T>): Promise<T | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (cause) {
    if (errorCodeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
  const value: unknown = JSON.parse(content);
  requireShape<T>(shape, value);
  return value;
}

function anOffset(value: unknown): void {
  if (!Number.isSafeInteger(value)) throw new WireError('is not a whole number');
}
