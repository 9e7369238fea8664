/**
 * Reconciles one GatewayToken: observe, derive one step, carry it out, observe again, until there is nothing to do; then
 * its status. Only the leader runs it, and every write carries the leadership's signal.
 */
import { isDeepStrictEqual } from 'node:util';
import type { LedgerToken } from '../../../api/ledger.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/log.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { GATEWAY_TOKENS } from '../../kube/resources.ts';
import type { Outcome } from '../../kube/work-queue.ts';
import type { ClusterLedger, TokenName } from '../../ledger/ledger.ts';
import { deriveTokenStep, entryForgotten, newEntry } from './derive.ts';
import type { TokenStep } from './derive.ts';
import { observeToken } from './observe.ts';
import { happeningsOf } from './happenings.ts';
import { createMint } from './mint.ts';
import type { StepOutcome } from './mint.ts';
import type { TokenFacts, TokenSources } from './observe.ts';
import { recoverPending } from './recover-pending.ts';
import { isShown, tokenStatus } from './status.ts';
import type { StoredTokenStatus } from './status.ts';

export interface TokenControllerDeps {
  readonly client: Pick<KubeClient, 'apply' | 'applyStatus' | 'patch'>;
  readonly ledger: Pick<ClusterLedger, 'change' | 'fresh'>;
  /** Judged anew each time. */
  readonly isLeading: () => boolean;
  /** `status`: as the API server has it now. */
  readonly sources: TokenSources & { status(name: TokenName): StoredTokenStatus };
  /** Resolves when what has changed until now, on record or in objects, is published. */
  readonly published: () => Promise<void>;
  readonly record: EventRecorder['record'];
  /** The token that this entry was made for is gone, and so is the entry. */
  readonly forgotten: (entry: LedgerToken) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export type ReconcileToken = (key: string, signal: AbortSignal) => Promise<Outcome>;

const STATUS_MANAGER = 'mcpgateway-gatewaytoken-status';
/** What is shown on of a former process is looked at again. */
const SETTLING_RETRY_MS = 5_000;
/** More steps than a token can need: a step that changes nothing must not spin. */
const MOST_STEPS = 12;

export function createTokenController(deps: TokenControllerDeps): ReconcileToken {
  const { client, ledger, sources, clock } = deps;
  const mint = createMint(deps);

  return async function reconcile(key, signal) {
    const name = readKey(key);
    // It is in no bundle; but it is not gone, and what was minted for it must live when it can be read again.
    if (sources.token(name) === undefined && sources.isUnreadable(name)) return undefined;
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      // Acknowledgements of what was before would be taken for those of what is now.
      await deps.published();
      const facts = observe(name);
      const step = deriveTokenStep(facts);
      if (step.do === 'wait' || step.do === 'rest') {
        await writeStatus(facts, signal);
        return outcomeOf(step, facts);
      }
      const outcome = await carryOut(step, facts, signal).catch(async (error: unknown) => {
        // What keeps the Secret from being written is shown; it is tried again all the same.
        await writeStatus(observe(name), signal);
        throw error;
      });
      const forgotten = entryForgotten(step, facts.entry);
      if (forgotten !== undefined) deps.forgotten(forgotten);
      for (const happening of happeningsOf(step, facts, outcome)) deps.record(happening);
    }
    throw new Error('a token did not come to rest');
  };

  function observe(name: TokenName): TokenFacts {
    const at = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    return observeToken(name, { sources, held: mint.held, refusedForMs: mint.refusedForMs, secretRefusal: mint.secretRefusal, ...at });
  }

  async function carryOut(step: TokenStep, facts: TokenFacts, signal: AbortSignal): Promise<StepOutcome> {
    let outcome: StepOutcome = 'done';
    switch (step.do) {
      case 'forget':
      case 'record':
        await record(step, facts, signal);
        break;
      case 'recover':
        await recoverPending(deps, facts, signal);
        break;
      case 'mint':
        await mint.begin(facts, signal);
        break;
      case 'deliver':
        outcome = await mint.deliver(facts, step.generation, signal);
        break;
      case 'abandon':
        await mint.abandon(facts, step.generation, signal);
        outcome = 'refused';
        break;
      case 'wait':
      case 'rest':
    }
    return outcome;
  }

  /** Not over what another leader has recorded and this copy does not show yet: that is observed first. */
  async function record(step: Extract<TokenStep, { do: 'forget' | 'record' }>, { name, token, entry }: TokenFacts, signal: AbortSignal): Promise<void> {
    const after = step.do === 'record' ? step.entry : undefined;
    const uid = token?.metadata.uid ?? entry?.uid ?? '';
    await ledger.change({ ...name, uid }, (stored) => (isDeepStrictEqual(stored, entry) ? after : stored), signal);
    if (entry !== undefined && entry.uid !== after?.uid) mint.forget(entry.uid);
  }

  async function writeStatus(facts: TokenFacts, signal: AbortSignal): Promise<void> {
    const { token, name } = facts;
    if (token === undefined || token.metadata.deletionTimestamp !== undefined) return;
    // One that is refused is not on record.
    const entry = facts.entry ?? (facts.refusal === undefined ? undefined : newEntry(token, facts.nowMs));
    if (entry === undefined) return;
    const stored = sources.status(name);
    const status = tokenStatus({ ...facts, token, entry }, stored);
    if (isShown(stored.whole, status)) return;
    const metadata = { namespace: name.namespace, name: name.name };
    const object = { apiVersion: token.apiVersion, kind: token.kind, metadata, status };
    await client.applyStatus(GATEWAY_TOKENS, object, { fieldManager: STATUS_MANAGER, force: true, signal });
  }
}

export function tokenKeyOf({ namespace, name }: TokenName): string {
  return `${namespace}/${name}`;
}

function readKey(key: string): TokenName {
  const [namespace = '', name = ''] = key.split('/', 2);
  return { namespace, name };
}

function outcomeOf(step: TokenStep, { enforcement }: TokenFacts): Outcome {
  const due = [step.do === 'wait' ? step.ms : undefined, step.do === 'rest' ? step.requeueAfterMs : undefined, enforcement.isSettling ? SETTLING_RETRY_MS : undefined];
  const requeueAfterMs = Math.min(...due.map((ms) => ms ?? Infinity));
  return Number.isFinite(requeueAfterMs) ? { requeueAfterMs } : undefined;
}
