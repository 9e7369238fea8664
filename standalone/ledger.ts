/**
 * The ledger on disk: one file, replaced whole. What was saved survives a crash at any moment; a file that is damaged
 * or lost stops the start, because an empty ledger would forget revocations and orphan every minted token.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ledger } from '../api/ledger.ts';
import { EMPTY_LEDGER, parseLedger } from '../api/ledger.ts';
import { ConfigError } from '../core/config-error.ts';
import { writeFileAtomic } from '../runtime/atomic-file.ts';
import { errorCodeOf } from '../runtime/error-code.ts';
import { TOKEN_FILES } from './token-files.ts';

export const LEDGER_FILE = 'ledger.json';

export interface LedgerStore {
  /** The ledger as it is now; it may be ahead of the disk. */
  get(): Ledger;
  /** Replaces the ledger in memory at once. */
  update(change: (ledger: Ledger) => Ledger): void;
  /** Resolves when everything that was in memory at the call is on disk. */
  save(): Promise<void>;
}

export async function openLedger(stateDirectory: string): Promise<LedgerStore> {
  const path = join(stateDirectory, LEDGER_FILE);
  let ledger = await readLedger(stateDirectory, path);
  let saved: Ledger | undefined;
  // One write at a time, in order: an older ledger never replaces a newer one.
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    const next = ledger;
    if (next === saved) return;
    await writeFileAtomic(path, `${JSON.stringify(next, undefined, 1)}\n`, { mode: 0o600, replace: true });
    saved = next;
  }

  return {
    get: () => ledger,
    update(change) {
      ledger = change(ledger);
    },
    save() {
      // A failed write is reported to whoever asked for it; the next one tries again.
      writing = writing.then(write, write);
      return writing;
    },
  };
}

async function readLedger(stateDirectory: string, path: string): Promise<Ledger> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT') throw new ConfigError([`${path}: cannot be read (${errorCodeOf(error) ?? 'unknown'})`]);
    await requireFresh(stateDirectory, path);
    return EMPTY_LEDGER;
  }
  try {
    return parseLedger(text);
  } catch (error) {
    // The message of JSON.parse quotes the text, and the ledger holds session keys.
    const fault = error instanceof TypeError ? error.message : 'is not JSON';
    throw new ConfigError([`${path}: is damaged (${fault}). ${RECOVERY}`]);
  }
}

async function requireFresh(stateDirectory: string, path: string): Promise<void> {
  const minted = await stat(join(stateDirectory, TOKEN_FILES)).catch(() => undefined);
  if (minted !== undefined) throw new ConfigError([`${path}: is missing although tokens were minted here. ${RECOVERY}`]);
}

const RECOVERY =
  'Restore it from a backup; or, to start afresh, revoke in the YAML what must stay revoked, then remove the state directory: ' +
  'every generated token is minted anew and its old secrets stop working.';
