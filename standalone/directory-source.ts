/**
 * A directory of YAML as the source of what is served. Every change of a file is in force within milliseconds; what
 * cannot be read changes nothing; nothing ends the watching but `stop`. Minting never delays a revocation: it runs
 * beside the looking, over the same ledger.
 */
import { followsLinks, isConfigDirectory, MAX_FILES, sizeLimitOf } from '../core/config-directory.ts';
import type { GatewayConfigParser } from '../manifest/gateway-config.ts';
import type { ManifestLoader } from '../manifest/load.ts';
import type { Clock } from '../runtime/clock.ts';
import type { DirectoryReader } from '../runtime/directory-reader.ts';
import { createDirectoryReader, SETTLE_MS } from '../runtime/directory-reader.ts';
import type { Logger } from '../runtime/log.ts';
import { createDirectoryModel } from './directory-model.ts';
import type { DirectoryModel } from './directory-model.ts';
import type { DirectoryState } from './directory-state.ts';
import { createDirectoryWatch } from './directory-watch.ts';
import type { LedgerStore } from './ledger.ts';
import { openLedger } from './ledger.ts';
import type { Minter } from './minter.ts';
import { createMinter } from './minter.ts';
import type { Pacer } from './pacer.ts';
import { createPacer } from './pacer.ts';
import type { StateDirectory } from './state-directory.ts';
import { openStateDirectory } from './state-directory.ts';
import { createTokenFiles } from './token-files.ts';

export interface DirectorySourceDeps {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly loader: ManifestLoader;
  readonly parseConfig: GatewayConfigParser;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly log: Logger;
  /** Must have put the state in force when it returns. */
  readonly onState: (state: DirectoryState) => void;
  /** The directory was read whole, and what is in force is what it says. Called every second at least. */
  readonly onConfirmed: () => void;
}

export interface DirectorySource {
  /**
   * Resolves when the first state is in force. Rejects with a ConfigError when the state directory or
   * gateway-config.json cannot be used; a broken object does not stop it.
   */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Long enough for a writer's truncation and its first write to count as one change. */
const DEBOUNCE_MS = 2;
/** Changes that no watch told about are seen this late at most. */
const PERIOD_MS = 1000;
const MAX_TIMER_MS = 2 ** 31 - 1;
const LAYOUT = { sizeLimitOf, isEntered: isConfigDirectory, followsLinks, maxFiles: MAX_FILES };

export function createDirectorySource(deps: DirectorySourceDeps): DirectorySource {
  let running: { stop(): Promise<void> } | undefined;
  return {
    async start() {
      const state = await openStateDirectory(deps.stateDirectory);
      try {
        running = await run(deps, state, await openLedger(deps.stateDirectory));
      } catch (error) {
        await state.release();
        throw error;
      }
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
  };
}

interface Parts {
  readonly deps: DirectorySourceDeps;
  readonly state: StateDirectory;
  readonly minter: Minter;
  readonly model: DirectoryModel;
}

async function run(deps: DirectorySourceDeps, state: StateDirectory, ledger: LedgerStore): Promise<{ stop(): Promise<void> }> {
  const { clock, log, randomBytes } = deps;
  const files = createTokenFiles(state.path);
  const minter: Minter = createMinter({ ledger, files, clock, randomBytes, log, publish: () => model.publish() });
  const model = createDirectoryModel({ ...deps, ledger, minter });
  const reader = createDirectoryReader({ directory: deps.directory, layout: LAYOUT, clock });
  const parts = { deps, state, minter, model };

  model.absorb(await reader.read());
  model.requireConfig();
  await minter.recover(model.demands());
  const minting = startMinting(parts);
  const timer = createChangeTimer(parts, minting);
  timer.advance();
  const looking = startLooking(parts, reader, timer.advance);
  const period = setInterval(() => {
    looking.wake();
    minting.wake();
  }, PERIOD_MS);
  return {
    async stop() {
      clearInterval(period);
      await looking.stop();
      timer.stop();
      await minting.stop();
      // A revocation seen a moment ago must outlive this process.
      await ledger.save().catch((error: unknown) => log.error('state directory not written', { path: state.path, error }));
      await state.release();
    },
  };
}

/** Looks at the directory when something changed there. */
function startLooking({ deps, model }: Parts, reader: DirectoryReader, advance: () => void): Pacer {
  let settling: NodeJS.Timeout | undefined;
  // Stays true when publishing failed, so that the next look tries again.
  let isOwed = false;
  const looking = createPacer({
    delayMs: DEBOUNCE_MS,
    failed: (error) => deps.log.error('directory not read', { directory: deps.directory, error }),
    async run() {
      const listing = await reader.read();
      if (watch.arm(listing.directories)) looking.wake();
      clearTimeout(settling);
      if (listing.isUnsettled) settling = setTimeout(looking.wake, SETTLE_MS);
      isOwed = model.absorb(listing) || isOwed;
      if (isOwed) {
        advance();
        isOwed = false;
      }
      if (listing.faults.length === 0) deps.onConfirmed();
    },
  });
  const watch = createDirectoryWatch(looking.wake);
  // The first look arms the watches; until then nothing tells of a change.
  looking.wake();
  return {
    wake: looking.wake,
    async stop() {
      await looking.stop();
      watch.stop();
      clearTimeout(settling);
    },
  };
}

/** Writes ledger and token files, one run at a time. */
function startMinting({ deps, state, minter, model }: Parts): Pacer {
  return createPacer({
    delayMs: 0,
    failed: (error) => {
      deps.log.error('state directory not written', { path: state.path, error });
      model.setMintProblems([`${state.path}: cannot be written; nothing is minted or rotated`]);
    },
    async run() {
      if (!(await state.holdsLock())) throw new Error('the lock of the state directory is gone');
      if (model.isPresent()) await minter.run(model.demands());
      const missing = await minter.missingFiles();
      model.setMintProblems(missing.map((path) => `${path}: was removed; to get a new secret, rotate the token`));
    },
  });
}

/** Publishes what changed, and wakes for the next change that time alone brings. */
function createChangeTimer({ deps, model }: Parts, minting: Pacer): { advance(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  function advance(): void {
    model.publish();
    minting.wake();
    clearTimeout(timer);
    const nowMs = deps.clock.nowMs();
    const nextMs = model.nextChangeMs(nowMs);
    if (nextMs !== Infinity) timer = setTimeout(onTime, Math.min(nextMs - nowMs, MAX_TIMER_MS));
  }
  function onTime(): void {
    model.adjust();
    advance();
  }
  return { advance, stop: () => clearTimeout(timer) };
}
