/** Whose a token is, remembered briefly, so that an acknowledgement does not cost a TokenReview. */
import { hash } from 'node:crypto';
import type { ServerName } from '../../api/bundle-stream.ts';
import type { Clock } from '../../runtime/clock.ts';

/** What the API server says of a token that is good and is for this server. */
export interface ReviewedPod {
  readonly podName: string;
  readonly podUid: string;
  readonly namespace: string;
  /** When the token ends, by the wall clock. */
  readonly expiresAtMs: number;
}

/** A TokenReview with the audience of this server: `undefined` for every token that is not for it. Throws where nobody can say. */
export type Review = (token: string, server: ServerName) => Promise<ReviewedPod | undefined>;

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
 * used for at most a minute and never past the end of the token. Throws a ReviewsBusyError above the bound of reviews
 * under way.
 */
export function createReviewCache(review: Review, clock: Clock): Review {
  const accepted = new Map<string, Remembered>();
  const refused = new Map<string, Remembered>();
  const running = new Map<string, Promise<ReviewedPod | undefined>>();

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

  return async (token, server) => {
    const key = hash('sha256', `${server.namespace}/${server.name}\n${token}`, 'hex');
    const known = recall(key);
    if (known !== undefined) return liveAt(known.pod, clock.nowMs());
    let asked = running.get(key);
    if (asked === undefined) {
      if (running.size >= MAX_RUNNING) throw new ReviewsBusyError('too many reviews of tokens are under way');
      asked = ask(key, token, server).finally(() => running.delete(key));
      running.set(key, asked);
    }
    return liveAt(await asked, clock.nowMs());
  };
}

function liveAt(pod: ReviewedPod | undefined, nowMs: number): ReviewedPod | undefined {
  return pod !== undefined && nowMs < pod.expiresAtMs ? pod : undefined;
}

function dropOldest(memory: Map<string, Remembered>, max: number): void {
  for (const key of memory.keys()) {
    if (memory.size <= max) return;
    memory.delete(key);
  }
}
