/** Everything a reconcile of one GatewayToken looks at, read once. */
import type { GatewayConfig } from '../../../api/gateway-config.gen.ts';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import type { ObjectProblem } from '../../../core/bundle/problem.ts';
import { readDemand } from '../../../core/token-demand.ts';
import type { TokenDemand } from '../../../core/token-life.ts';
import type { TokenName } from '../../ledger/ledger.ts';
import { refusalOf } from './refusal.ts';
import type { TokenRefusal } from './refusal.ts';
import { isSecretNameClaimed } from './secret-claim.ts';

/** How far the sidecars of the servers that a token names are. */
export interface Enforcement {
  /** Live sidecars that hold, or should hold, this token. */
  readonly sidecars: number;
  /** Those that acknowledged the last change of this token. */
  readonly enforcing: number;
  /** This process has just begun, and sidecars that it has not heard may have been told by another. */
  readonly isSettling: boolean;
  /** How long the slowest sidecar took, from the publication of the last change on. */
  readonly slowestAckMs?: number;
}

export interface TokenFacts {
  readonly name: TokenName;
  /** `undefined`: there is no such object any more. */
  readonly token: GatewayToken | undefined;
  /** What is on record under its name, made for whichever object. */
  readonly entry: LedgerToken | undefined;
  readonly demand: TokenDemand | undefined;
  readonly problems: readonly ObjectProblem[];
  readonly refusal: TokenRefusal | undefined;
  /** Another token of the namespace has the Secret's name (secret-claim.ts), or a Secret that is none of ours has it. */
  readonly isSecretNameTaken: boolean;
  /** When to look again whether it still is: it may become free without a sign. */
  readonly nameRetryMs: number | undefined;
  /** How the API server refused the Secret last, for instance `403 Forbidden`. */
  readonly secretRefusal: string | undefined;
  /** The pending generation whose secret this process holds. */
  readonly held: string | undefined;
  readonly heldForMs: number;
  readonly enforcement: Enforcement;
  readonly nowMs: number;
}

export interface TokenSources {
  token(name: TokenName): GatewayToken | undefined;
  /** There is an object of this name, and this version of the operator cannot read it. */
  isUnreadable(name: TokenName): boolean;
  entry(name: TokenName): LedgerToken | undefined;
  entries(): readonly LedgerToken[];
  countIn(namespace: string): number;
  /** Its hash was in force before, of another object, and is not to be again. */
  isRetired(token: GatewayToken): boolean;
  namespaceLabels(namespace: string): Readonly<Record<string, string>>;
  config(): GatewayConfig;
  problems(name: TokenName): readonly ObjectProblem[];
  enforcement(token: GatewayToken): Enforcement;
}

export interface HeldSecret {
  readonly generation: string;
  readonly text: string;
  readonly sinceMs: number;
}

export interface ObserveDeps {
  readonly sources: TokenSources;
  readonly held: (uid: string) => HeldSecret | undefined;
  /** How long the Secret that was found to be none of ours is not tried again. */
  readonly refusedForMs: (uid: string) => number | undefined;
  readonly secretRefusal: (uid: string) => string | undefined;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

const CLAIMED_RETRY_MS = 60_000;
const NOBODY: Enforcement = { sidecars: 0, enforcing: 0, isSettling: false };

export function observeToken(name: TokenName, { sources, held, refusedForMs, secretRefusal, nowMs, monotonicMs }: ObserveDeps): TokenFacts {
  const token = sources.token(name);
  const entry = sources.entry(name);
  if (token === undefined) {
    return { name, token, entry, demand: undefined, problems: [], refusal: undefined, isSecretNameTaken: false, nameRetryMs: undefined, secretRefusal: undefined, held: undefined, heldForMs: 0, enforcement: NOBODY, nowMs };
  }
  const uid = token.metadata.uid ?? '';
  const { demand, problems } = readDemand(token, sources.namespaceLabels(name.namespace), sources.config());
  const secret = held(uid);
  const isClaimed = isSecretNameClaimed(token, { entry, entries: sources.entries(), tokenOf: sources.token });
  const nameRetryMs = refusedForMs(uid) ?? (isClaimed ? CLAIMED_RETRY_MS : undefined);
  return {
    name,
    token,
    entry,
    demand,
    problems: [...problems, ...sources.problems(name)],
    refusal: refusalOf({ entry, onRecord: sources.countIn(name.namespace), isRetired: sources.isRetired(token) }),
    isSecretNameTaken: nameRetryMs !== undefined,
    nameRetryMs,
    secretRefusal: secretRefusal(uid),
    held: secret?.generation,
    heldForMs: secret === undefined ? 0 : monotonicMs - secret.sinceMs,
    enforcement: sources.enforcement(token),
    nowMs,
  };
}
