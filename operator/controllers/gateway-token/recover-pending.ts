/**
 * A pending generation whose secret this process does not hold: another leader ended between its making and its record.
 * If its Secret was written, somebody may have read it, and it is kept; if not, nobody can ever use it, and it goes.
 */
import { hash } from 'node:crypto';
import { recover } from '../../../core/token-life.ts';
import { isRecord } from '../../../manifest/record.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isDeniedByPolicy, isNotFound } from '../../kube/kube-error.ts';
import { SECRETS } from '../../kube/resources.ts';
import type { ClusterLedger } from '../../ledger/ledger.ts';
import type { TokenFacts } from './observe.ts';
import { releaseUnused } from './secret-claim.ts';

export interface RecoverDeps {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly ledger: Pick<ClusterLedger, 'change'>;
  readonly clock: Clock;
}

/** Resolves when the ledger says what became of the pending generation. */
export async function recoverPending({ client, ledger, clock }: RecoverDeps, { name, token, demand }: TokenFacts, signal: AbortSignal): Promise<void> {
  const uid = token?.metadata.uid ?? '';
  const secretName = token?.spec.secretRef?.name;
  const sha256 = secretName === undefined ? undefined : await hashOfSecret(client, { namespace: name.namespace, name: secretName }, signal);
  await ledger.change(
    { ...name, uid },
    (entry) => {
      if (entry === undefined || entry.uid !== uid) return entry;
      const settled = recover(entry, sha256, demand, clock.nowMs());
      // What was written is owned from now on, as if the other leader had come to record it.
      return sha256 !== undefined && secretName !== undefined && settled.generations.some((each) => each.sha256 === sha256) ? { ...settled, secretName } : releaseUnused(settled);
    },
    signal,
  );
}

/**
 * Of the token in a Secret of our own type. The operator may not read Secrets; an empty patch of one that it may write
 * answers with it, and the policy of its account refuses that for every other type.
 */
async function hashOfSecret(client: RecoverDeps['client'], ref: { readonly namespace: string; readonly name: string }, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { data } = await client.patch(SECRETS, ref, {}, { signal });
    const encoded = isRecord(data) ? data['token'] : undefined;
    return typeof encoded === 'string' ? hash('sha256', Buffer.from(encoded, 'base64').toString('utf8'), 'hex') : undefined;
  } catch (error) {
    if (isNotFound(error) || isDeniedByPolicy(error)) return undefined;
    throw error;
  }
}
