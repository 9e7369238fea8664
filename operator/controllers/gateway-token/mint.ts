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
import { KubeError } from '../../kube/kube-error.ts';
import { SECRETS } from '../../kube/resources.ts';
import type { ClusterLedger } from '../../ledger/ledger.ts';
import { NAME_TAKEN_RETRY_MS } from './derive.ts';
import type { HeldSecret, TokenFacts } from './observe.ts';

export interface MintDeps {
  readonly client: Pick<KubeClient, 'apply'>;
  readonly ledger: Pick<ClusterLedger, 'change'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Mint {
  /** The secret of a pending generation, by the UID of its token. */
  readonly held: (uid: string) => HeldSecret | undefined;
  /** The Secret that the token names was found to be somebody else's, within the last minute: then it is tried again. */
  readonly isRefused: (uid: string) => boolean;
  /** Records a new generation as pending; nobody can read it yet. */
  begin(facts: TokenFacts, signal: AbortSignal): Promise<void>;
  /** Writes the token's Secret, then records the generation as current. */
  deliver(facts: TokenFacts, generation: string, signal: AbortSignal): Promise<void>;
}

const FIELD_MANAGER = 'mcpgateway-gatewaytoken';

export function createMint({ client, ledger, clock, log }: MintDeps): Mint {
  const held = new Map<string, HeldSecret>();
  const refusedAtMs = new Map<string, number>();

  async function giveUp({ name }: TokenFacts, uid: string, generation: string, signal: AbortSignal): Promise<void> {
    refusedAtMs.set(uid, clock.monotonicMs());
    held.delete(uid);
    await ledger.change(name, (entry) => without(entry, generation), signal);
    log.warn('token Secret belongs to somebody else', { namespace: name.namespace, token: name.name });
  }

  /** The name of the Secret; `undefined` where it is somebody else's, and then it stays as it is. */
  async function writeSecret(token: GatewayToken, text: string, signal: AbortSignal): Promise<string | undefined> {
    const secretName = token.spec.secretRef?.name;
    if (secretName === undefined) return undefined;
    try {
      // Not forced: fields that another manager wrote are not taken over.
      await client.apply(SECRETS, tokenSecret(token, secretName, text), { fieldManager: FIELD_MANAGER, signal });
      return secretName;
    } catch (error) {
      if (isSomebodyElses(error)) return undefined;
      throw error;
    }
  }

  return {
    held: (uid) => held.get(uid),
    isRefused: (uid) => clock.monotonicMs() - (refusedAtMs.get(uid) ?? -Infinity) < NAME_TAKEN_RETRY_MS,
    async begin({ name, token, demand }, signal) {
      const uid = token?.metadata.uid;
      if (uid === undefined || demand === undefined) return;
      const { text, generation } = formatCredential({ generation: randomBytes(16), secret: randomBytes(32) });
      held.set(uid, { generation, text, sinceMs: clock.monotonicMs() });
      const hashed = { id: generation, sha256: hashCredential(text) };
      await ledger.change(name, (entry) => (entry?.uid === uid ? beginMint(entry, demand, hashed, clock.nowMs()) : entry), signal);
    },
    async deliver(facts, generation, signal) {
      const { token, demand, name } = facts;
      if (token?.metadata.uid === undefined) return;
      const { uid } = token.metadata;
      const secret = held.get(uid);
      if (secret?.generation !== generation) throw new TypeError('a pending generation has no secret to deliver');
      // Its sidecars know the token before it can be read; after a crash behind this line recover-pending.ts finds it.
      const secretName = await writeSecret(token, secret.text, signal);
      if (secretName === undefined) return giveUp(facts, uid, generation, signal);
      await ledger.change(name, (entry) => (entry?.uid === uid ? { ...promote(entry, generation, demand, clock.nowMs()), secretName } : entry), signal);
      refusedAtMs.delete(uid);
      held.delete(uid);
      log.info('token minted', { namespace: name.namespace, token: name.name, generation });
    },
  };
}

function without(entry: LedgerToken | undefined, generation: string): LedgerToken | undefined {
  return entry === undefined ? entry : { ...entry, generations: entry.generations.filter(({ id }) => id !== generation) };
}

/** Fields that another manager owns (409), a Secret of another type, which cannot change (422), or the policy of our account (403). */
function isSomebodyElses(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 409 || error.status === 422 || error.status === 403);
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
