/**
 * Makes tokens and hands them to their owners. A token's text is in the memory of the leader from its making until its
 * Secret is written, and nowhere else.
 */
import { randomBytes } from 'node:crypto';
import { TOKEN_SECRET_TYPE } from '../../../api/annotations.ts';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { GatewayToken } from '../../../api/v1alpha1/index.ts';
import { formatCredential, hashCredential } from '../../../core/credential.ts';
import { beginMint, promote } from '../../../core/token-life.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isFieldConflict, isInvalidField, KubeError } from '../../kube/kube-error.ts';
import { SECRETS } from '../../kube/resources.ts';
import { NotLeadingError } from '../../ledger/shard-store.ts';
import type { ClusterLedger } from '../../ledger/ledger.ts';
import type { HeldSecret, TokenFacts } from './observe.ts';
import { releaseUnused } from './secret-claim.ts';

export interface MintDeps {
  readonly client: Pick<KubeClient, 'apply'>;
  readonly ledger: Pick<ClusterLedger, 'change' | 'fresh'>;
  readonly isLeading: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** `refused`: the Secret is somebody else's. `dropped`: there was nothing to deliver any more. */
export type StepOutcome = 'done' | 'refused' | 'dropped';

export interface Mint {
  /** The secret of a pending generation, by the UID of its token. */
  readonly held: (uid: string) => HeldSecret | undefined;
  /** The Secret that the token names was found to be somebody else's: how long it is not tried again. */
  readonly refusedForMs: (uid: string) => number | undefined;
  /** How the API server refused the Secret last, unless it has taken it since: its status and its word for it. */
  readonly secretRefusal: (uid: string) => string | undefined;
  /** Records a new generation as pending, and whose its Secret's name is; nobody can read it yet. */
  begin(facts: TokenFacts, signal: AbortSignal): Promise<void>;
  /** The object is gone: nothing that was held for it is of use to anybody. */
  forget(uid: string): void;
  /** Takes a pending generation back that nobody was shown, and the name of its Secret where it never was used. */
  abandon(facts: TokenFacts, generation: string, signal: AbortSignal): Promise<void>;
  /** Writes the token's Secret, then records the generation as current; abandons it where it is on record as pending no more. */
  deliver(facts: TokenFacts, generation: string, signal: AbortSignal): Promise<StepOutcome>;
}

const FIELD_MANAGER = 'mcpgateway-gatewaytoken';
/** Soon at first: the Secret of a token that was made again goes with the former one, moments later. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

export function createMint({ client, ledger, isLeading, clock, log }: MintDeps): Mint {
  const held = new Map<string, HeldSecret>();
  const refused = new Map<string, { readonly times: number; readonly untilMs: number }>();
  const refusals = new Map<string, string>();

  function forget(uid: string): void {
    for (const kept of [refused, refusals, held]) kept.delete(uid);
  }

  async function abandon({ name, token }: TokenFacts, generation: string, signal: AbortSignal): Promise<void> {
    const uid = token?.metadata.uid ?? '';
    await ledger.change({ ...name, uid }, (entry) => (entry?.uid === uid ? without(entry, generation) : entry), signal);
    held.delete(uid);
  }

  async function giveUp(facts: TokenFacts, uid: string, generation: string, signal: AbortSignal): Promise<void> {
    const times = (refused.get(uid)?.times ?? 0) + 1;
    refused.set(uid, { times, untilMs: clock.monotonicMs() + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 4 ** (times - 1)) });
    await abandon(facts, generation, signal);
    const { name } = facts;
    log.warn('token Secret belongs to somebody else', { namespace: name.namespace, token: name.name });
  }

  /**
   * A leader that was paused may hold a text that its successor has taken back, and sidecars refuse: what counts is the
   * record as it is now, and that this process leads in the moment of writing. Left is the time that a write is on its
   * way, which is shorter than the one between the end of a tenure and the next (lease.ts).
   */
  async function mayBeShown({ name, token }: TokenFacts, generation: string, signal: AbortSignal): Promise<boolean> {
    const entry = await ledger.fresh(name, signal);
    if (!isLeading()) throw new NotLeadingError('another process leads, and delivers tokens');
    return entry?.uid === token?.metadata.uid && entry?.revoked === false && entry.generations.some(({ id, state }) => id === generation && state === 'Pending');
  }

  /** The name of the Secret; `undefined` where it is somebody else's, and then it stays as it is. */
  async function writeSecret(token: GatewayToken, text: string, signal: AbortSignal): Promise<string | undefined> {
    const secretName = token.spec.secretRef?.name;
    if (secretName === undefined) return undefined;
    try {
      // Not forced, and each token is a manager of its own: fields that anybody else wrote are not taken over.
      await client.apply(SECRETS, tokenSecret(token, secretName, text), { fieldManager: managerOf(token), signal });
      return secretName;
    } catch (error) {
      if (isSomebodyElses(error)) return undefined;
      if (error instanceof KubeError && error.status !== undefined) refusals.set(token.metadata.uid ?? '', `${String(error.status)} ${error.reason}`);
      throw error;
    }
  }

  return {
    held: (uid) => held.get(uid),
    secretRefusal: (uid) => refusals.get(uid),
    refusedForMs(uid) {
      const leftMs = (refused.get(uid)?.untilMs ?? -Infinity) - clock.monotonicMs();
      return leftMs > 0 ? leftMs : undefined;
    },
    async begin({ name, token, demand }, signal) {
      const uid = token?.metadata.uid;
      if (uid === undefined || demand === undefined) return;
      const { text, generation } = formatCredential({ generation: randomBytes(16), secret: randomBytes(32) });
      held.set(uid, { generation, text, sinceMs: clock.monotonicMs() });
      const hashed = { id: generation, sha256: hashCredential(text) };
      const secretName = token?.spec.secretRef?.name;
      const claim = secretName === undefined ? {} : { secretName };
      await ledger.change({ ...name, uid }, (entry) => (entry?.uid === uid ? { ...beginMint(entry, demand, hashed, clock.nowMs()), ...claim } : entry), signal);
    },
    abandon,
    forget,
    async deliver(facts, generation, signal) {
      const { token, demand, name } = facts;
      if (token?.metadata.uid === undefined) return 'dropped';
      const { uid } = token.metadata;
      const secret = held.get(uid);
      if (secret?.generation !== generation) throw new TypeError('a pending generation has no secret to deliver');
      if (!(await mayBeShown(facts, generation, signal))) {
        await abandon(facts, generation, signal);
        return 'dropped';
      }
      // Its sidecars know the token before it can be read; after a crash behind this line recover-pending.ts finds it.
      const secretName = await writeSecret(token, secret.text, signal);
      if (secretName === undefined) {
        await giveUp(facts, uid, generation, signal);
        return 'refused';
      }
      await ledger.change({ ...name, uid }, (entry) => (entry?.uid === uid ? { ...promote(entry, generation, demand, clock.nowMs()), secretName } : entry), signal);
      forget(uid);
      log.info('token minted', { namespace: name.namespace, token: name.name, generation });
      return 'done';
    },
  };
}

function without(entry: LedgerToken, generation: string): LedgerToken {
  return releaseUnused({ ...entry, generations: entry.generations.filter(({ id }) => id !== generation) });
}

function managerOf({ metadata }: GatewayToken): string {
  return `${FIELD_MANAGER}-${metadata.uid ?? ''}`;
}

/** Its fields are another manager's, it has another type, which cannot change, or another controller. */
function isSomebodyElses(error: unknown): boolean {
  return isFieldConflict(error) || isInvalidField(error, 'type') || isInvalidField(error, 'metadata.ownerReferences');
}

function tokenSecret({ apiVersion, kind, metadata }: GatewayToken, name: string, text: string) {
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: false };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: TOKEN_SECRET_TYPE,
    metadata: { namespace: metadata.namespace, name, ownerReferences: [owner] },
    data: { token: Buffer.from(text, 'utf8').toString('base64') },
  };
}
