/** What is known of the directory now, and how a change of it becomes the next state. Holds no timer and no file. */
import type { ObjectProblem } from '../core/bundle/problem.ts';
import { GATEWAY_CONFIG_FILE, MOUNTED_SECRETS } from '../core/config-directory.ts';
import { ConfigError } from '../core/config-error.ts';
import type { GatewayConfigParser } from '../manifest/gateway-config.ts';
import type { ManifestLoader, ManifestState } from '../manifest/load.ts';
import { EMPTY_STATE, objectsOfKind } from '../manifest/load.ts';
import type { Clock } from '../runtime/clock.ts';
import type { DirectoryListing } from '../runtime/directory-reader.ts';
import type { Logger } from '../runtime/log.ts';
import type { ConfigReading } from './config-reader.ts';
import { createConfigReader } from './config-reader.ts';
import { deriveDemands } from './demands.ts';
import type { DirectoryState } from './directory-state.ts';
import { deriveDirectoryState } from './directory-state.ts';
import { createLedgerSync } from './ledger-sync.ts';
import type { LedgerStore } from './ledger.ts';
import { nextChangeMs } from '../core/token-life.ts';
import type { Demands, Minter } from './minter.ts';
import { createProblemReport } from './problem-report.ts';
import { tokenKey } from './token-entries.ts';

export interface DirectoryModelDeps {
  readonly loader: ManifestLoader;
  readonly parseConfig: GatewayConfigParser;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly log: Logger;
  readonly onState: (state: DirectoryState) => void;
  readonly ledger: LedgerStore;
  readonly minter: Pick<Minter, 'isRecorded' | 'forget'>;
}

export interface DirectoryModel {
  /** Reads the objects out of the files; true where anything changed. Publishes nothing. */
  absorb(listing: DirectoryListing): boolean;
  /** Lets the ledger follow objects and time. */
  adjust(): void;
  publish(): void;
  demands(): Demands;
  isPresent(): boolean;
  /** Throws a ConfigError where gateway-config.json never was good. */
  requireConfig(): void;
  /** Problems of the state directory; published when they change. */
  setMintProblems(problems: readonly string[]): void;
  /** The next time, after `nowMs`, at which time alone changes something; `Infinity` where none does. */
  nextChangeMs(nowMs: number): number;
}

const NOT_READ: DirectoryListing = { isPresent: false, files: [], faults: [], directories: new Map(), isUnsettled: false, revision: 0 };

export function createDirectoryModel(deps: DirectoryModelDeps): DirectoryModel {
  const { clock, randomBytes, ledger, minter } = deps;
  const readConfig = createConfigReader(deps.parseConfig);
  const syncLedger = createLedgerSync(ledger);
  const report = createProblemReport(deps.log);
  let listing = NOT_READ;
  let reading: ConfigReading = { config: undefined, problems: [] };
  let manifest: ManifestState = EMPTY_STATE;
  let demands: Demands = new Map();
  let objectProblems: readonly ObjectProblem[] = [];
  let mintProblems: readonly string[] = [];

  function adjust(): void {
    if (!listing.isPresent || reading.config === undefined) return;
    const derived = deriveDemands(objectsOfKind(manifest, 'GatewayToken'), reading.config);
    demands = derived.demands;
    const isWhole = listing.faults.length === 0 && !listing.isUnsettled;
    const outcome = syncLedger(manifest, demands, { nowMs: clock.nowMs(), randomBytes, isWhole });
    objectProblems = [...derived.problems, ...outcome.problems];
    minter.forget(outcome.forgotten);
  }

  function publish(): void {
    const { isPresent, files } = listing;
    const problems = [...faultsOf(listing), ...reading.problems, ...mintProblems];
    const sources = { files, manifest, config: reading.config, ledger: ledger.get(), isRecorded: minter.isRecorded, isPresent };
    const next = deriveDirectoryState({ ...sources, problems, objectProblems });
    deps.onState(next);
    report(next.problems);
  }

  return {
    absorb(next) {
      if (next.revision === listing.revision) return false;
      listing = next;
      reading = readConfig(next.files);
      manifest = deps.loader.load(next.files.filter(isManifest), manifest);
      adjust();
      return true;
    },
    adjust,
    publish,
    demands: () => demands,
    isPresent: () => listing.isPresent,
    requireConfig() {
      if (reading.config === undefined) throw new ConfigError([...reading.problems, ...faultsOf(listing)]);
    },
    setMintProblems(problems) {
      if (problems.join('\n') === mintProblems.join('\n')) return;
      mintProblems = problems;
      publish();
    },
    nextChangeMs(nowMs) {
      const changes = ledger.get().tokens.map((entry) => nextChangeMs(entry, demands.get(tokenKey(entry)), nowMs));
      return Math.min(...changes.filter((changeMs) => changeMs > nowMs));
    },
  };
}

function isManifest({ path }: { readonly path: string }): boolean {
  return path !== GATEWAY_CONFIG_FILE && !path.startsWith(`${MOUNTED_SECRETS}/`);
}

function faultsOf({ faults }: DirectoryListing): readonly string[] {
  return faults.map(({ path, problem }) => `${path}: ${problem}`);
}
