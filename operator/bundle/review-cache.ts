/** Whose a token is, remembered briefly, so that an acknowledgement does not cost a TokenReview. */
import { hash } from 'node:crypto';
import type { ServerName } from '../../api/bundle-stream.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createFailureBudget } from './failure-budget.ts';

/** What the API server says of a token that is good and is for this server. */
export interface ReviewedPod {
  readonly podName: string;
  readonly podUid: string;
  readonly namespace: string;
}

/** A TokenReview with the audience of this server: `undefined` for every token that is not for it. Throws where nobody can say. */
export type Review = (token: string, server: ServerName) => Promise<ReviewedPod | undefined>;
/** `peer`: the address that the token came from. */
export type CachedReview = (token: string, server: ServerName, peer: string) => Promise<ReviewedPod | undefined>;

export class ReviewsBusyError extends Error {}

const MAX_ENTRIES = 4096;
/** Tokens that are refused are a stranger's to make up: they never push out those that are accepted. */
const MAX_REFUSED = 1024;
const ACCEPTED_MS = 60_000;
const REFUSED_MS = 5_000;
const MAX_RUNNING = 32;

interface Remembered {
  readonly pod: ReviewedPod | undefined;
  readonly untilMs: number;
}

/**
 * Keyed by the hash of the whole token and the server: an answer for one server is never one for another. An answer is
 * used for at most a minute; whether the token has ended is for the caller to look at. Throws a ReviewsBusyError above
 * the bound of reviews under way, and for an address whose tokens failed too often (failure-budget.ts).
 *
 * Failures count against the address that sent the token, not against the pod that it names: whoever may look at pods
 * knows their names and uids, and could use up a pod's budget from elsewhere. A token that was accepted before is
 * reviewed again whatever its address owes. What is left to an attacker: from one address, 16 reviews at once and one
 * every two seconds; with a hundred addresses, as much as the reviews of one replica may take together, and then pods
 * that come with a token not seen before have to try again; and where he shares the address of pods, as behind a NAT,
 * their next token waits until his stop.
 */
export function createReviewCache(review: Review, clock: Clock): CachedReview {
  const accepted = new Map<string, Remembered>();
  const refused = new Map<string, Remembered>();
  const running = new Map<string, Promise<ReviewedPod | undefined>>();
  const budget = createFailureBudget(clock);

  function recall(key: string): Remembered | undefined {
    const known = accepted.get(key) ?? refused.get(key);
    return known !== undefined && clock.monotonicMs() < known.untilMs ? known : undefined;
  }

  async function ask(key: string, token: string, server: ServerName): Promise<ReviewedPod | undefined> {
    const askedMs = clock.monotonicMs();
    const pod = await review(token, server);
    const memory = pod === undefined ? refused : accepted;
    accepted.delete(key);
    refused.delete(key);
    memory.set(key, { pod, untilMs: askedMs + (pod === undefined ? REFUSED_MS : ACCEPTED_MS) });
    dropOldest(memory, pod === undefined ? MAX_REFUSED : MAX_ENTRIES);
    return pod;
  }

  /** As a stranger's: it costs the address until it turns out to be good. */
  async function askFor(peer: string, key: string, token: string, server: ServerName): Promise<ReviewedPod | undefined> {
    if (!budget.take(peer)) throw new ReviewsBusyError('too many tokens of this address were refused');
    let isFailure = false;
    try {
      const pod = await ask(key, token, server);
      isFailure = pod === undefined;
      return pod;
    } finally {
      if (!isFailure) budget.giveBack(peer);
    }
  }

  return async (token, server, peer) => {
    const key = hash('sha256', `${server.namespace}/${server.name}\n${token}`, 'hex');
    const known = recall(key);
    if (known !== undefined) return known.pod;
    let asked = running.get(key);
    if (asked === undefined) {
      if (running.size >= MAX_RUNNING) throw new ReviewsBusyError('too many reviews of tokens are under way');
      asked = (accepted.has(key) ? ask(key, token, server) : askFor(peer, key, token, server)).finally(() => running.delete(key));
      running.set(key, asked);
    }
    return asked;
  };
}

function dropOldest(memory: Map<string, Remembered>, max: number): void {
  for (const key of memory.keys()) {
    if (memory.size <= max) return;
    memory.delete(key);
  }
}
